"""Data and choices -> a fitted Keras model."""
