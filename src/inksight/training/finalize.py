"""A fitted model -> a run folder: export, proof, calibration, the one look at the test part, figures, page."""

from __future__ import annotations

import contextlib
import json
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inksight import runs
from inksight.data.dataset import Dataset
from inksight.errors import StorageError
from inksight.evaluation.evaluate import evaluate_split
from inksight.imaging.decode import pictures_at_once
from inksight.inference.predictor import Predictor
from inksight.metrics.calibration import evidence, fit_temperature, with_temperature
from inksight.models.table import layer_table
from inksight.report.model_card import readme
from inksight.training.batches import with_moves
from inksight.training.checkpoint_dir import CheckpointDir
from inksight.training.provenance import CARRIED
from inksight.training.session import LEAST_VALIDATION
from inksight.utils.atomic import whole_folder
from inksight.utils.signals import interruptible
from inksight.utils.timing import Clock

if TYPE_CHECKING:
    import keras

    from inksight.config import TrainConfig
    from inksight.training.fit import Fitted

_LEAST_CONFIDENCE, _MOST_CONFIDENCE = 0.5, 0.99
_REJECTED_SHARE = 0.003
_EXPLAINING_S, _HURRIED_S = 5.0, 0.5  # for the report: `inksight report` takes the time it needs


@dataclass(frozen=True)
class Trained:
    """What a training leaves in memory.

    dataset: with the part held out. facts: provenance, as config.json holds it. figures: of the model as it will be
    served, more rows for metrics.json.
    """

    model: keras.Model
    dataset: Dataset
    fitted: Fitted
    config: TrainConfig
    facts: dict[str, Any]
    figures: Callable[[Predictor], dict[str, Any]] = lambda predictor: {}


def finish(trained: Trained, clock: Clock, place: CheckpointDir) -> runs.Run:
    """Tests a trained model and saves all there is to know about it.

    Args:
        place: of the run; what was kept there for the case that the training breaks off goes.
    Raises:
        EngineError: the exported model is not equal to Keras. The network is kept beside the run's place.
        StorageError: the place takes no files; the text says where the run is kept instead.
    """
    with interruptible(lambda: None):  # a Ctrl-C now comes too late to save time, and early enough to lose the run
        try:
            _save(partial(_fill, trained, clock), place)
        except StorageError:
            raise
        except Exception:
            place.keep_model(trained.model)
            raise
        return runs.Run(place.path)


def _save(save: Callable[[Path, str], None], place: CheckpointDir) -> None:
    """Lets `save` fill the run folder; where its place takes no files, a temporary one keeps what was learned."""
    path = place.path
    try:
        with whole_folder(path) as folder:
            save(folder, path.name)
        place.discard()
    except StorageError as refused:
        refuge = Path(tempfile.gettempdir(), f"inksight-{time.time_ns()}", path.name)
        try:
            with whole_folder(refuge) as folder:
                save(folder, refuge.name)
        except StorageError:
            with contextlib.suppress(OSError):
                refuge.parent.rmdir()
            raise StorageError(f"{refused} Then finish it: {place.how_to_go_on}.") from None
        place.discard()
        raise StorageError(f"{refused} The finished run is kept in {refuge}: move it where you want it.") from refused


def _fill(trained: Trained, clock: Clock, folder: Path, title: str) -> None:
    """Writes everything a run folder holds, from the trained model and one look at the test part."""
    from inksight.report.account import Account
    from inksight.report.page import page
    from inksight.report.report import attributions_of, figures_of, write_figures

    model, dataset, fitted, facts = trained.model, trained.dataset, trained.fitted, trained.facts
    with clock.stage("export"):
        difference, content = export(model, dataset, facts)
        model.save(folder / runs.KERAS)
    with clock.stage("evaluate"):
        predictor = calibrated(content, dataset, facts, trained.config.outliers > 0)
        evaluation = evaluate_split(predictor, dataset.test)
        layers = layer_table(model)
        metrics: dict[str, Any] = {
            "test": evaluation.metrics(trained.config.metric_names),
            "baseline": commonest_class(dataset),
            "epochs": round(fitted.epochs, 3),
            "ended": fitted.ended,
            "moved": with_moves(trained.config, len(dataset.train)) is not trained.config,
            "images_per_s": round(fitted.images_per_s, 1),
            "temperature": predictor.card.temperature,
            "parameters": sum(layer.parameters for layer in layers),
            "multiply_adds": sum(layer.multiply_adds for layer in layers),
            "layers": [asdict(layer) for layer in layers],
            "onnx": {"bytes": len(content), "largest_difference": difference},
            **trained.figures(predictor),
        }
        card = replace(predictor.card, provenance={**predictor.card.provenance, "test": _short(metrics["test"])})
        runs.write_model(folder, content, card)
    with clock.stage("save"):
        runs.write_json(folder / runs.CONFIG, facts)
        runs.write_history(folder, fitted.history)
        account = Account(title, predictor, evaluation.answers, facts, metrics, fitted.history)
        runs.write_answers(folder, account.answers)
        figures = figures_of(account)
        write_figures(folder, figures, evaluation)
        attributions = attributions_of(account, _EXPLAINING_S if facts["time_limit_s"] is None else _HURRIED_S)
        metrics["seconds"] = clock.rounded()  # last: what is left to do is quickly done
        runs.write_json(folder / runs.METRICS, metrics)
        (folder / runs.REPORT).write_text(page(account, figures, attributions), encoding="utf-8")
        (folder / runs.README).write_text(readme(title, facts, metrics, card), encoding="utf-8")


