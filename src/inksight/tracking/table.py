"""The trackers by name."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Protocol

from inksight.errors import EngineError, UsageError, unknown
from inksight.runs import Run
from inksight.tracking.training import Row, Training


class Tracker(Protocol):
    """Where trainings are told. Each call may raise anything.

    A training may be told in several goes, by its key: what is there already is neither lost nor doubled.
    """

    def begin(self, training: Training) -> None:
        """Before anything else."""

    def row(self, row: Row) -> None:
        """A row of the history."""

    def finish(self, run: Run) -> str:
        """Everything that was not told yet, from the run folder. Returns where it is to be seen."""

    def broken(self) -> None:
        """The training ended without a run."""


TRACKERS = {
    "mlflow": ("mlflow", "MLflow"),
    "tensorboard": ("tensorboardX", "TensorBoard"),
    "wandb": ("wandb", "WeightsAndBiases"),
}
"""Name, which is also that of its extra and of its file here -> (the package it needs, its class)."""


def require_tracker(name: str | None) -> str | None:
    """The name, if there is such a tracker and it is installed; None for none.

    Raises:
        UsageError: there is none. EngineError: it is not installed.
    """
    if name is None:
        return None
    if name not in TRACKERS:
        raise UsageError(unknown("tracker", name, TRACKERS))
    spec = importlib.util.find_spec(TRACKERS[name][0])
    if spec is None or spec.origin is None:  # a folder of that name, which wandb makes, is no package
        raise EngineError(f'{name} is not installed. Install it: pip install "inksight[{name}]".')
    return name


def load_tracker(name: str) -> Tracker:
    """A new one. Its package is imported when it begins."""
    tracker: Tracker = getattr(importlib.import_module(f"inksight.tracking.{name}"), TRACKERS[name][1])()
    return tracker
