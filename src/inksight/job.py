"""The main job, end to end: data -> fit -> export -> proof -> test -> run folder."""

from __future__ import annotations

import json
import math
import os
import platform
import shlex
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inksight import data as data_room
from inksight import runs
from inksight.data.dataset import Dataset, require_usable
from inksight.data.registry import KnownSet
from inksight.errors import UsageError, unknown
from inksight.evaluation import evaluate_split
from inksight.ink import digit_input
from inksight.measure.calibration import fit_temperature, with_temperature
from inksight.nets.table import layer_table
from inksight.predictor import Predictor
from inksight.training import engine
from inksight.training.config import TrainConfig
from inksight.training.config import preset as preset_named

if TYPE_CHECKING:
    import keras

    from inksight.training.fit import Fitted, Watcher

# What is still to do after the last step: export, proof, test, figures. Kept free when there is a time limit.
_RESERVE_S = 2.5
_LEAST_CONFIDENCE = 0.5
_LATE_IMPORTS = ("onnx", "onnxruntime", "matplotlib.figure", "matplotlib.backends.backend_agg")


@dataclass
class Clock:
    """Seconds of each stage, and of all since `started` (time.monotonic())."""

    started: float
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the block's duration under `name`."""
        before = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0) + time.monotonic() - before

    def rounded(self) -> dict[str, float]:
        """Total first, all with two decimals."""
        total = {"total": time.monotonic() - self.started}
        return {name: round(value, 2) for name, value in (total | self.seconds).items()}


