"""Whether a confidence means what it says, and the one number that makes it so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inksight.metrics.pairs import require_pairs

NUM_BINS = 15
TEMPERATURES = (0.25, 20.0)
SMALLEST = 1e-30
COVERAGES = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)


@dataclass(frozen=True)
class Bin:
    """The answers whose confidence lies in (low, high]: how many, how sure on average, how many of them right (0–1)."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Covered:
    """The surest answers: their share of all, the least confidence among them, how many of them are right (0–1)."""

    coverage: float
    confidence: float
    accuracy: float


def with_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Softens (above 1) or sharpens (below 1) probabilities: p^(1/T), brought back to a sum of 1.

    Args:
        probabilities: float (n, classes).
        temperature: above 0.
    Returns:
        float32 (n, classes); the classes keep their order.
    """
    if temperature == 1:
        return np.asarray(probabilities, np.float32)
    logarithms = np.log(np.maximum(np.asarray(probabilities, np.float64), SMALLEST))
    return np.asarray(np.exp(_log_softmax(logarithms / temperature)), np.float32)


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """Finds the temperature under which the true labels are likeliest.

    The loss has one valley over the inverse temperature, so a golden-section search cannot miss it.

    Args:
        labels: int (n,), from data the network was not trained on.
        logits: float (n, classes): logits or logarithms of probabilities (−inf is read as a very small one).
    Returns:
        the temperature, within TEMPERATURES; a set with every answer right wants the lower end.
    Raises:
        UsageError: nothing to fit on, or shapes that do not fit.
    """
    require_pairs(labels, logits)
    values = np.maximum(np.asarray(logits, np.float64), np.log(SMALLEST))
    rows = np.arange(len(labels))

    def loss(inverse: float) -> float:
        return -float(_log_softmax(values * inverse)[rows, labels].mean())

    low, high = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    golden = (5**0.5 - 1) / 2
    left, right = high - golden * (high - low), low + golden * (high - low)
    loss_left, loss_right = loss(left), loss(right)
    while high - low > 1e-6:
        if loss_left <= loss_right:
            high, right, loss_right = right, left, loss_left
            left = high - golden * (high - low)
            loss_left = loss(left)
        else:
            low, left, loss_left = left, right, loss_right
            right = low + golden * (high - low)
            loss_right = loss(right)
    return 2 / (low + high)


def reliability(labels: np.ndarray, probabilities: np.ndarray, num_bins: int = NUM_BINS) -> list[Bin]:
    """Confidence against accuracy, in num_bins bins of equal width; empty bins are left out.

    Args:
        labels: int (n,). probabilities: float (n, classes).
        num_bins: how many bins share 0–1.
    Returns:
        the bins that hold answers, from unsure to sure.
    Raises:
        UsageError: nothing to measure, or shapes that do not fit.
    """
    require_pairs(labels, probabilities)
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * num_bins).astype(int) - 1, 0, num_bins - 1)
    return [
        Bin(
            low=index / num_bins,
            high=(index + 1) / num_bins,
            count=int((place == index).sum()),
            confidence=float(confidence[place == index].mean()),
            accuracy=float(right[place == index].mean()),
        )
        for index in np.unique(place).tolist()
    ]


def ece(labels: np.ndarray, probabilities: np.ndarray, num_bins: int = NUM_BINS) -> float:
    """The expected calibration error: how far confidence and accuracy lie apart on average, 0–1.

    Arguments and errors as `reliability`.
    """
    bins = reliability(labels, probabilities, num_bins)
    return sum(each.count * abs(each.confidence - each.accuracy) for each in bins) / len(labels)


def coverage_accuracy(labels: np.ndarray, probabilities: np.ndarray, threshold: float) -> tuple[float, float | None]:
    """What is left when answers below a confidence are withheld.

    Args:
        labels: int (n,). probabilities: float (n, classes).
        threshold: answers with at least this confidence are given, 0–1.
    Returns:
        coverage, the share of pictures that are answered (0–1), and the accuracy among them, None without any.
    Raises:
        UsageError: nothing to measure, or shapes that do not fit.
    """
    require_pairs(labels, probabilities)
    answered = probabilities.max(axis=1) >= threshold
    right = probabilities.argmax(axis=1) == labels
    return float(answered.mean()), float(right[answered].mean()) if answered.any() else None


def coverage_curve(
    labels: np.ndarray, probabilities: np.ndarray, coverages: Sequence[float] = COVERAGES
) -> list[Covered]:
    """How good the surest answers are, for each share of pictures that is to be answered.

    Args:
        labels: int (n,). probabilities: float (n, classes).
        coverages: each above 0, at most 1; at least one picture is answered.
    Raises:
        UsageError: nothing to measure, or shapes that do not fit.
    """
    require_pairs(labels, probabilities)
    confidences, accuracies = surest_first(probabilities.argmax(axis=1) == labels, probabilities.max(axis=1))
    counts = [max(1, round(share * len(labels))) for share in coverages]
    return [
        Covered(count / len(labels), float(confidences[count - 1]), float(accuracies[count - 1])) for count in counts
    ]


def surest_first(right: np.ndarray, confidences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least confidence and the accuracy among the surest 1, 2, …, n answers: float (n,) each.

    Args:
        right: bool (n,). confidences: float (n,).
    """
    order = np.argsort(-confidences, kind="stable")
    return confidences[order], np.cumsum(right[order]) / np.arange(1, len(right) + 1)


def evidence(probabilities: np.ndarray) -> np.ndarray:
    """How far the likeliest class stands out: the logarithm of its odds against the others' geometric mean.

    Pictures of no class have little of it, even where one class is ahead; it tells them better than confidence does
    (docs/log.md).

    Args:
        probabilities: float (n, classes).
    Returns:
        float64 (n,), 0 or more.
    """
    logarithms = np.log(np.maximum(np.asarray(probabilities, np.float64), SMALLEST))
    best, classes = logarithms.max(axis=1), logarithms.shape[1]
    return np.asarray(best - (logarithms.sum(axis=1) - best) / max(classes - 1, 1))


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logits -> logarithms of probabilities, row by row, without overflow."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