def commonest_class(dataset: Dataset) -> dict[str, Any]:
    """The trivial classifier, which always answers the commonest class of the training part: `class`, and its
    `accuracy` on the test part."""
    label = int(np.bincount(dataset.train.labels, minlength=len(dataset.classes)).argmax())
    return {"class": dataset.classes[label], "accuracy": float((dataset.test.labels == label).mean())}


def export(model: keras.Model, dataset: Dataset, facts: dict[str, Any]) -> tuple[float, bytes]:
    """The model as ONNX bytes, proved equal to Keras on up to 1,000 pictures: (max |Δp|, bytes)."""
    from inksight.export.onnx import PROOF_IMAGES, largest_difference, to_onnx

    images = dataset.train.batch
    if len(images) > PROOF_IMAGES:  # evenly from all of it: folders come class by class
        images = images[np.linspace(0, len(images) - 1, PROOF_IMAGES).astype(int)]
    expected = np.asarray(model.predict(images, batch_size=pictures_at_once(dataset.size_px), verbose=0))
    metadata = {
        "classes": json.dumps(dataset.classes, ensure_ascii=False),
        "preprocessing": dataset.preprocessing,
        "provenance": json.dumps({name: facts[name] for name in CARRIED}),
    }
    content = to_onnx(model, metadata).SerializeToString()
    return largest_difference(expected, content, images), content


def calibrated(content: bytes, dataset: Dataset, facts: dict[str, Any], rejects: bool) -> Predictor:
    """The model as it will be served: temperature and thresholds set on a validation part that is large enough.

    rejects: whether it has learned what pictures of no class look like.
    """
    card = runs.ModelCard(
        classes=dataset.classes,
        size_px=dataset.size_px,
        channels=dataset.channels,
        preprocessing=dataset.preprocessing,
        provenance={name: facts[name] for name in CARRIED},
    )
    validation = dataset.validation
    if validation is not None and len(validation) >= LEAST_VALIDATION:
        raw = Predictor(content, card, runs.MODEL).probabilities(validation.images)
        temperature = fit_temperature(validation.labels, np.log(np.maximum(raw, np.finfo(np.float32).tiny)))
        probabilities = with_temperature(raw, temperature)
        card = replace(
            card,
            temperature=temperature,
            unsure_below=unsure_threshold(validation.labels, probabilities),
            rejected_below=rejection_threshold(probabilities) if rejects else 0.0,
        )
    return Predictor(content, card, runs.MODEL)


def unsure_threshold(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The confidence that 99 of 100 right answers reach, but never below one half nor above 0.99.

    Args:
        labels: int64 (n,). probabilities: float32 (n, classes), calibrated; both of the validation part.
    """
    right = probabilities.argmax(1) == labels
    if not right.any():
        return _LEAST_CONFIDENCE
    reached = float(np.quantile(probabilities.max(1)[right], 0.01))
    return math.floor(10_000 * min(max(reached, _LEAST_CONFIDENCE), _MOST_CONFIDENCE)) / 10_000


def rejection_threshold(probabilities: np.ndarray) -> float:
    """The evidence that all but 3 of 1,000 pictures reach.

    Args:
        probabilities: float32 (n, classes), calibrated, of the validation part.
    """
    return round(float(np.quantile(evidence(probabilities), _REJECTED_SHARE)), 4)


def _short(test: dict[str, Any]) -> dict[str, Any]:
    """The headline of the test, as it travels with the model."""
    return {name: test[name] for name in ("accuracy", "errors", "images", "interval95")}
