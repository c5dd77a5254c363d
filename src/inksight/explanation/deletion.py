"""Whether an attribution is true: taking away what it calls important has to hurt an answer more than chance does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SHARES = tuple(step / 10 for step in range(11))


@dataclass(frozen=True)
class Deletion:
    """The mean confidence in the class asked about, 0–1, as ink goes: a value for each of SHARES of each picture's ink.

    by_importance: what speaks most for the class goes first. by_chance: any pixels go. by_chance_in_ink: only pixels
    that hold ink, which is the harder comparison.
    """

    by_importance: tuple[float, ...]
    by_chance: tuple[float, ...]
    by_chance_in_ink: tuple[float, ...]

    @property
    def areas(self) -> dict[str, float]:
        """The mean of each curve, 0–1: the lower, the faster the confidence falls."""
        return {name: float(np.mean(curve)) for name, curve in vars(self).items()}


def deletion(
    probabilities: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    labels: np.ndarray,
    heat: np.ndarray,
    ground: np.ndarray,
    seed: int = 0,
) -> Deletion:
    """Takes pixels away in three orders, as many of them at each step, and watches the confidence fall.

    Args:
        probabilities: images uint8 (n, …) -> float32 (n, classes).
        images: uint8 (n, height, width, channels).
        labels: int64 (n,), the class asked about.
        heat: float32 (n, height, width), an attribution for these labels.
        ground: float32 (n, 1, 1, channels), what a pixel that was taken away becomes.
        seed: enters here, for the orders by chance.
    """
    random = np.random.default_rng(seed).random(heat.shape)
    is_ink = (images != ground).any(axis=-1)
    orders = (heat, random, np.where(is_ink, random, -1))
    counts = is_ink.sum(axis=(1, 2))
    return Deletion(*(_curve(probabilities, images, labels, order, counts, ground) for order in orders))


def _curve(
    probabilities: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    labels: np.ndarray,
    order: np.ndarray,
    counts: np.ndarray,
    ground: np.ndarray,
) -> tuple[float, ...]:
    """The mean confidence for each of SHARES of `counts` pixels, those highest in `order` first."""
    ranks = np.argsort(np.argsort(-order.reshape(len(order), -1), axis=1, kind="stable"), axis=1).reshape(order.shape)
    means = []
    for share in SHARES:
        is_gone = ranks < np.rint(share * counts)[:, None, None]
        left = np.where(is_gone[..., None], ground, images).astype(np.uint8)
        means.append(float(probabilities(left)[np.arange(len(labels)), labels].mean()))
    return tuple(means)
