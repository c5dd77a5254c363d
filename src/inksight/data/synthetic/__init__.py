"""Digits drawn by rule or taken from handwriting typefaces -> tiles of ink."""
