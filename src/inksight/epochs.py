"""The epochs of a training as lines of text, a table that grows."""

from __future__ import annotations

import time
from collections.abc import Mapping

MOST_LINES = 20
_BEFORE = ("epoch", "step", "learning_rate", "seconds")  # of a row; the rest are its figures
_FIRST = ("loss", "accuracy", "val_loss", "val_accuracy")


class EpochTable:
    """Lines of at most about MOST_LINES epochs, evenly spread; the first and the last are always among them.

    A line is marked "best" where its validation loss is the lowest so far.
    """

    def __init__(self) -> None:
        self._columns: list[str] = []
        self._last_end = time.monotonic()
        self._best: tuple[float, str] | None = None  # the lowest validation loss and the line of its epoch
        self._shown: set[str] = set()
        self._line = ""

    def start(self) -> None:
        """Starts the clock of the first epoch."""
        self._last_end = time.monotonic()

    def add(self, number: int, epochs: int, row: Mapping[str, float]) -> list[str]:
        """Adds an epoch; returns the lines to print now, the header before the first.

        Args:
            number: of the epoch, from 1. epochs: planned; may change from call to call.
            row: its row of the history.
        """
        now = time.monotonic()
        seconds, self._last_end = now - self._last_end, now
        lines = []
        if not self._columns:
            found = [name for name in row if name not in _BEFORE]
            self._columns = sorted(found, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
            lines.append("  ".join([f"{'epoch':>9}", *self._columns, "seconds"]))
        figures = [f"{row[name]:>{len(name)}.4f}" if name in row else " " * len(name) for name in self._columns]
        self._line = "  ".join([f"{f'{number}/{epochs}':>9}", *figures, f"{seconds:>7.{1 if seconds >= 1 else 2}f}"])
        loss = row.get("val_loss")
        if loss is not None and epochs > 1 and (self._best is None or loss < self._best[0]):
            self._line += "  best"
            self._best = (loss, self._line)
        spread = number * MOST_LINES // epochs > (number - 1) * MOST_LINES // epochs
        if number == 1 or number >= epochs or spread:
            lines += self._show(self._line)
        return lines

    def end(self) -> list[str]:
        """Returns the lines still to print: the last epoch, and the best one, unless they were printed."""
        lines = [self._best[1]] if self._best is not None else []
        return [line for line in (*lines, self._line) if line and line not in self._shown and self._show(line)]

    def _show(self, line: str) -> list[str]:
        self._shown.add(line)
        return [line]
