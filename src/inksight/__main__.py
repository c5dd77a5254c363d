"""`python -m inksight`."""

from inksight.cli import main

main()
