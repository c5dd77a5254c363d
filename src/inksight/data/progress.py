"""How long work tells how far it is: one callable, so that nothing here knows of terminals."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called with (done, total, what). Equal units for done and total; total is 0 while it is unknown."""


def silent(done: int, total: int, what: str) -> None:
    """Says nothing."""
