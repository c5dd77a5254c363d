"""Progress of a training on stderr: a bar and a table of epochs on a terminal, the table elsewhere, or JSON lines."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Sequence
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Any

from inksight.cli.output import note
from inksight.utils.epochs import EpochTable

if TYPE_CHECKING:
    from rich.progress import TaskID

    from inksight.models.table import LayerRow

_EVERY_S = 0.1
_SHORT_EPOCH_S = 1.0  # epochs that are shorter share one bar


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
        """See `inksight.callbacks.Callback`."""
        self._tell("built", layers=len(layers), parameters=sum(layer.parameters for layer in layers))

    def row(self, row: dict[str, float]) -> None:
        """See `inksight.callbacks.Callback`."""
        self._tell("row", **row)

    def step(self, done: int, planned: int, running: dict[str, float]) -> None:
        """See `inksight.callbacks.Callback`."""
        if done >= planned:
            self._next = 0.0  # the last one is always told
        self._now_and_then("step", done=done, planned=planned)

    def epoch(self, number: int, epochs: int, row: dict[str, float]) -> None:
        """See `inksight.callbacks.Callback`. Its row was told."""

    def interrupted(self) -> None:
        """See `inksight.callbacks.Callback`."""
        self._tell("interrupted")

    def noted(self, text: str) -> None:
        """See `inksight.callbacks.Callback`."""
        self._tell("note", text=text)

    def _now_and_then(self, event: str, **facts: Any) -> None:
        """Tells what comes often, unless it told something a moment ago."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY_S
            self._tell(event, **facts)

    def _tell(self, event: str, **facts: Any) -> None:
        note(json.dumps({"event": event, **facts}))


class TrainingProgress:
    """A Callback for `fit`, and with `loading` a callable for the reading of the data before it."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._tasks: dict[str, TaskID] = {}
        self._table = EpochTable()
        self._started: tuple[int, float] | None = None  # steps done before the first one seen here, and when

    def __enter__(self) -> TrainingProgress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            columns = (TextColumn("{task.description:>9}"), BarColumn(24), TextColumn("{task.fields[figures]}"))
            self._bar = Progress(*columns, console=Console(stderr=True), refresh_per_second=8, transient=True)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for line in self._table.end():
            self.noted(line)
        if self._bar is not None:
            self._bar.stop()

    def loading(self, done: int, total: int, what: str) -> None:
        """Shows how much of the data is read."""
        if self._bar is not None:
            figures = f"{done:,} of {total:,}" if total else f"{done:,}"
            self._bar.update(self._task(what), completed=done, total=total or None, figures=figures)

    def built(self, layers: Sequence[LayerRow]) -> None:
        """See `inksight.callbacks.Callback`."""
        self._table.start()
        if self._bar is not None:
            for task in self._tasks.values():
                self._bar.update(task, visible=False)
            self._bar.update(self._task("training"), description="compiling")

    def row(self, row: dict[str, float]) -> None:
        """See `inksight.callbacks.Callback`. The table shows those at the ends of epochs."""

    def step(self, done: int, planned: int, running: dict[str, float]) -> None:
        """See `inksight.callbacks.Callback`."""
        if self._bar is None:
            return
        now = time.monotonic()
        self._started = self._started or (done - 1, now)
        before, since = self._started
        seconds_a_step = (now - since) / (done - before)
        epoch, epochs = math.ceil(running["epoch"]), int(running["epochs"])
        is_short = planned * seconds_a_step < _SHORT_EPOCH_S * epochs
        share = done / planned if is_short else running["epoch"] - (epoch - 1)
        figures = [f"loss {running['loss']:.4f}", f"accuracy {running['accuracy']:.4f}"]
        if done > before + 2:  # the first steps compile
            figures.append(f"{_duration((planned - done) * seconds_a_step)} left")
        what = f"{epoch}/{epochs}"
        self._bar.update(
            self._task("training"), description=what, completed=share, total=1.0, figures="  ".join(figures)
        )

    def epoch(self, number: int, epochs: int, row: dict[str, float]) -> None:
        """See `inksight.callbacks.Callback`."""
        for line in self._table.add(number, epochs, row):
            self.noted(line)

    def interrupted(self) -> None:
        """See `inksight.callbacks.Callback`."""
        self.noted("Stopping. The model trained so far is tested and saved; press Ctrl-C again to discard it.")

    def noted(self, text: str) -> None:
        """See `inksight.callbacks.Callback`."""
        if self._bar is None:
            note(text)
        else:
            self._bar.console.print(text, markup=False, highlight=False)

    def _task(self, what: str) -> TaskID:
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=None, figures="")
        return self._tasks[what]


def _duration(seconds: float) -> str:
    """Seconds for people: "42 s", "3 min 20 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
