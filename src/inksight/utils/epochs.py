"""The epochs of a training as lines of text, a table that grows."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

MOST_LINES = 20
_BEFORE = ("epoch", "step", "learning_rate", "seconds")  # of a row; the rest are its figures
_FIRST = ("loss", "accuracy", "val_loss", "val_accuracy")


class EpochTable:
    """Lines of at most about MOST_LINES epochs, evenly spread; the first and the last are always among them.

    The epoch with the lowest validation loss is marked "best": at the end, where that is known.
    """

    def __init__(self) -> None:
        self.start()
        self._columns: list[str] = []
        self._best: tuple[float, str] | None = None  # the lowest validation loss and the line of its epoch
        self._line = self._last_printed = ""
        self._count = 0
        self._next_share = 0.0  # of the training, from which on the next line is printed

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
        self._count += 1
        lines = []
        if not self._columns:
            found = [name for name in row if name not in _BEFORE]
            self._columns = sorted(found, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
            lines.append("  ".join([f"{'epoch':>9}", *self._columns, "seconds"]))
        figures = [f"{row[name]:>{len(name)}.4f}" if name in row else " " * len(name) for name in self._columns]
        self._line = "  ".join([f"{f'{number}/{epochs}':>9}", *figures, f"{seconds:>7.{1 if seconds >= 1 else 2}f}"])
        loss = row.get("val_loss")
        if loss is not None and (self._best is None or loss < self._best[0]):
            self._best = (loss, self._line)
        share = number / epochs
        if share >= 1:
            lines += self.end()
        elif share >= self._next_share:
            self._next_share = math.floor(share * MOST_LINES + 1) / MOST_LINES
            self._last_printed = self._line
            lines.append(self._line)
        return lines

    def end(self) -> list[str]:
        """Returns the lines still to print: the last epoch unless it was printed, and the best one with its mark."""
        last, self._line = self._line, ""
        if not last:
            return []
        best = f"{self._best[1]}  best" if self._best is not None and self._count > 1 else None
        is_best = self._best is not None and self._best[1] == last
        lines = [] if last == self._last_printed or (is_best and best) else [last]
        return lines if best is None else [*lines, best]
