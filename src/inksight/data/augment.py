"""Pictures made different on purpose, batch by batch, in the thread that prepares the next batch.

Never a flip: a mirrored 2 is no 2. Borders are continued outwards, so any ground is fine.
"""

from __future__ import annotations

import cv2
import numpy as np

from inksight.config import TrainConfig
from inksight.data.degrade import spoil

_SQUARE = np.ones((2, 2), np.uint8)


def augment(
    images: np.ndarray, config: TrainConfig, generator: np.random.Generator, wanted: slice = slice(None)
) -> np.ndarray:
    """Rotates, scales, shears, shifts, changes strokes and spoils, each picture on its own.

    Args:
        images: uint8 (n, height, width, channels).
        config: how far each change goes.
        generator: all chance enters here.
        wanted: which of them to give; they come out as if all were asked for.
    Returns:
        uint8 (wanted, height, width, channels).
    """
    if config.spoils:
        return spoil(_moved(images, config, generator, slice(None)), config.spoils, generator)[wanted]
    return _moved(images, config, generator, wanted)


def _moved(images: np.ndarray, config: TrainConfig, generator: np.random.Generator, wanted: slice) -> np.ndarray:
    """All but the spoils."""
    matrices = affine_matrices(len(images), images.shape[1:3], config, generator)
    changes = generator.random(len(images))
    result = np.empty_like(images[wanted])
    height, width = images.shape[1:3]
    for place, index in enumerate(range(len(images))[wanted]):
        warped = cv2.warpAffine(
            images[index], matrices[index], (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        result[place] = _stroke(warped, changes[index], config.strokes).reshape(images.shape[1:])
    return result


def affine_matrices(
    count: int, shape: tuple[int, int], config: TrainConfig, generator: np.random.Generator
) -> np.ndarray:
    """Random affine maps around the picture's centre, as cv2.warpAffine takes them: float64 (count, 2, 3)."""

    def within(limit: float) -> np.ndarray:
        return generator.uniform(-limit, limit, count)

    angle, shear = np.deg2rad(within(config.rotation_deg)), within(config.shear)
    scale_x, scale_y = 1 + within(config.scale), 1 + within(config.scale)
    cosine, sine = np.cos(angle), np.sin(angle)
    linear = np.empty((count, 2, 2))
    linear[:, 0, 0], linear[:, 0, 1] = cosine * scale_x, (cosine * shear - sine) * scale_y
    linear[:, 1, 0], linear[:, 1, 1] = sine * scale_x, (sine * shear + cosine) * scale_y
    centre = (np.array([shape[1], shape[0]]) - 1) / 2
    offset = centre - linear @ centre + np.stack([within(config.shift_px), within(config.shift_px)], axis=1)
    return np.concatenate([linear, offset[:, :, None]], axis=2)


def _stroke(picture: np.ndarray, chance: float, share: float) -> np.ndarray:
    """Dilates (3 in 10 of `share`), erodes (4 in 10) or blurs (3 in 10); otherwise leaves the picture alone."""
    if chance >= share:
        return picture
    if chance < 0.3 * share:
        return np.asarray(cv2.dilate(picture, _SQUARE))
    if chance < 0.7 * share:
        return np.asarray(cv2.erode(picture, _SQUARE))
    return np.asarray(cv2.blur(picture, (3, 3)))
