"""One training of an experiment: fitted on the training part, measured on the validation part and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from inksight.callbacks import Callback
from inksight.config import TrainConfig
from inksight.data.dataset import Dataset
from inksight.errors import EngineError, InksightError, UsageError
from inksight.imaging.decode import pictures_at_once
from inksight.metrics.metrics import METRICS
from inksight.models.table import LayerRow, layer_table
from inksight.search.ablation.folder import Outcome
from inksight.search.ablation.plan import Setting
from inksight.training.session import build_model, prepare


class OutOfTimeError(Exception):
    """A training that would not end in time was given up."""


@dataclass
class Deadline(Callback):
    """A Callback that gives a training up at `ends_at`, a reading of time.monotonic()."""

    ends_at: float | None

    def step(self, done: int, planned: int, running: dict[str, float]) -> None:
        """See `inksight.callbacks.Callback`."""
        if self.ends_at is not None and time.monotonic() > self.ends_at:
            raise OutOfTimeError


def costs(dataset: Dataset, settings: Sequence[Setting]) -> dict[str, dict[str, int]]:
    """Parameters and multiply-adds a picture of each setting, by name; builds all of them, and trains none.

    Raises:
        UsageError: one that cannot be built.
    """
    from inksight.training.objective import build_optimizer

    found = {}
    for setting in settings:
        try:
            model = build_model(dataset, setting.config)
            build_optimizer(setting.config)
        except UsageError as error:
            raise UsageError(f"{setting.name}: {error}") from error
        rows: list[LayerRow] = layer_table(model)
        found[setting.name] = {
            "parameters": sum(row.parameters for row in rows),
            "multiply_adds": sum(row.multiply_adds for row in rows),
        }
    return found


def run_trial(
    dataset: Dataset, name: str, config: TrainConfig, backend: str, ends_at: float | None = None
) -> Outcome | None:
    """Trains and measures; what goes wrong in it is its outcome.

    Args:
        dataset: with its validation part, the same for all trials.
        name: of the setting. config: with the trial's seed.
        ends_at: when to give it up.
    Returns:
        None when it was interrupted by Ctrl-C.
    Raises:
        OutOfTimeError: it was given up.
    """
    assert dataset.validation is not None
    started = time.monotonic()
    try:
        session = prepare(dataset, replace(config, backend=backend))
        fitted = session.fit(callback=Deadline(ends_at))
        if fitted.ended == "interrupted":
            return None
        size = pictures_at_once(dataset.size_px)
        probabilities = np.asarray(session.model.predict(dataset.validation.batch, batch_size=size, verbose=0))
        if not np.isfinite(probabilities).all():
            raise EngineError("the network answers with numbers that are none. Try a smaller learning_rate.")
    except OutOfTimeError:
        raise
    except Exception as error:  # whatever it is, the other trials go on
        text = str(error) if isinstance(error, InksightError) else f"{type(error).__name__}: {error}"
        return Outcome(name, config.seed, _since(started), ended="failed", error=text[:2000])
    labels = dataset.validation.labels
    return Outcome(
        setting=name,
        seed=config.seed,
        seconds=_since(started),
        accuracy=METRICS["accuracy"](labels, probabilities),
        loss=METRICS["log_loss"](labels, probabilities),
        wrong=tuple(np.flatnonzero(probabilities.argmax(1) != labels).tolist()),
        ended=fitted.ended,
    )


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)
