"""`python -m inksight`."""

from inksight.cli import run

run()
