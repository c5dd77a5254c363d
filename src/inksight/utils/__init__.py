"""Small helpers that every package may use: whole files, storage behind URLs, timing, signals, extras, notebooks."""
