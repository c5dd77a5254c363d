"""A model and labelled pictures -> metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inksight.data import load
from inksight.data.dataset import Split
from inksight.errors import DataError, RunError, UsageError, shortened
from inksight.imaging.decode import pictures_at_once
from inksight.inference.predictor import JSON_DIGITS, Predictor
from inksight.metrics.calibration import coverage_accuracy, coverage_curve, ece, reliability, with_temperature
from inksight.metrics.confusion import class_scores, confusion_matrix
from inksight.metrics.interval import wilson_interval
from inksight.metrics.metrics import METRICS
from inksight.models import engine
from inksight.runs import KERAS, MODEL, RunLike, measured_on, resolve
from inksight.runs.answers import AnswerSheet, sheet_of, surest_mistakes

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model said of a Split. probabilities: float32 (n, classes), calibrated. warning: why to doubt it. model:
    the name of the model."""

    split: Split
    probabilities: np.ndarray
    classes: tuple[str, ...]
    unsure_below: float
    warning: str | None = None
    model: str = ""

    def __repr__(self) -> str:
        images, wrong = len(self.split), len(self.wrong)
        return f"Evaluation of {self.model}: {100 * (1 - wrong / images):.2f} % right on {images:,} pictures"

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
    rows = predictor.probabilities(split.images)
    return Evaluation(split, rows, card.classes, card.unsure_below, model=predictor.name)


def evaluate(
    run: RunLike | None = None, data: str | Path | None = None, seed: int | None = None, backend: str | None = None
) -> Evaluation:
    """Measures a run on the test part of a data set.

    Args:
        run: a Run, a run folder, "latest" or "shipped"; None for the latest run, or the shipped model where there is
            none.
        data: a name or path; None for the one it was trained on, of the shipped model MNIST.
        seed: decides the test part where the data has none; None for the run's own on its own data, else 0.
        backend: who answers: Keras on this backend, whichever the run was trained on; None for ONNX Runtime.
    Raises:
        DataError: the data has a class that the model does not know.
        EngineError: the backend is not installed, or Keras runs on another one already.
        RunError: there is no such run, or it has no model for Keras.
        UsageError: the run was trained on arrays, and no data is given.
    """
    folder = resolve(run)  # once: another run may become the latest meanwhile
    predictor = Predictor.load(folder)
    network = None if backend is None else _network(folder, backend)
    origin = predictor.card.provenance
    source = str(data) if data is not None else measured_on(origin)
    if not source:
        raise UsageError(f"{folder} was trained on arrays out of a program; say which data to measure it on (--data).")
    own = source == origin["data"]["source"]
    if seed is None:
        seed = origin["seed"] if own else 0
    kinds: list[str | None] = []

    def prepare(picture: np.ndarray) -> np.ndarray:
        kinds.append(predictor.unlike(picture))
        return predictor.inputs(picture)

    loaded = load(source, size_px=predictor.card.size_px, prepare=prepare, seed=seed)
    kinds = kinds or [predictor.unlike(image) for image in loaded.test.images[:100]]  # no set of the registry passes
    found, warning = max(set(kinds), key=kinds.count), None
    if own and loaded.sha256 != origin["data"]["sha256"]:
        warning = f"{source} has changed since the training: its test part may hold pictures that were learned from."
    elif found is not None and not own:
        warning = f"{source} is {found}; {predictor.name} was trained on {predictor.card.kind} pictures."
    split = labelled_as(loaded.test, loaded.classes, source, predictor)
    if network is None:
        evaluation = evaluate_split(predictor, split)
    else:
        card = predictor.card
        raw = network.predict(split.batch, batch_size=pictures_at_once(card.size_px), verbose=0)
        probabilities = with_temperature(np.asarray(raw), card.temperature)
        evaluation = Evaluation(split, probabilities, card.classes, card.unsure_below, model=predictor.name)
    return replace(evaluation, warning=warning)


def _network(run: Path, backend: str) -> keras.Model:
    """The run's model for Keras, on a backend."""
    if not (run / KERAS).is_file():
        raise RunError(f"{run} has no {KERAS}, which --backend asks; leave it away for {MODEL} in ONNX Runtime.")
    engine.prepare(backend)
    engine.load_keras()
    from inksight.models.weights import load_network

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
            f"{source} has classes that {predictor.name} does not know: {shortened(unknown)}. "
            f"It knows {shortened(classes, 20)}. Rename the classes, or give another run."
        )
    images = split.images
    if predictor.card.channels != split.batch.shape[3]:  # sets of arrays; pictures in files were prepared one by one
        images = np.stack([predictor.inputs(image) for image in images])
    position = np.array([classes.index(name) for name in names])
    return Split(images, position[split.labels], split.files)
