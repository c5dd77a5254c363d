"""A model and labelled pictures go in; metrics come out, of one model or of two that are compared."""
