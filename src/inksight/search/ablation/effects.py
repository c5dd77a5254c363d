"""Which differences are real: two kinds of luck, the seed's and the pictures', and as many questions as were asked.

All settings answer the same validation pictures after the same seeds, so a difference is a table: for each seed and
picture, right with the one minus right with the other, −1, 0 or 1. How far its mean would move with other seeds and
other pictures is read from the table itself (two-way analysis of variance, both random).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inksight.metrics.interval import Z95
from inksight.metrics.mcnemar import holm

LEVEL = 0.05
_MATTERS = 1 / 4  # of the reference's errors: a smaller difference is small
_SHARED = 0.25  # squared correlation of two differences to the same reference
_ROUNDING = 1e-12  # a variance below is none: floats have rounded it
_ODD = 0.99  # quantile beyond which a setting's own luck is taken for what it is


@dataclass(frozen=True)
class Difference:
    """Of two settings, as a share of the pictures.

    value: mean over seeds and pictures. by_seed: its mean for each seed. picture_variance: of the mean, for the choice
    of pictures. noise: of the mean, if seeds had no luck of their own. overdispersion: how much more the seeds differ
    than that, estimated from this difference alone; None for a single seed.
    """

    value: float
    by_seed: tuple[float, ...]
    picture_variance: float
    noise: float
    overdispersion: float | None


@dataclass(frozen=True)
class Judged:
    """A difference with its 95 % interval, p value, and p value corrected for the number of questions (Holm).

    verdict: "real"; "perhaps" (it would be, were it the only question); "noise"; "open" (too few of what it `lacks`,
    seeds or validation pictures, to say); "same" (not a single picture differs).
    """

    difference: Difference
    interval: tuple[float, float]
    p: float
    p_adjusted: float
    verdict: str
    lacks: str = "seeds"


def difference(table: np.ndarray) -> Difference:
    """Reads one table.

    Args:
        table: float (seeds, pictures), −1 to 1: right with one setting minus right with the other.
    Source: the random two-way model without repetition; Scheffé 1959, The Analysis of Variance, 7.4.
    """
    seeds, pictures = table.shape
    mean, by_seed, by_picture = table.mean(), table.mean(1), table.mean(0)
    value = float(mean)
    if seeds < 2 or pictures < 2:
        return Difference(value, tuple(by_seed.tolist()), 0.0, 0.0, None)
    rest = table - by_seed[:, None] - by_picture + mean
    error = _unrounded(float((rest**2).sum()) / ((seeds - 1) * (pictures - 1)))
    of_seeds = _unrounded(pictures * float(by_seed.var(ddof=1)))
    of_pictures = _unrounded(seeds * float(by_picture.var(ddof=1)))
    if of_seeds:  # all pictures alike: what the seeds differ by is then all the noise there is
        error = max(error, _ROUNDING)
    return Difference(
        value,
        tuple(by_seed.tolist()),
        picture_variance=max(of_pictures - error, 0.0) / (seeds * pictures),
        noise=error / (seeds * pictures),
        overdispersion=of_seeds / error if error else 1.0,
    )


def _unrounded(variance: float) -> float:
    """A variance; 0 where it is one by rounding only."""
    return variance if variance > _ROUNDING else 0.0


def judge(differences: Sequence[Difference], errors: Sequence[float]) -> list[Judged]:
    """Intervals and verdicts for all the differences of an experiment together.

    A few seeds say little about how much seeds vary; so that is pooled over all differences, in units of what the
    pictures alone explain. A setting that varies far more than the others keeps its own figure, and its few degrees of
    freedom.

    Args:
        errors: the reference's error rate, 0–1, for each difference.
    """
    pooled, freedom = _pooled(differences)
    measured = [_interval(one, pooled, freedom) for one in differences]
    adjusted = holm([p for _, p in measured])
    judged = []
    for one, (interval, p), corrected, error in zip(differences, measured, adjusted, errors, strict=True):
        largest = error * _MATTERS
        endless_seeds = Z95 * math.sqrt(one.picture_variance)
        lacks = "validation pictures" if one.overdispersion is not None and endless_seeds > largest else "seeds"
        if one.overdispersion is not None and not one.noise and not one.picture_variance and not any(one.by_seed):
            verdict = "same"
        elif corrected < LEVEL:
            verdict = "real"
        elif p < LEVEL:
            verdict = "perhaps"
        else:
            verdict = "noise" if max(-interval[0], interval[1]) <= largest else "open"
        judged.append(Judged(one, interval, p, corrected, verdict, lacks))
    return judged


def _pooled(differences: Sequence[Difference]) -> tuple[float, float]:
    """(overdispersion, degrees of freedom) of the differences that are not out of line."""
    rows = [(d.overdispersion, len(d.by_seed) - 1) for d in differences if d.overdispersion is not None and d.noise]
    if not rows:
        return 1.0, 1.0
    middle = float(np.median([ratio for ratio, _ in rows]))
    usual = [(ratio, weight) for ratio, weight in rows if ratio <= _limit(middle, weight)]
    weights = sum(weight for _, weight in usual)
    mean = sum(ratio * weight for ratio, weight in usual) / weights
    return max(1.0, mean), weights / (1 + _SHARED * (len(usual) - 1))


def _limit(middle: float, freedom: int) -> float:
    """How large a ratio may be beside the middle one; a ratio is spread like χ² by its degrees of freedom."""
    from scipy.special import gammaincinv  # scipy.stats takes half a second more to import

    return max(1.0, middle) * float(gammaincinv(freedom / 2, _ODD) / gammaincinv(freedom / 2, 0.5))


def _interval(one: Difference, pooled: float, freedom: float) -> tuple[tuple[float, float], float]:
    """(95 % interval, p)."""
    from scipy.special import stdtr, stdtrit

    if one.overdispersion is None:
        return (-math.inf, math.inf), 1.0
    own_freedom = len(one.by_seed) - 1
    ratio = max(pooled, one.overdispersion)
    if one.overdispersion > _limit(pooled, own_freedom):
        freedom = own_freedom
    of_seeds = ratio * one.noise
    variance = of_seeds + one.picture_variance
    if not variance:
        return (one.value, one.value), float(not one.value)
    freedom *= (variance / of_seeds) ** 2 if of_seeds else math.inf  # Satterthwaite 1946; the pictures are many
    half = float(stdtrit(freedom, 1 - LEVEL / 2)) * math.sqrt(variance)
    p = 2 * float(stdtr(freedom, -abs(one.value) / math.sqrt(variance)))
    return (one.value - half, one.value + half), p
