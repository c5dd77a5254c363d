"""How a model holds up beyond its test part: spoiled digits, pictures from elsewhere, and what is no digit.

All pictures are made by a seed from digits that nothing was trained on; only scikit-learn's come along with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

from inksight.data.dataset import Split
from inksight.data.synthetic.composed import OUTLIERS, composed
from inksight.data.synthetic.mnist_c import CORRUPTIONS, corrupt
from inksight.errors import PictureError, UsageError
from inksight.imaging.digit import MNIST_PX
from inksight.inference.predictor import DIGITS, Predictor
from inksight.metrics.auroc import auroc
from inksight.metrics.calibration import coverage_curve, ece, evidence
from inksight.metrics.interval import wilson_interval

DIGIT_KINDS = ("canvas", "photo")
NUMBER_KINDS = ("number", "touching", "pair")
FOREIGN = {
    "sklearn_digits": "scikit-learn's 8×8 digits",
    "canvas": "drawings of a digit",
    "photo": "photos of a digit",
    "number": "numbers of 2–10 digits, apart",
    "touching": "numbers of 2–10 digits, touching",
    "pair": "two digits that touch",
}
ENLARGED_PX = 80
SKLEARN_TIMES = 20  # as many of scikit-learn's digits for each composed picture of a kind: they are quickly read
REFUSED = -1.0  # the evidence of a picture that is not even shown to the network: less than any


@dataclass(frozen=True, eq=False)
class Trial:
    """What is tried, and how.

    split: pictures as the network takes them, with labels that count its classes. count: pictures of each composed
    kind. seed: decides all chance. progress: shown (done, total, what).
    """

    predictor: Predictor
    split: Split
    count: int = 100
    seed: int = 0
    progress: Callable[[int, int, str], None] = lambda done, total, what: None


def evaluate_corruptions(trial: Trial) -> dict[str, Any]:
    """MNIST-C, made of the whole Split.

    Returns:
        {name: {"error": rate, "ece": calibration error}, …, "mean_error", "mean_ece", "coverage_curve": over all}.
    Raises:
        UsageError: pictures of another shape.
    """
    images, labels, answers = trial.split.images, trial.split.labels, []
    for number, name in enumerate(CORRUPTIONS):
        trial.progress(number, len(CORRUPTIONS), "MNIST-C")
        answers.append(trial.predictor.probabilities(corrupt(images, name, trial.seed)))
    trial.progress(len(CORRUPTIONS), len(CORRUPTIONS), "MNIST-C")
    rows = [{"error": float((each.argmax(1) != labels).mean()), "ece": ece(labels, each)} for each in answers]
    everything = coverage_curve(np.tile(labels, len(answers)), np.concatenate(answers))
    return {
        **dict(zip(CORRUPTIONS, rows, strict=True)),
        "mean_error": float(np.mean([row["error"] for row in rows])),
        "mean_ece": float(np.mean([row["ece"] for row in rows])),
        "coverage_curve": [asdict(each) for each in everything],
    }


def evaluate_sklearn_digits(trial: Trial) -> dict[str, Any]:
    """scikit-learn's 8×8 digits, smoothly enlarged and read like any picture: {"images", "accuracy", "interval95"}.

    Raises:
        UsageError: the model is no reader of digits, or scikit-learn is not installed.
    """
    _require_digits(trial.predictor)
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise UsageError("they come with scikit-learn, which is not installed: pip install scikit-learn.") from None
    pixels, labels = load_digits(return_X_y=True)
    count = min(SKLEARN_TIMES * trial.count, len(labels))
    inputs = []
    for number, row in enumerate(pixels[:count]):
        trial.progress(number, count, "scikit-learn's digits")
        small = np.clip(row.reshape(8, 8) * 255 / 16, 0, 255).astype(np.uint8)
        enlarged = cv2.resize(small, (ENLARGED_PX, ENLARGED_PX), interpolation=cv2.INTER_CUBIC)
        inputs.append(trial.predictor.inputs(enlarged))
    trial.progress(count, count, "scikit-learn's digits")
    answers = trial.predictor.probabilities(np.stack(inputs)).argmax(1)
    return _share(int((answers == labels[:count]).sum()), count)


def evaluate_composed(trial: Trial) -> dict[str, Any]:
    """Composed drawings, photographs and numbers; a number is right when every digit is.

    Returns:
        {kind: {"images", "accuracy", "interval95"}} for DIGIT_KINDS and NUMBER_KINDS.
    Raises:
        UsageError: the model is no reader of digits.
    """
    _require_digits(trial.predictor)
    return {kind: _share(_num_right(trial, kind), trial.count) for kind in (*DIGIT_KINDS, *NUMBER_KINDS)}


def evaluate_outliers(trial: Trial) -> dict[str, Any]:
    """Whether what is no digit is told from the Split's digits, by the evidence for any class.

    Returns:
        {kind: {"images", "refused", "rejected", "auroc"}} for every kind of OUTLIERS: the share that is an error from
        the start, the share that is this or rejected, and the chance that a digit has more evidence. Over all kinds
        "auroc", and "digits_answered", the share of the digits that are not rejected.
    Raises:
        UsageError: the model is no reader of digits.
    """
    _require_digits(trial.predictor)
    limit = trial.predictor.card.rejected_below
    inside = evidence(trial.predictor.probabilities(trial.split.images))
    outside = {kind: _evidence_of(trial, kind) for kind in OUTLIERS}
    kinds = {
        kind: {
            "images": trial.count,
            "refused": float((scores == REFUSED).mean()),
            "rejected": float((scores < limit).mean()),
            "auroc": auroc(inside, scores),
        }
        for kind, scores in outside.items()
    }
    return {
        **kinds,
        "auroc": auroc(inside, np.concatenate([*outside.values()])),
        "digits_answered": float((inside >= limit).mean()),
    }


SUITES: dict[str, Callable[[Trial], dict[str, Any]]] = {
    "corruptions": evaluate_corruptions,
    "sklearn_digits": evaluate_sklearn_digits,
    "composed": evaluate_composed,
    "outliers": evaluate_outliers,
}


def evaluate_suites(trial: Trial) -> dict[str, Any]:
    """Every suite that fits the model, by its name, and "left_out": why the others do not, {name: sentence}."""
    found: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    for name, measure in SUITES.items():
        try:
            found[name] = measure(trial)
        except UsageError as error:
            left_out[name] = str(error)
    return {**found, "left_out": left_out}


def foreign_rates(found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The rates on pictures from elsewhere, by what they show in words.

    Args:
        found: as `evaluate_suites` gives it, or a part of it.
    """
    rates = {**found.get("composed", {}), **found}
    return {words: rates[name] for name, words in FOREIGN.items() if name in rates}


