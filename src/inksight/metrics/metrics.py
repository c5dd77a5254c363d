"""The table METRICS: name -> function(labels int (n,), probabilities float (n, classes)) -> float."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from inksight.metrics.confusion import class_scores, confusion_matrix
from inksight.metrics.pairs import require_pairs

Metric = Callable[[np.ndarray, np.ndarray], float]

SMALLEST = 1e-7


def top_accuracy(labels: np.ndarray, probabilities: np.ndarray, count: int) -> float:
    """The share of pictures whose true class is among the `count` likeliest; of equals, the lower class goes first."""
    require_pairs(labels, probabilities)
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :count]
    return float((order == np.asarray(labels)[:, None]).any(axis=1).mean())


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The mean −ln p of the true class; p below 1e-7 counts as 1e-7, so that one certain error stays finite."""
    require_pairs(labels, probabilities)
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(chosen, SMALLEST, 1)).mean())


def brier(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The mean squared distance between probabilities and truth, summed over the classes: 0 best, 2 worst."""
    require_pairs(labels, probabilities)
    error = probabilities.astype(np.float64)
    error[np.arange(len(labels)), labels] -= 1
    return float((error**2).sum(axis=1).mean())


def _macro(labels: np.ndarray, probabilities: np.ndarray, field: str) -> float:
    """The plain mean of one score over the classes that have pictures."""
    require_pairs(labels, probabilities)
    matrix = confusion_matrix(labels, probabilities.argmax(axis=1), probabilities.shape[1])
    return float(np.mean([getattr(each, field) for each in class_scores(matrix) if each.support]))


METRICS: dict[str, Metric] = {
    "accuracy": partial(top_accuracy, count=1),
    "balanced_accuracy": partial(_macro, field="recall"),
    "macro_f1": partial(_macro, field="f1"),
    "macro_precision": partial(_macro, field="precision"),
    "macro_recall": partial(_macro, field="recall"),
    "top2_accuracy": partial(top_accuracy, count=2),
    "top3_accuracy": partial(top_accuracy, count=3),
    "log_loss": log_loss,
    "brier": brier,
}
