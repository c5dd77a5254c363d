"""Whether of two classifiers one is better, asked the same pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from inksight.errors import UsageError
from inksight.metrics.interval import Z95


@dataclass(frozen=True)
class Duel:
    """Two classifiers on the same pictures.

    only_first, only_second: how many pictures just one of them gets right. images: of how many.
    difference: accuracy of the second less that of the first, with its 95 % interval.
    p: the chance of a difference at least as large if neither is better, 0–1.
    """

    only_first: int
    only_second: int
    images: int
    difference: float
    interval95: tuple[float, float]
    p: float


def duel(first: np.ndarray, second: np.ndarray) -> Duel:
    """The exact McNemar test. Pictures that both get right, or both wrong, say nothing of which is better.

    Args:
        first, second: bool (n,), whether each answer is right; the same pictures in the same order, n at least 1.
    Raises:
        UsageError: different numbers of pictures, or none.
    Source: Q. McNemar, Psychometrika 12 (1947); the interval: A. Agresti and Y. Min, Statistics in Medicine 24 (2005).
    """
    if len(first) != len(second) or not len(first):
        raise UsageError(f"{len(first):,} and {len(second):,} answers came; as many answers of both were wanted.")
    from scipy.special import bdtr

    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    images, apart = len(first), only_first + only_second
    p = min(1.0, 2 * float(bdtr(min(only_first, only_second), apart, 0.5))) if apart else 1.0
    difference = (only_second - only_first) / images
    return Duel(only_first, only_second, images, difference, _interval(only_first, only_second, images), p)


def holm(chances: Sequence[float]) -> list[float]:
    """p-values of several questions asked at once, made larger so that one false alarm among all stays as rare.

    Source: S. Holm, Scandinavian Journal of Statistics 6 (1979).
    """
    adjusted = [0.0] * len(chances)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(chances)), key=lambda each: chances[each])):
        largest = max(largest, min(1.0, (len(chances) - rank) * chances[place]))
        adjusted[place] = largest
    return adjusted


def _interval(only_first: int, only_second: int, images: int) -> tuple[float, float]:
    """Of the difference of two accuracies on the same pictures; half a picture is added to each of four cells."""
    total, less, more = images + 2, only_first + 0.5, only_second + 0.5
    centre = (more - less) / total
    half = Z95 * sqrt((more + less) - (more - less) ** 2 / total) / total
    return max(-1.0, centre - half), min(1.0, centre + half)