def _require_digits(predictor: Predictor) -> None:
    """Raises UsageError unless the model reads handwritten digits as MNIST frames them."""
    card = predictor.card
    if (card.preprocessing, card.size_px, card.channels, card.classes) != ("digits", MNIST_PX, 1, DIGITS):
        raise UsageError(
            f"they show handwritten digits, 0 to 9; this model takes {card.size_px} px pictures "
            f"({card.preprocessing}) of {', '.join(card.classes[:10])}."
        )


def _num_right(trial: Trial, kind: str) -> int:
    """How many pictures of a kind are read right; one that cannot be read is not."""
    right = 0
    for picture, text in _pictures(trial, kind):
        try:
            if kind in NUMBER_KINDS:
                right += trial.predictor.read(picture).text == text
            else:
                right += trial.predictor.predict(picture).label == text
        except PictureError:
            continue
    return right


def _evidence_of(trial: Trial, kind: str) -> np.ndarray:
    """The evidence in each picture of a kind of OUTLIERS: float64 (count,)."""
    scores, inputs = np.full(trial.count, REFUSED), {}
    for place, (picture, _) in enumerate(_pictures(trial, kind)):
        try:
            inputs[place] = trial.predictor.inputs(picture)
        except PictureError:
            continue
    if inputs:
        scores[[*inputs]] = evidence(trial.predictor.probabilities(np.stack([*inputs.values()])))
    return scores


def _pictures(trial: Trial, kind: str) -> Iterator[tuple[np.ndarray, str]]:
    """Pictures of a kind and their texts, made one by one."""
    made = composed(kind, trial.split.images, trial.split.labels, trial.count, trial.seed)
    for number, each in enumerate(made):
        trial.progress(number, trial.count, f"composed: {kind}")
        yield each
    trial.progress(trial.count, trial.count, f"composed: {kind}")


def _share(right: int, count: int) -> dict[str, Any]:
    """A rate with what it rests on."""
    return {"images": count, "accuracy": right / count, "interval95": list(wilson_interval(right, count))}
