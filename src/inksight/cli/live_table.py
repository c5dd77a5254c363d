"""A table that moves on a terminal's stderr while work goes on; elsewhere there is none."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self


class LiveTable:
    """What the tables of `inksight experiment` and `inksight tune` have in common."""

    def __init__(self) -> None:
        self._live: Any = None  # None as well where nothing can move

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def _start(self) -> None:
        """Gives the table its place, on a terminal."""
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), transient=True, refresh_per_second=4)
            self._live.start()
