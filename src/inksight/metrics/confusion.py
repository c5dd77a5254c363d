"""Which class was taken for which, and what that means for each class."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inksight.errors import UsageError


@dataclass(frozen=True)
class ClassScores:
    """One class: rates 0–1 and the number of its pictures. A class without pictures has no rates, all are None; the
    precision of one that has pictures but is never answered is 0, as in scikit-learn."""

    precision: float | None
    recall: float | None
    f1: float | None
    support: int


def confusion_matrix(labels: np.ndarray, answers: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts true class against answered class.

    Args:
        labels: int (n,), the true classes, 0 to num_classes − 1.
        answers: int (n,), the answered classes, in the same range.
        num_classes: how many classes there are, seen or not.
    Returns:
        int64 (num_classes, num_classes); row = true class, column = answer.
    Raises:
        UsageError: nothing to count, lengths that differ, or a class out of range.
    """
    if not len(labels):
        raise UsageError("there is nothing to measure: 0 labels came. Give at least one picture.")
    if len(labels) != len(answers):
        raise UsageError(f"{len(labels):,} labels but {len(answers):,} answers came; one answer a label was wanted.")
    low = min(int(np.min(labels)), int(np.min(answers)))
    high = max(int(np.max(labels)), int(np.max(answers)))
    if low < 0 or high >= num_classes:
        raise UsageError(
            f"classes from {low} to {high} came; with {num_classes} classes 0 to {num_classes - 1} were wanted."
        )
    pairs = np.asarray(labels, np.int64) * num_classes + np.asarray(answers, np.int64)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def class_scores(matrix: np.ndarray) -> list[ClassScores]:
    """Precision, recall, F1 and support of every class of a confusion matrix, in class order."""
    hits = np.diag(matrix)
    precision = _ratio(hits, matrix.sum(axis=0))
    recall = _ratio(hits, matrix.sum(axis=1))
    f1 = _ratio(2 * hits, matrix.sum(axis=0) + matrix.sum(axis=1))
    return [
        ClassScores(float(p), float(r), float(f), int(n)) if n else ClassScores(None, None, None, 0)
        for p, r, f, n in zip(precision, recall, f1, matrix.sum(axis=1), strict=True)
    ]


def by_recall(per_class: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """(name, scores) of each class, the least recalled first and those without pictures last.

    Args:
        per_class: as in metrics.json.
    """
    return sorted(per_class.items(), key=lambda row: math.inf if row[1]["recall"] is None else row[1]["recall"])


def least_recalled(per_class: Mapping[str, Mapping[str, Any]]) -> tuple[float, list[tuple[str, float]]]:
    """The mean recall of the classes that occur, each counted alike, and (name, recall) of each, the least first.

    Args:
        per_class: as in metrics.json.
    """
    found = [(name, score["recall"]) for name, score in per_class.items() if score["recall"] is not None]
    return sum(recall for _, recall in found) / len(found), sorted(found, key=lambda one: one[1])


def commonest_mistakes(matrix: np.ndarray, most: int) -> list[tuple[int, int, int]]:
    """(true class, answered class, how often) of the mistakes made most, the commonest first; at most `most`."""
    wrong = matrix * (1 - np.eye(len(matrix), dtype=np.int64))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = np.column_stack([*np.unravel_index(order, wrong.shape), wrong.ravel()[order]])
    return [(int(true), int(given), int(count)) for true, given, count in pairs if count]


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, and 0 where whole is 0."""
    return np.asarray(np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0))
