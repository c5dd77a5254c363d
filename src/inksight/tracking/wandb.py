"""Weights & Biases: as its own environment says, WANDB_MODE=offline and WANDB_PROJECT for instance."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from inksight.runs import Run
from inksight.tracking.table import Alive
from inksight.tracking.training import PROJECT, Row, TrackedTraining, files_of, results_of
from inksight.utils.storage import shown

_INIT_S = 20.0


class WeightsAndBiases:
    """A run of wandb, whose ID is the training's key."""

    def __init__(self, alive: Alive) -> None:
        self._alive = alive

    def begin(self, training: TrackedTraining) -> None:
        """See Tracker."""
        import wandb

        self._step = -1.0
        self._run: Any = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or PROJECT,
            id=training.key,
            name=training.name,
            resume="allow",
            config={**training.parameters, "command": training.command},
            settings=wandb.Settings(silent=True, console="off", init_timeout=_INIT_S, x_disable_stats=True),
        )

    def row(self, row: Row) -> None:
        """See Tracker. wandb takes no step that lies before its last."""
        if row["step"] > self._step:
            self._step = row["step"]
            self._run.log({name: value for name, value in row.items() if name != "step"}, step=int(row["step"]))

    def finish(self, run: Run) -> str:
        """See Tracker."""
        import wandb

        for row in run.history:
            self.row(row)
        self._run.summary.update(results_of(run))
        artifact = wandb.Artifact(f"run-{self._run.id}", type="model", metadata={"run": run.path.name})
        for path in files_of(run):
            artifact.add_file(str(path))
            self._alive()
        self._run.log_artifact(artifact)
        where = shown(self._run.url or "") or f"wandb sync {Path(self._run.dir).parent}"
        self._run.finish()
        return where

    def broken(self) -> None:
        """See Tracker."""
        self._run.finish(exit_code=1)
