"""TensorBoard: an event file in `tensorboard/<run>` beside the run folder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from inksight.runs import FIGURES, README, Run
from inksight.tracking.table import Alive
from inksight.tracking.training import Row, TrackedTraining, rows_of

FOLDER = "tensorboard"


class TensorBoard:
    """While it trains rows are added; the finished run is written anew, so that nothing is lost or doubled."""

    def __init__(self, alive: Alive) -> None:
        self._alive = alive

    def begin(self, training: TrackedTraining) -> None:
        """See Tracker."""
        self._training = training
        self._folder = training.path.parent / FOLDER / training.name
        self._live: Any = None

    def row(self, row: Row) -> None:
        """See Tracker."""
        if self._live is None:
            self._live = self._writer(self._folder)
        self._add(self._live, row)
        self._live.flush()

    def finish(self, run: Run) -> str:
        """See Tracker."""
        self.broken()
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{self._folder.name}-", dir=self._folder.parent) as temporary:
            self._write_all(run, Path(temporary))
            for old in self._folder.glob("events.out.tfevents.*"):
                old.unlink()
            for new in Path(temporary).iterdir():
                new.replace(self._folder / new.name)
        return f"tensorboard --logdir {self._folder.parent}"

    def broken(self) -> None:
        """See Tracker."""
        if self._live is not None:
            self._live.close()
            self._live = None

    def _write_all(self, run: Run, folder: Path) -> None:
        """A run as one event file."""
        writer = self._writer(folder)
        for row in rows_of(run):
            self._add(writer, row)
        writer.add_text("parameters", _table(self._training))
        if (run.path / README).is_file():
            writer.add_text("card", (run.path / README).read_text(encoding="utf-8"))
        for name in FIGURES:
            writer.add_image(Path(name).stem, _pixels(run.path / name), dataformats="HWC")
            self._alive()
        writer.close()

    def _writer(self, folder: Path) -> Any:
        from tensorboardX import SummaryWriter

        return SummaryWriter(str(folder))

    def _add(self, writer: Any, row: Row) -> None:
        """A row at its step and its time."""
        for name, value in row.items():
            if name != "step":
                writer.add_scalar(name, value, int(row["step"]), walltime=self._training.started_s + row["seconds"])


def _table(training: TrackedTraining) -> str:
    """The parameters in Markdown, and the command."""
    lines = [f"| {name} | {value} |" for name, value in training.parameters.items()]
    return "\n".join(["| parameter | value |", "|---|---|", *lines, "", f"    {training.command}", ""])


def _pixels(path: Path) -> np.ndarray:
    """A figure as uint8 (height, width, 3)."""
    from PIL import Image

    with Image.open(path, formats=["PNG"]) as image:
        return np.asarray(image.convert("RGB"))
