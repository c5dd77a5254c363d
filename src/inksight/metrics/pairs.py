"""The door of this room: labels and the scores that belong to them."""

from __future__ import annotations

import numpy as np

from inksight.errors import UsageError


def require_pairs(labels: np.ndarray, scores: np.ndarray) -> None:
    """Checks that there is one row of scores for each label, and one column for each class named.

    Args:
        labels: int (n,), n at least 1.
        scores: float (n, classes), probabilities or logits.
    Raises:
        UsageError: nothing to measure, shapes that do not fit, or labels out of range.
    """
    if not len(labels):
        raise UsageError("there is nothing to measure: 0 labels came. Give at least one picture.")
    if scores.ndim != 2 or len(labels) != len(scores):
        raise UsageError(f"{len(labels):,} labels but scores of shape {scores.shape} came; one row a label was wanted.")
    low, high = int(np.min(labels)), int(np.max(labels))
    if low < 0 or high >= scores.shape[1]:
        raise UsageError(
            f"labels from {low} to {high} came; with {scores.shape[1]} classes 0 to {scores.shape[1] - 1} were wanted."
        )
