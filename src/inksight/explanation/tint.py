"""Signed values as colours: blue speaks for, or is above 0; orange speaks against, or is below."""

from __future__ import annotations

import numpy as np

from inksight.explanation.attribution import ground_of

BLUE, ORANGE = (29, 78, 216), (220, 82, 10)


def overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """What mattered in colour over a pale print of the ink.

    Args:
        image: uint8 (height, width, channels). heat: float32 (height, width).
    Returns:
        uint8 (height, width, 3).
    """
    ink = np.abs(image - ground_of(image[None])[0]).max(axis=-1, keepdims=True) / 255
    return tinted(heat, np.percentile(np.abs(heat), 99), 255 - 75 * ink)


def tinted(values: np.ndarray, top: float | None = None, ground: np.ndarray | float = 255) -> np.ndarray:
    """Values in colour: the ground at 0, blue above, orange below; the same strength at ±top.

    Args:
        values: float (height, width). top: the largest of all unless given. ground: levels, (height, width, 1) or one.
    """
    top = float(np.abs(values).max() if top is None else top) or 1.0
    share = np.clip(np.abs(values) / top, 0, 1)[..., None]
    full = np.where((values > 0)[..., None], BLUE, ORANGE)
    return np.asarray(np.rint(ground + share * (full - ground)), np.uint8)
