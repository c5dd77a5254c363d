"""How a training shows itself, always on stderr: a bar on a terminal, one line an epoch elsewhere, or JSON lines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Any

from inksight.cli.output import note
from inksight.cli.tables import print_layers

if TYPE_CHECKING:
    from rich.progress import TaskID

    from inksight.nets.table import LayerRow

_COLUMNS = (("rate", "{task.fields[rate]}"), ("loss", "{task.fields[loss]}"), ("accuracy", "{task.fields[accuracy]}"))
_EVERY_S = 0.1


class ProgressForm(StrEnum):
    """For whom progress is shown."""

    text = "text"
    json = "json"


class JsonProgress:
    """As TrainingProgress, for programs: an object a line.

    Its `event` is one of loading, built, step, row, interrupted, note. Every row of the history is told; steps and
    loading ten times a second at most. When nobody listens any more the pipe breaks, and that ends the training.
    """

    def __init__(self) -> None:
        self._next = 0.0
        self._row: dict[str, float] = {}

    def __enter__(self) -> JsonProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to put away."""

    def loading(self, done: int, total: int, what: str) -> None:
        """Tells how much of the data is read."""
        self._now_and_then("loading", done=done, total=total, what=what)

    def built(self, layers: Sequence[LayerRow]) -> None:
        """See `inksight.training.fit.Watcher`."""
        self._tell("built", layers=len(layers), parameters=sum(layer.parameters for layer in layers))

    def step(self, done: int, planned: int, row: dict[str, float]) -> None:
        """See `inksight.training.fit.Watcher`."""
        if row != self._row:
            self._row = row
            self._tell("row", **row)
        if done >= planned:
            self._next = 0.0  # the last one is always told
        self._now_and_then("step", done=done, planned=planned)

    def epoch(self, number: int, row: dict[str, float]) -> None:
        """See `inksight.training.fit.Watcher`. Its row was told."""

    def interrupted(self) -> None:
        """See `inksight.training.fit.Watcher`."""
        self._tell("interrupted")

    def noted(self, text: str) -> None:
        """See `inksight.training.fit.Watcher`."""
        self._tell("note", text=text)

    def _now_and_then(self, event: str, **facts: Any) -> None:
        """Tells what comes often, unless it told something a moment ago."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY_S
            self._tell(event, **facts)

    def _tell(self, event: str, **facts: Any) -> None:
        note(json.dumps({"event": event, **facts}))


class TrainingProgress:
    """A Watcher for `fit`, and with `loading` a callable for the reading of the data before it."""

    def __init__(self, show_layers: bool = False) -> None:
        self._show_layers = show_layers
        self._bar: Any = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> TrainingProgress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            figures = (TextColumn(text) for _, text in _COLUMNS)
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                *figures,
                TextColumn("left"),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=Console(stderr=True), refresh_per_second=8)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def loading(self, done: int, total: int, what: str) -> None:
        """Shows how much of the data is read."""
        if self._bar is not None:
            self._bar.update(self._task(what), completed=done, total=total or None)

    def built(self, layers: Sequence[LayerRow]) -> None:
        """See `inksight.training.fit.Watcher`."""
        if self._show_layers:
            print_layers(layers)

    def step(self, done: int, planned: int, row: dict[str, float]) -> None:
        """See `inksight.training.fit.Watcher`."""
        if self._bar is None:
            return
        task = self._task("training")
        speed = self._bar.tasks[task].speed
        self._bar.update(
            task, completed=done, total=planned, rate=f"{speed:,.0f} steps/s" if speed else "", **_shown(row)
        )

    def epoch(self, number: int, row: dict[str, float]) -> None:
        """See `inksight.training.fit.Watcher`."""
        if self._bar is None:
            shown = _shown(row)
            validation = f", validation accuracy {row['val_accuracy']:.4f}" if "val_accuracy" in row else ""
            note(f"epoch {number}: {shown['loss']}, {shown['accuracy']}{validation}, {row['seconds']:.1f} s")

    def interrupted(self) -> None:
        """See `inksight.training.fit.Watcher`."""
        note("Ending here; what was learned is tested and saved. Ctrl-C again gives it up.")

    def noted(self, text: str) -> None:
        """See `inksight.training.fit.Watcher`."""
        if self._bar is None:
            note(text)
        else:
            self._bar.console.print(text, markup=False, highlight=False)

    def _task(self, what: str) -> TaskID:
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=None, **{name: "" for name, _ in _COLUMNS})
        return self._tasks[what]


def _shown(row: dict[str, float]) -> dict[str, str]:
    """Loss and accuracy as text."""
    return {name: f"{name} {row[name]:.4f}" if name in row else "" for name in ("loss", "accuracy")}
