"""Keras -> other formats, each proved equal before it is saved."""
