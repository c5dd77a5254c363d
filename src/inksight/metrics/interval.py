"""How far an accuracy can be trusted, given how many pictures it was measured on."""

from __future__ import annotations

from math import sqrt

from inksight.errors import UsageError

Z95 = 1.959963984540054


def wilson_interval(hits: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a rate; unlike the textbook's ± it holds near 0 and 1 too.

    Args:
        hits: how many were right, 0 to total.
        total: of how many, at least 1.
    Returns:
        lower and upper bound, each 0–1.
    Raises:
        UsageError: total is 0, or hits is out of its range.
    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    """
    if total < 1 or not 0 <= hits <= total:
        raise UsageError(f"{hits} right of {total} came; 0 to n right of n ≥ 1 were wanted.")
    rate = hits / total
    shrink = 1 + Z95**2 / total
    centre = (rate + Z95**2 / (2 * total)) / shrink
    half = Z95 * sqrt(rate * (1 - rate) / total + Z95**2 / (4 * total**2)) / shrink
    return (max(0.0, centre - half) if hits else 0.0, min(1.0, centre + half) if hits < total else 1.0)
