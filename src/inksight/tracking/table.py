"""The trackers by name."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable
from typing import Protocol

from inksight.errors import EngineError, UsageError, unknown
from inksight.runs import Run
from inksight.tracking.training import Row, TrackedTraining

Alive = Callable[[], None]
"""A sign of life, to be given after each thing that is sent."""


class Tracker(Protocol):
    """Where trainings are told, made with an Alive. Each call may raise anything.

    A training may be told in several goes, by its key: what is there already is neither lost nor doubled.
    """

    def begin(self, training: TrackedTraining) -> None:
        """Before anything else."""

    def row(self, row: Row) -> None:
        """A row of the history."""

    def finish(self, run: Run) -> str:
        """Everything that was not told yet, from the run folder. Returns where it is to be seen."""

    def broken(self) -> None:
        """The training ended without a run."""


TRACKERS = {
    "mlflow": ("mlflow", "MLflow", 60.0),
    "tensorboard": ("tensorboardX", "TensorBoard", 60.0),
    "wandb": ("wandb", "WeightsAndBiases", 600.0),  # sends all its files in one call
}
"""Name, which is also that of its extra and of its file here -> (the package it needs, its class, seconds without a
sign of life after which it is given up)."""


def require_tracker(name: str | None) -> str | None:
    """The name, if there is such a tracker and it is installed; None for none.

    Raises:
        UsageError: there is none, or INKSIGHT_TRACKING_S is no time. EngineError: it is not installed.
    """
    if name is None:
        return None
    if name not in TRACKERS:
        raise UsageError(unknown("tracker", name, TRACKERS))
    spec = importlib.util.find_spec(TRACKERS[name][0])
    if spec is None or spec.origin is None:  # a folder of that name, which wandb makes, is no package
        raise EngineError(f'{name} is not installed. Install it: pip install "inksight[{name}]".')
    most_silence(name)
    return name


def most_silence(name: str) -> float:
    """Seconds without a sign of life after which a tracker is given up: INKSIGHT_TRACKING_S, or its own.

    Raises:
        UsageError: the variable is no number above 0.
    """
    text = os.environ.get("INKSIGHT_TRACKING_S", "")
    try:
        seconds = float(text or TRACKERS[name][2])
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise UsageError(f'INKSIGHT_TRACKING_S is "{text}"; a number of seconds above 0 was wanted.')
    return seconds


def load_tracker(name: str, alive: Alive) -> Tracker:
    """A new one. Its package is imported when it begins."""
    tracker: Tracker = getattr(importlib.import_module(f"inksight.tracking.{name}"), TRACKERS[name][1])(alive)
    return tracker
