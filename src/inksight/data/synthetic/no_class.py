"""Pictures of no class, made of what is at hand, so that a network learns not to be sure of everything.

Source of the idea: Hendrycks et al. 2019, Deep Anomaly Detection with Outlier Exposure. Every row of KINDS takes
pictures uint8 (n, height, width, channels) and gives as many of the same shape.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

_MOST_CELLS = 20


def outliers(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Makes as many pictures of no class as came.

    Args:
        images: uint8 (n, height, width, channels), of which the parts are taken.
        generator: all chance enters here.
    Returns:
        uint8 of the same shape.
    """
    result = np.empty_like(images)
    kinds = generator.integers(0, len(KINDS), len(images))
    for number, make in enumerate(KINDS.values()):
        group = np.flatnonzero(kinds == number)
        if len(group):
            result[group] = make(images[group], generator)
    return result


def _pieces(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Quarters changed about and turned, as far as squares can be."""
    height, width = images.shape[1] // 2, images.shape[2] // 2
    result = images.copy()
    for index, image in enumerate(images):
        pieces = [image[row : row + height, column : column + width] for row in (0, height) for column in (0, width)]
        order = generator.permutation(4)
        for place, piece in enumerate(order):
            turned = np.rot90(pieces[piece], 2 * generator.integers(0, 2) + (height == width))
            row, column = divmod(place, 2)
            result[index, row * height : (row + 1) * height, column * width : (column + 1) * width] = turned
    return result


def _heaps(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A picture, one or two others turned by a half, and its own mirror image, on top of each other."""
    others = [np.roll(images, shift, axis=0)[:, ::-1, ::-1] for shift in (1, 2)]
    shifted = np.roll(others[0], generator.integers(-8, 9, 2), axis=(1, 2))
    third = others[1] if generator.random() < 0.5 else shifted
    return np.asarray(np.maximum(np.maximum(images[:, ::-1], shifted), third))


def _pairs(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Two pictures side by side in the frame of one, close to each other, their ground continued."""
    height, width = images.shape[1:3]
    result = np.empty_like(images)
    for index, (left, right) in enumerate(zip(images, np.roll(images, 1, axis=0), strict=True)):
        cut = int(width * generator.uniform(0.1, 0.27))
        both = np.concatenate([left[:, cut : width - cut], right[:, cut : width - cut]], axis=1)
        scale = width / both.shape[1] * generator.uniform(0.9, 1.15)
        matrix = np.array([[scale, 0, (width - scale * both.shape[1]) / 2], [0, scale, height * (1 - scale) / 2]])
        placed = cv2.warpAffine(both, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        result[index] = placed.reshape(images.shape[1:])
    return result


def _scribbles(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Long smooth strokes without an aim, dark and bright as the picture is."""
    height, width = images.shape[1:3]
    result = np.empty_like(images)
    for index, image in enumerate(images):
        mask = np.zeros((height, width), np.uint8)
        for _ in range(generator.integers(1, 3)):
            path = _smooth_path(int(generator.integers(6, 14)), generator) * (width, height) * 16
            thickness = max(1, round(height * generator.uniform(0.02, 0.08)))
            cv2.polylines(mask, [np.rint(path).astype(np.int32)], False, 255, thickness, cv2.LINE_AA, shift=4)
        result[index] = _drawn(mask, image)
    return result


def _fields(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Clouds, noise, steep and flat, down to plain ground."""
    height, width, channels = images.shape[1:]
    result = np.empty_like(images)
    for index in range(len(images)):
        cells = int(generator.integers(1, _MOST_CELLS))
        field = generator.random((cells, cells, channels), np.float32)
        way = cv2.INTER_CUBIC if generator.random() < 0.6 else cv2.INTER_NEAREST
        field = cv2.resize(field, (width, height), interpolation=way).reshape(height, width, channels)
        steep = 10 ** generator.uniform(-1, 1.3)
        noise = generator.uniform(0, 0.4) * generator.standard_normal(field.shape) * (generator.random() < 0.5)
        level = generator.uniform(0, 1)
        result[index] = np.rint(255 * np.clip(level + steep * (field - 0.5) + noise, 0, 1))
    return result


def _bars(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Straight and crooked pieces: crosses, corners, frames, dots."""
    height, width = images.shape[1:3]
    result = np.empty_like(images)
    for index, image in enumerate(images):
        mask = np.zeros((height, width), np.uint8)
        for _ in range(generator.integers(3, 7)):
            points = generator.uniform(0.1, 0.9, (2, 2)) * (width, height)
            if generator.random() < 0.5:  # along the frame
                points[1, generator.integers(0, 2)] = points[0, generator.integers(0, 2)]
            thickness = max(1, round(height * generator.uniform(0.02, 0.08)))
            start, end = np.rint(points * 16).astype(int).tolist()
            cv2.line(mask, start, end, 255, thickness, cv2.LINE_AA, shift=4)
        result[index] = _drawn(mask, image)
    return result


KINDS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "pieces": _pieces,
    "heaps": _heaps,
    "pairs": _pairs,
    "scribbles": _scribbles,
    "fields": _fields,
    "bars": _bars,
}


def _drawn(mask: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Strokes, uint8 (height, width), as bright and on as dark a ground as a picture has: float of its shape."""
    cover = mask[..., None] / 255
    return np.asarray(np.rint(like.min() * (1 - cover) + like.max() * cover))


def _smooth_path(corners: int, generator: np.random.Generator) -> np.ndarray:
    """A curve through the middles between random corners, 0–1: float (points, 2)."""
    points = generator.uniform(0.08, 0.92, (corners, 2))
    steps = np.linspace(0, 1, 6, endpoint=False)[:, None]
    starts, ends = (points[:-2] + points[1:-1]) / 2, (points[1:-1] + points[2:]) / 2
    pieces = [
        (1 - steps) ** 2 * start + 2 * steps * (1 - steps) * corner + steps**2 * end
        for start, corner, end in zip(starts, points[1:-1], ends, strict=True)
    ]
    return np.concatenate(pieces)
