"""Most pictures are soon easy: an epoch may leave some of them out, if those that stay count for them.

Source: Qin et al. 2024, InfoBatch. docs/log.md has what it gains.
"""

from __future__ import annotations

import numpy as np


class Pruning:
    """What is known of each training picture's loss, and which pictures the next epoch shows.

    A picture is easy while its latest loss is below the mean; the others, and those not seen yet, are always shown.
    """

    def __init__(self, count: int, skip_easy: float) -> None:
        """count: training pictures. skip_easy: share of the easy ones to leave out, 0–1, 1 excluded."""
        self._losses = np.full(count, np.nan, np.float32)
        self._skip_easy = skip_easy

    def learn(self, indices: np.ndarray, losses: np.ndarray) -> None:
        """Takes the losses float32 (n,) of the pictures at `indices` int64 (n,); the last of a picture's stays."""
        self._losses[indices] = losses

    def choose(self, generator: np.random.Generator, least: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Draws an epoch: the indices to show, int64 (n,), and weights of all pictures, float32 (count,).

        The weights average 1 over those shown, and expected gradients keep their direction.

        Args:
            generator: all chance enters here.
            least: so many are shown at least, even if that means to leave fewer of the easy ones out.
        """
        everything = np.arange(len(self._losses))
        weights = np.ones(len(self._losses), np.float32)
        known = np.isfinite(self._losses)
        if not known.any():
            return everything, weights
        easy = np.flatnonzero(known & (self._losses < self._losses[known].mean()))
        left_out = min(int(len(easy) * self._skip_easy), len(everything) - least)
        kept = generator.permutation(easy)[left_out:]
        shown = np.concatenate([np.setdiff1d(everything, easy), kept])
        if len(kept):
            weights[easy] = len(easy) / len(kept)
        return shown, weights * (len(shown) / weights[shown].sum())
