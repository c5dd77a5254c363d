"""Which choices matter: one knob after the other turned around a base, several seeds, and what of it is real."""
