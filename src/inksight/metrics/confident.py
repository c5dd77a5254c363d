"""Confident learning: which labels are probably wrong, by what networks say that have not seen the pictures.

Source: Northcutt, Jiang, Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70 (2021).
"""

from __future__ import annotations

import numpy as np

from inksight.metrics.pairs import require_pairs

TOLERANCE = 1e-6  # a probability that misses its threshold by rounding alone has reached it


def thresholds(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """How sure of each class the networks are on the pictures that are labelled so, on average.

    Args:
        labels: int (n,), as given. probabilities: float (n, classes), from networks that have not seen the pictures.
    Returns:
        float64 (classes,); infinite for a class that no label names.
    """
    require_pairs(labels, probabilities)
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    sums = np.bincount(labels, own, minlength=len(counts))
    means = np.divide(sums, counts, out=np.full(len(counts), np.inf), where=counts > 0)
    return np.asarray(
        np.maximum(means, 2 * TOLERANCE)
    )  # nothing is no evidence for a class of which the networks know nothing


def confident_classes(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The likeliest of the classes that reach their threshold: int64 (n,), −1 for a picture of which none does."""
    reached = probabilities >= thresholds(labels, probabilities) - TOLERANCE
    best = np.where(reached, probabilities, -1.0).argmax(axis=1)
    return np.where(reached.any(axis=1), best, -1)


def confident_joint(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Counts given label against confident class.

    Returns:
        int64 (classes, classes); row = label as given, column = class that the networks are confident of.
    """
    confident, num_classes = confident_classes(labels, probabilities), probabilities.shape[1]
    sure = confident >= 0
    pairs = np.asarray(labels)[sure] * num_classes + confident[sure]
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def estimated_errors(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """How many labels are wrong, by the joint: each row brought to the number of pictures with that label."""
    joint = confident_joint(labels, probabilities).astype(np.float64)
    np.fill_diagonal(joint, np.maximum(np.diag(joint), 1))  # some label of every class is right
    off = 1 - np.diag(joint) / joint.sum(axis=1)
    return float(off @ np.bincount(labels, minlength=len(joint)))


def self_confidence(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The probability of each picture's given label, (n,): the lower, the more doubtful."""
    return np.asarray(probabilities[np.arange(len(labels)), labels])


def margins(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The given label's probability less the best other's, (n,), −1 to 1: the lower, the more doubtful."""
    others = probabilities.copy()
    others[np.arange(len(labels)), labels] = -np.inf
    return np.asarray(self_confidence(labels, probabilities) - others.max(axis=1))
