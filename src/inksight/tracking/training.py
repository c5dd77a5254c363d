"""What a tracker is told of a training before its first step, all of it out of config.json."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from inksight.runs import Run

Row = dict[str, float]
PROJECT = "inksight"
"""The experiment or project that runs come into unless the environment names another."""
_LATER = ("resumed", "track")  # what facts say of how a training went, not of which it is


@dataclass(frozen=True)
class TrackedTraining:
    """path: of its run. key: the same for a training, its resumption, its run folder and copies of it, however they are
    called. started_s: since 1970.
    """

    path: Path
    key: str
    parameters: dict[str, str | int | float]
    command: str
    started_s: float

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.name


def training_of(path: Path, facts: Mapping[str, Any]) -> TrackedTraining:
    """Of a run's path and its provenance."""
    path = path.resolve()
    which = {name: value for name, value in facts.items() if name not in _LATER}
    text = json.dumps(which, sort_keys=True)
    return TrackedTraining(
        path=path,
        key=hashlib.sha256(text.encode()).hexdigest()[:16],
        parameters=_flat({name: value for name, value in which.items() if name not in ("command", "started")}),
        command=facts.get("command") or "",
        started_s=datetime.fromisoformat(facts["started"]).timestamp(),
    )


def results_of(run: Run) -> Row:
    """The figures of a finished run that are no course: `test_accuracy` and the like."""
    metrics = run.metrics
    test = {f"test_{name}": value for name, value in metrics["test"].items()}
    others = {name: metrics.get(name) for name in ("epochs", "images_per_s", "parameters", "temperature")}
    seconds = {"seconds_total": metrics.get("seconds", {}).get("total")}
    found = {**test, **others, **seconds}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


def rows_of(run: Run) -> list[Row]:
    """The course of a finished run; its last row has the results too."""
    *before, last = run.history
    return [*before, last | results_of(run)]


def files_of(run: Run) -> list[Path]:
    """The files of a run folder."""
    return sorted(path for path in run.path.iterdir() if path.is_file() and not path.name.startswith("."))


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, str | int | float]:
    """Nested records as one, "data.name" for instance; what is not said is not in it."""
    flat: dict[str, str | int | float] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{above}{name}.")
        elif value is not None:
            flat[f"{above}{name}"] = value if isinstance(value, str | int | float) else json.dumps(value)
    return flat
