"""How well one number tells two kinds of things apart, whatever the limit."""

from __future__ import annotations

import numpy as np


def auroc(inside: np.ndarray, outside: np.ndarray) -> float:
    """The chance that one of `inside` has the higher score than one of `outside`; a tie counts half.

    Args:
        inside: float (n,), n ≥ 1. outside: float (m,), m ≥ 1.
    Returns:
        0–1; 0.5 where the score tells nothing.
    """
    order = np.sort(outside)
    below = (np.searchsorted(order, inside, "left") + np.searchsorted(order, inside, "right")) / 2
    return float(below.mean() / len(outside))