def train(
    data: str | Path | Dataset = "mnist",
    preset: str = "quick",
    *,
    config: TrainConfig | None = None,
    out: str | Path | None = None,
    time_limit_s: float | None = None,
    size_px: int | None = None,
    preprocessing: str | None = None,
    watcher: Watcher | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    started: float | None = None,
    **choices: Any,
) -> runs.Run:
    """Trains, tests and saves a classifier.

    Args:
        data: a data set, its name, or a path.
        preset: a key of PRESETS, the base of `choices`.
        config: a whole TrainConfig instead of a preset.
        out: the run folder to make; default `runs/<data>-<preset>-<number>`.
        time_limit_s: seconds, from `started`, in which all is to be done; the schedule is fitted to it.
        size_px: the side pictures are brought to; default 28.
        preprocessing: how foreign pictures become inputs, "digits" or "resize"; default: as the data set says.
        watcher: shown each step and epoch. progress: shown the loading of a data set.
        started: when the clock began, a reading of time.monotonic(); default now.
        choices: fields of TrainConfig, seed and backend among them.
    Returns:
        the finished run.
    Raises:
        InksightError: one of its kinds; nothing is left half done.
    """
    clock = Clock(time.monotonic() if started is None else started)
    clock.seconds["start"] = time.monotonic() - clock.started
    config = chosen(config or preset_named(preset), choices)
    out = Path(out) if out is not None else None
    runs.require_free(out)
    if time_limit_s is not None and not (math.isfinite(time_limit_s) and time_limit_s > 0):
        raise UsageError(f"the time limit is {time_limit_s} seconds; more than 0 was wanted, 2m for instance.")
    backend = engine.prepare(config.backend)
    with ThreadPoolExecutor(1) as side, clock.stage("data"):
        if not isinstance(data, Dataset) and isinstance(data_room.find(data), KnownSet):
            side.submit(import_module, "keras")  # meanwhile; a path may turn out bad, and then nobody wants to wait
        whole = _loaded(data, size_px, preprocessing, config, progress)
        dataset = whole.held_out(config.validation, config.seed)
        import_module("keras")
    threading.Thread(target=_import_late, daemon=True).start()
    with clock.stage("build"):
        model = build_model(dataset, config)
    from inksight.training.fit import fit

    with clock.stage("fit"):
        fitted = fit(model, dataset, config, backend, _ends_at(clock, time_limit_s), watcher)
    stem = f"{dataset.name}-{preset}"
    facts = {
        "preset": preset,
        **config.to_dict(),
        "backend": backend,
        "size_px": dataset.size_px,
        "preprocessing": dataset.preprocessing,
        "time_limit_s": time_limit_s,
        "command": command_line(data if isinstance(data, (str, Path)) else dataset.name, preset, config, dataset),
        "data": {
            "name": dataset.name,
            "source": str(dataset.source),
            "sha256": whole.sha256,
            "license": dataset.license,
        },
        "versions": {"inksight": engine.package_version(), "python": platform.python_version(), **engine.versions()},
        "machine": {"processor": engine.processor(), "cores": os.cpu_count(), "system": platform.platform()},
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with runs.new_run(stem, out) as (folder, path):
        _fill(folder, path.name, model, dataset, fitted, facts, config, clock)
    return runs.Run(path)


def chosen(config: TrainConfig, choices: dict[str, Any]) -> TrainConfig:
    """`config` with `choices` in place of its fields.

    Raises:
        UsageError: no such field, or a value it does not take.
    """
    known = [item.name for item in fields(TrainConfig)]
    for name in choices:
        if name not in known:
            raise UsageError(unknown("setting", name, known))
    return replace(config, **choices)


def build_model(dataset: Dataset, config: TrainConfig) -> keras.Model:
    """The network of `config` for the pictures of `dataset`. The engine must be prepared."""
    from inksight.nets import build

    shape = (dataset.size_px, dataset.size_px, dataset.channels)
    return build(config.net, shape, len(dataset.classes), config.knobs, config.seed)


def command_line(source: str | Path, preset: str, config: TrainConfig, dataset: Dataset) -> str:
    """The command that makes this run again."""
    try:
        base = preset_named(preset)
    except UsageError:
        base = TrainConfig()
    words = ["inksight", "train", str(source), "--preset", preset]
    if dataset.size_px != 28:
        words += ["--size", str(dataset.size_px)]
    for name, value in config.to_dict().items():
        if value != getattr(base, name):
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(words)


def _loaded(
    data: str | Path | Dataset,
    size_px: int | None,
    preprocessing: str | None,
    config: TrainConfig,
    progress: Callable[[int, int, str], None] | None,
) -> Dataset:
    """The data set, checked."""
    if not isinstance(data, Dataset):
        prepare = partial(digit_input, size_px=size_px or data_room.SIZE_PX) if preprocessing == "digits" else None
        data = data_room.load(
            data, size_px=size_px, prepare=prepare, preprocessing=preprocessing, seed=config.seed, progress=progress
        )
    return require_usable(data)


def _ends_at(clock: Clock, time_limit_s: float | None) -> float | None:
    """When the last step must be done for the whole job to keep its limit."""
    if time_limit_s is None:
        return None
    return clock.started + max(time_limit_s - _RESERVE_S, 0.5 * time_limit_s)


def _import_late() -> None:
    """Imports what is needed after the training while it runs: half a second saved."""
    for name in _LATE_IMPORTS:
        import_module(name)


def _fill(
    folder: Path,
    title: str,
    model: keras.Model,
    dataset: Dataset,
    fitted: Fitted,
    facts: dict[str, Any],
    config: TrainConfig,
    clock: Clock,
) -> None:
    """Writes everything a run folder holds, from the trained model and one look at the test part."""
    from inksight.report.figures import write_figures
    from inksight.report.page import page

    with clock.stage("export"):
        difference, content = _export(model, dataset, facts)
        model.save(folder / runs.KERAS)
    with clock.stage("evaluate"):
        predictor = _calibrated(content, dataset, facts)
        evaluation = evaluate_split(predictor, dataset.test)
        layers = layer_table(model)
        metrics: dict[str, Any] = {
            "test": evaluation.metrics(config.metric_names),
            "epochs": round(fitted.epochs, 3),
            "ended": fitted.ended,
            "images_per_s": round(fitted.images_per_s, 1),
            "temperature": predictor.card.temperature,
            "parameters": sum(layer.parameters for layer in layers),
            "multiply_adds": sum(layer.multiply_adds for layer in layers),
            "layers": [asdict(layer) for layer in layers],
            "onnx": {"bytes": len(content), "largest_difference": difference},
        }
        card = replace(predictor.card, provenance={**predictor.card.provenance, "test": _short(metrics["test"])})
        runs.write_model(folder, content, card)
    with clock.stage("save"):
        runs.write_json(folder / runs.CONFIG, facts)
        runs.write_history(folder, fitted.history)
        figures = write_figures(folder, evaluation, fitted.history)
        metrics["seconds"] = clock.rounded()
        runs.write_json(folder / runs.METRICS, metrics)
        (folder / "report.html").write_text(page(title, facts, metrics, figures), encoding="utf-8")


def _export(model: keras.Model, dataset: Dataset, facts: dict[str, Any]) -> tuple[float, bytes]:
    """The model as ONNX bytes, proved equal to Keras on up to 1,000 pictures: (max |Δp|, bytes)."""
    from inksight.export.onnx import PROOF_IMAGES, largest_difference, to_onnx

    images = _with_channels(dataset.train.images[:PROOF_IMAGES])
    expected = np.asarray(model.predict(images, batch_size=len(images), verbose=0))
    metadata = {
        "classes": json.dumps(dataset.classes, ensure_ascii=False),
        "preprocessing": dataset.preprocessing,
        "provenance": json.dumps({key: facts[key] for key in ("command", "data", "versions", "finished")}),
    }
    content = to_onnx(model, metadata).SerializeToString()
    return largest_difference(expected, content, images), content


def _calibrated(content: bytes, dataset: Dataset, facts: dict[str, Any]) -> Predictor:
    """The model as it will be served: temperature and threshold set on the validation part, where there is one."""
    kept = ("preset", "backend", "seed", "command", "data", "versions", "finished")
    card = runs.ModelCard(
        classes=dataset.classes,
        size_px=dataset.size_px,
        channels=dataset.channels,
        preprocessing=dataset.preprocessing,
        provenance={name: facts[name] for name in kept},
    )
    validation = dataset.validation
    if validation is not None:
        raw = Predictor(content, card, runs.MODEL).probabilities(validation.images)
        temperature = fit_temperature(validation.labels, np.log(np.maximum(raw, np.finfo(np.float32).tiny)))
        threshold = unsure_threshold(validation.labels, with_temperature(raw, temperature))
        card = replace(card, temperature=temperature, unsure_below=threshold)
    return Predictor(content, card, runs.MODEL)


def unsure_threshold(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The confidence that 99 of 100 right answers reach, but never below one half.

    Args:
        labels: int64 (n,). probabilities: float32 (n, classes), calibrated; both of the validation part.
    """
    right = probabilities.argmax(1) == labels
    if not right.any():
        return _LEAST_CONFIDENCE
    return round(max(float(np.quantile(probabilities.max(1)[right], 0.01)), _LEAST_CONFIDENCE), 4)


def _short(test: dict[str, Any]) -> dict[str, Any]:
    """The headline of the test, as it travels with the model."""
    return {name: test[name] for name in ("accuracy", "errors", "images", "interval95")}


def _with_channels(images: np.ndarray) -> np.ndarray:
    """uint8 (n, h, w[, 3]) -> (n, h, w, c)."""
    return images if images.ndim == 4 else images[..., None]
