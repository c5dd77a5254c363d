"""What mattered: parts of the picture are covered one after the other, and the answer is watched.

It takes no gradients and no model of the model: it says what the network really answers when something is missing.
Source: M. D. Zeiler and R. Fergus, Visualizing and Understanding Convolutional Networks, 2014.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

PATCHES = 5  # a picture's side has as many patches and a half: 5 px of 28
SURE = 1e-6  # a float32's probability says nothing nearer to 0 and 1


def occlusion(
    probabilities: Callable[[np.ndarray], np.ndarray], image: np.ndarray, label: int, ground: int | np.ndarray
) -> np.ndarray:
    """How much each pixel speaks for a class.

    A square patch of the ground slides over the picture. The log-odds it takes from the class are shared among the
    places it was at: positive where the ink speaks for the class, negative where it speaks against it.

    Args:
        probabilities: images uint8 (n, …) -> float32 (n, classes).
        image: uint8 (size, size) or (size, size, channels).
        label: the class.
        ground: the level that stands for nothing, 0–255; one for each channel or one for all.
    Returns:
        float32 (size, size), in natural logarithms of odds.
    """
    size_px = len(image)
    patch_px = max(2, round(size_px / (PATCHES + 0.5)))
    starts = range(1 - patch_px, size_px, max(1, patch_px // 2))
    windows = [(slice(max(y, 0), y + patch_px), slice(max(x, 0), x + patch_px)) for y in starts for x in starts]
    covered = np.repeat(image[None], len(windows) + 1, axis=0)
    for picture, window in zip(covered[1:], windows, strict=True):
        picture[window] = ground
    odds = _log_odds(probabilities(covered)[:, label])
    total, times = np.zeros((2, size_px, size_px))
    for window, lost in zip(windows, odds[0] - odds[1:], strict=True):
        total[window] += lost
        times[window] += 1
    return np.asarray(total / times, np.float32)


def _log_odds(rates: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)), with both ends cut."""
    rates = rates.astype(np.float64).clip(SURE, 1 - SURE)
    return np.asarray(np.log(rates) - np.log1p(-rates))
