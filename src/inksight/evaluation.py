"""A model and labelled pictures -> metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inksight.answers import AnswerSheet, sheet_of, surest_mistakes
from inksight.data import load
from inksight.data.dataset import Split
from inksight.errors import DataError, RunError, UsageError
from inksight.measure.calibration import coverage_accuracy, coverage_curve, ece, reliability, with_temperature
from inksight.measure.confusion import class_scores, confusion_matrix
from inksight.measure.interval import wilson_interval
from inksight.measure.metrics import METRICS
from inksight.picture import pictures_at_once
from inksight.predictor import JSON_DIGITS, Predictor
from inksight.runs import KERAS, MODEL, resolve
from inksight.training import engine

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model said of a Split. probabilities: float32 (n, classes), calibrated. warning: why to doubt it."""

    split: Split
    probabilities: np.ndarray
    classes: tuple[str, ...]
    unsure_below: float
    warning: str | None = None

    @property
    def confusion(self) -> np.ndarray:
        """int64 (classes, classes): rows are true labels, columns answers."""
        return confusion_matrix(self.split.labels, self.probabilities.argmax(1), len(self.classes))

    @property
    def wrong(self) -> np.ndarray:
        """Indices of the wrong answers, the surest first."""
        return surest_mistakes(self.probabilities.argmax(1) == self.split.labels, self.probabilities.max(1))

    @property
    def answers(self) -> AnswerSheet:
        """Picture by picture, without the pictures that are of no further interest."""
        split, given = self.split, self.probabilities.argmax(1)
        return sheet_of(split.images, split.labels, given, self.probabilities.max(1), split.sha256, split.files)

    @property
    def mistakes(self) -> list[dict[str, Any]]:
        """Each wrong answer, the surest first: plain values for JSON. index: in the split; file: None without."""
        split, given, confidences = self.split, self.probabilities.argmax(1), self.probabilities.max(1)
        return [
            {
                "index": index,
                "file": split.files[index] if split.files else None,
                "label": self.classes[split.labels[index]],
                "predicted": self.classes[given[index]],
                "confidence": round(float(confidences[index]), JSON_DIGITS),
            }
            for index in self.wrong.tolist()
        ]

    def metrics(self, names: Sequence[str] = ()) -> dict[str, Any]:
        """Plain values for JSON; `names` are further rows of METRICS."""
        images, errors = len(self.split), len(self.wrong)
        scores = class_scores(self.confusion)
        coverage, answered = coverage_accuracy(self.split.labels, self.probabilities, self.unsure_below)
        return {
            "accuracy": (images - errors) / images,
            "errors": errors,
            "images": images,
            "interval95": list(wilson_interval(images - errors, images)),
            "ece": ece(self.split.labels, self.probabilities),
            **{name: METRICS[name](self.split.labels, self.probabilities) for name in ("log_loss", *names)},
            "answered": {"unsure_below": self.unsure_below, "coverage": coverage, "accuracy": answered},
            "coverage_curve": [asdict(each) for each in coverage_curve(self.split.labels, self.probabilities)],
            "reliability": [asdict(each) for each in reliability(self.split.labels, self.probabilities)],
            "per_class": {
                name: {
                    "precision": score.precision,
                    "recall": score.recall,
                    "f1": score.f1,
                    "images": score.support,
                }
                for name, score in zip(self.classes, scores, strict=True)
            },
        }


def evaluate_split(predictor: Predictor, split: Split) -> Evaluation:
    """Asks `predictor` about every picture of a Split whose labels count its classes."""
    card = predictor.card
    return Evaluation(split, predictor.probabilities(split.images), card.classes, card.unsure_below)


def evaluate(
    run: str | Path, data: str | Path | None = None, seed: int | None = None, backend: str | None = None
) -> Evaluation:
    """Measures a run on the test part of a data set.

    Args:
        run: a run folder, `latest` or `shipped`.
        data: a name or path; None for the one it was trained on.
        seed: decides the test part where the data has none; None for the run's own on its own data, else 0.
        backend: who answers: Keras on this backend, whichever the run was trained on; None for ONNX Runtime.
    Raises:
        DataError: the data has a class that the model does not know.
        EngineError: the backend is not installed, or Keras runs on another one already.
        RunError: there is no such run, or it has no model for Keras.
        UsageError: the run was trained on arrays, and no data is given.
    """
    run = resolve(run)  # once: another run may become the latest meanwhile
    predictor = Predictor.load(run)
    network = None if backend is None else _network(run, backend)
    origin = predictor.card.provenance
    source = str(data) if data is not None else origin["data"]["source"]
    if not source:
        raise UsageError(f"{run} was trained on arrays out of a program; say which data to measure it on (--data).")
    own = source == origin["data"]["source"]
    if seed is None:
        seed = origin["seed"] if own else 0
    loaded = load(source, size_px=predictor.card.size_px, prepare=predictor.inputs, seed=seed)
    changed = own and loaded.sha256 != origin["data"]["sha256"]
    warning = f"{source} has changed since the training: its test part may hold pictures that were learned from."
    split = labelled_as(loaded.test, loaded.classes, source, predictor)
    if network is None:
        evaluation = evaluate_split(predictor, split)
    else:
        card = predictor.card
        raw = network.predict(split.batch, batch_size=pictures_at_once(card.size_px), verbose=0)
        probabilities = with_temperature(np.asarray(raw), card.temperature)
        evaluation = Evaluation(split, probabilities, card.classes, card.unsure_below)
    return replace(evaluation, warning=warning if changed else None)


def _network(run: Path, backend: str) -> keras.Model:
    """The run's model for Keras, on a backend."""
    if not (run / KERAS).is_file():
        raise RunError(f"{run} has no {KERAS}, which --backend asks; leave it away for {MODEL} in ONNX Runtime.")
    engine.prepare(backend)
    engine.load_keras()
    from inksight.nets.weights import load_network

    return load_network(run / KERAS)


def labelled_as(split: Split, names: tuple[str, ...], source: str, predictor: Predictor) -> Split:
    """Pictures with labels and channels as the model counts them; classes are matched by name.

    Args:
        names: what the labels of `split` stand for. source: what errors call the set.
    Raises:
        DataError: a class that the model does not know.
    """
    classes = predictor.card.classes
    unknown = [name for name in names if name not in classes]
    if unknown:
        raise DataError(
            f"{source} has classes that the model does not know: {', '.join(unknown[:10])}. "
            f"It knows {', '.join(classes[:20])}; rename the classes or take another run."
        )
    images = split.images
    if predictor.card.channels != split.batch.shape[3]:  # sets of arrays; pictures in files were prepared one by one
        images = np.stack([predictor.inputs(image) for image in images])
    position = np.array([classes.index(name) for name in names])
    return Split(images, position[split.labels], split.files)
