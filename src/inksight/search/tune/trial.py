"""One trial, in the process of a worker: built, timed, trained, looked at on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from inksight.callbacks import Callback
from inksight.config import TrainConfig
from inksight.data.dataset import Dataset
from inksight.errors import EngineError, InksightError
from inksight.training.fit import Fitted
from inksight.training.session import prepare

if TYPE_CHECKING:
    import keras

    from inksight.models.table import LayerRow

LOOKS = (20, 40)  # percent of a training: ASHA's rungs, each HALVING times the one before
HALVING = 2  # of the trials at a rung, the better half goes on
_TEXT = 2000  # characters of an error that are kept
_RUNS, _WARM_RUNS = 200, 20
_UNDISTURBED = 0.1  # quantile of the times, where other trials run beside

Report = Callable[[dict[str, Any]], None]


@dataclass
class Looking(Callback):
    """A Callback that reports each look at the validation part."""

    report: Report
    looks: list[tuple[float, float]] = field(default_factory=list)
    costs: dict[str, int] = field(default_factory=dict)
    _newest: dict[str, float] = field(default_factory=dict)

    def built(self, layers: Sequence[LayerRow]) -> None:
        """See `inksight.callbacks.Callback`."""
        self.costs = {
            "parameters": sum(row.parameters for row in layers),
            "multiply_adds": sum(row.multiply_adds for row in layers),
        }

    def row(self, row: dict[str, float]) -> None:
        """See `inksight.callbacks.Callback`."""
        self._newest = row

    def step(self, done: int, planned: int, running: dict[str, float]) -> None:
        """See `inksight.callbacks.Callback`."""
        row = self._newest
        if row.get("step") != done or "val_accuracy" not in row or done == planned:
            return
        passed = [look for look in LOOKS[len(self.looks) :] if 100 * done >= look * planned]
        for look in passed:
            self.looks.append((look, row["val_accuracy"]))
            self.report({"share": look, "accuracy": row["val_accuracy"], **self.costs})


def run_trial(
    dataset: Dataset, config: TrainConfig, backend: str, latency_limit_ms: float | None, report: Report
) -> None:
    """Does one trial and reports what came of it; what goes wrong in it is what came of it.

    Args:
        dataset: with its validation part, the same for all trials.
        config: with the trial's seed.
        report: given a dict after each look, and at the end one with `ended`, `seconds` and, where something went
            wrong, `error`. It may raise SystemExit, where the trial is to be ended.
    """
    started = time.monotonic()
    callback = Looking(report)
    last: dict[str, Any] = {"share": 0.0, "accuracy": 0.0}
    try:
        last |= _trained(dataset, config, backend, latency_limit_ms, callback)
    except Exception as error:  # whatever it is, the other trials go on
        text = str(error) if isinstance(error, InksightError) else f"{type(error).__name__}: {error}"
        last |= {"ended": "failed", "error": text[:_TEXT]}
    report({**last, **callback.costs, "seconds": round(time.monotonic() - started, 3)})


def _trained(
    dataset: Dataset, config: TrainConfig, backend: str, limit_ms: float | None, callback: Looking
) -> dict[str, Any]:
    """What there is to say of a trial that went well."""
    from inksight.models.table import layer_table

    session = prepare(dataset, replace(config, backend=backend))
    timed: dict[str, Any] = {}
    if limit_ms is not None:
        timed = {"latency_ms": latency_ms(session.model, _UNDISTURBED)}
        if timed["latency_ms"] > limit_ms:
            callback.built(layer_table(session.model))
            return {"ended": "too slow", **timed}
    fitted = session.fit(callback=callback, looks=[look / 100 for look in LOOKS])
    return {"ended": "finished", "share": 100.0, "accuracy": _accuracy(fitted, session.config), **timed}


def _accuracy(fitted: Fitted, config: TrainConfig) -> float:
    """Of the weights that were kept, on the validation part."""
    measured = [row for row in fitted.history if "val_accuracy" in row]
    best = config.early_stopping and fitted.ended != "target reached"
    kept = min(measured, key=lambda row: row["val_loss"]) if best else measured[-1]
    if not math.isfinite(kept["val_loss"]):
        raise EngineError("the network answers with numbers that are none. Try a smaller learning_rate.")
    return kept["val_accuracy"]


def latency_ms(model: keras.Model, quantile: float = 0.5) -> float:
    """Milliseconds that ONNX Runtime takes for one picture, on one thread; the weights do not matter.

    Args:
        quantile: of the times of many runs: the median where nothing runs beside, less where something does.
    """
    from inksight.export.onnx import to_onnx
    from inksight.utils.onnx_session import open_session

    content = to_onnx(model, {}).SerializeToString()
    session = open_session(content, num_threads=1)
    picture = np.random.default_rng(0).integers(0, 256, (1, *model.input_shape[1:])).astype(np.uint8)
    times = []
    for _ in range(_WARM_RUNS + _RUNS):
        began = time.perf_counter()
        session.run(["probabilities"], {"images": picture})
        times.append(time.perf_counter() - began)
    return round(1000 * float(np.quantile(times[_WARM_RUNS:], quantile)), 4)
