"""Callbacks of a training: progress displays and trackers are some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inksight.models.table import LayerRow

Row = dict[str, float]
"""A row of the history: epoch, step, loss, accuracy, learning_rate, seconds and val_…"""


class Callback:
    """The base class of callbacks; every method does nothing."""

    def built(self, layers: Sequence[LayerRow]) -> None:
        """Called before the first step."""

    def step(self, done: int, planned: int, running: Row) -> None:
        """Called after each step.

        Args:
            done, planned: steps; under a time limit `planned` is an estimate.
            running: `epoch` (2.5 in the middle of the third) and `epochs` (planned), and `loss` and `accuracy` over
                that epoch so far. All but `epochs` may be a tenth of a second old.
        """

    def row(self, row: Row) -> None:
        """Called with each new row of the history."""

    def epoch(self, number: int, epochs: int, row: Row) -> None:
        """Called at the end of epoch `number` of `epochs` with its row of the history."""

    def interrupted(self) -> None:
        """Called when the training ends early on request."""

    def noted(self, text: str) -> None:
        """Called with a message for the user."""
