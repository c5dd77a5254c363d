"""Pictures spoiled on purpose: noise, light, ground, what lies over the ink. A network that has seen them holds up.

None of them is one of MNIST-C's fifteen as `data/synthetic/mnist_c.py` makes them: those are for measuring alone, and
what could come out like one of them is left out of the draw. Every row of SPOILS takes and gives float32 (n, height,
width, channels), 0–1, and draws all its chance from the generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import cv2
import numpy as np

Spoil = Callable[[np.ndarray, np.random.Generator], np.ndarray]

_TWICE = 0.4  # of the spoiled pictures are spoiled in two ways
_PEN = np.ones((3, 3), np.uint8)


def spoil(images: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """Spoils a share of the pictures, each in one or two ways.

    Args:
        images: uint8 (n, height, width, channels).
        share: 0–1.
        generator: all chance enters here.
    Returns:
        uint8 of the same shape.
    """
    chosen = np.flatnonzero(generator.random(len(images)) < share)
    values = images[chosen].astype(np.float32) / 255
    again = generator.random(len(chosen)) < _TWICE
    for affected in (np.ones(len(chosen), bool), again):
        ways = np.where(affected, generator.integers(0, len(SPOILS), len(chosen)), -1)
        for number, way in enumerate(SPOILS.values()):
            group = np.flatnonzero(ways == number)
            if len(group):
                values[group] = np.clip(way(values[group], generator), 0, 1)
    result = images.copy()
    result[chosen] = np.rint(values * 255)
    return result


def _noise(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """White noise."""
    noise = generator.standard_normal(images.shape, np.float32)
    return np.asarray(images + _each(0.05, 0.4, images, generator) * noise)


def _speckle(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Noise where it is bright."""
    noise = generator.standard_normal(images.shape, np.float32)
    return np.asarray(images * (1 + _each(0.2, 1.0, images, generator) * noise))


def _specks(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Single pixels of any grey."""
    hit, grey = generator.random((2, *images.shape), np.float32)
    return np.where(hit < _each(0.02, 0.25, images, generator), grey, images)


def _soft(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Out of focus."""
    sigmas = generator.uniform(0.4, 1.5, len(images))
    return _one_by_one(lambda image, sigma: cv2.GaussianBlur(image, (0, 0), sigma), images, sigmas)


def _shaken(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The mean of the picture at five places of a shaky path."""
    total = images.copy()
    steps = generator.normal(0, 1.0, (4, len(images), 2)) + generator.normal(0, 0.8, (len(images), 2))
    for path in np.cumsum(steps, axis=0):
        total += _one_by_one(_shifted, images, path)
    return np.asarray(total / 5)


def _coarse(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Too few pixels."""
    height, width = images.shape[1:3]

    def coarse(image: np.ndarray, share: float) -> np.ndarray:
        small = cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        way = cv2.INTER_LINEAR if share < 0.5 else cv2.INTER_NEAREST
        return np.asarray(cv2.resize(small, (width, height), interpolation=way))

    return _one_by_one(coarse, images, generator.uniform(0.35, 0.7, len(images)))


def _wavy(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """As through uneven glass: every place moved a little, its neighbours another way."""
    rows, columns = np.indices(images.shape[1:3], np.float32)
    moves = [_fields(images, generator, 5, 14) * 2 - 1 for _ in "xy"]
    reach = generator.uniform(0.5, 2.0, len(images))

    def wave(image: np.ndarray, index: int) -> np.ndarray:
        across, down = (move[index, ..., 0] * np.float32(reach[index]) for move in moves)
        moved = cv2.remap(image, columns + across, rows + down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved)

    return _one_by_one(wave, images, range(len(images)))


def _light(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A brighter ground, fainter or overexposed ink; never as bright a ground as MNIST-C's brightness makes."""
    low = _each(0.0, 0.4, images, generator)
    high = low + _each(0.25, 1.2, images, generator)
    return np.asarray(low + (high - low) * images ** _each(0.5, 2.0, images, generator))


def _ground(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Clouds of light over all of it, coarse or fine."""
    share = _each(0.2, 0.75, images, generator)
    fields = _fields(images, generator, 2, 9) * (1 - (detail := _each(0, 0.5, images, generator)))
    return np.asarray(images * (1 - share) + (fields + detail * _fields(images, generator, 8, 20)) * share)


def _negative(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Bright and dark change places: everywhere, in a box, or beyond a straight edge.

    Beyond two edges only where they slant: upright ones are MNIST-C's stripes.
    """
    height, width = images.shape[1:3]
    rows, columns = np.indices((height, width)) / max(height, width) - 0.5

    def mask(kind: float) -> np.ndarray:
        if kind < 0.25:
            return np.ones((height, width), bool)
        if kind < 0.5:
            return _box(height, width, generator)
        beyond_two = kind >= 0.75
        angle = generator.uniform(0.35, np.pi - 0.35) if beyond_two else generator.uniform(0, 2 * np.pi)
        side = np.cos(angle) * columns + np.sin(angle) * rows - generator.uniform(-0.4, 0.4)
        return np.asarray(np.abs(side) > generator.uniform(0.1, 0.5) if beyond_two else side > 0)

    masks = np.stack([mask(kind) for kind in generator.random(len(images))])[..., None]
    return np.where(masks, 1 - images, images)


def _erased(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A box of one grey laid over it."""
    height, width = images.shape[1:3]
    boxes = np.stack([_box(height, width, generator, 0.35) for _ in images])[..., None]
    return np.where(boxes, _each(0, 1, images, generator), images)


def _blots(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Spots of one grey, more or less transparent."""
    cover = np.clip((_fields(images, generator, 5, 12) - _each(0.6, 0.8, images, generator)) * 12, 0, 1)
    cover *= _each(0.5, 1, images, generator)
    return np.asarray(images * (1 - cover) + _each(0, 1, images, generator) * cover)


def _strokes_over(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """One to three crooked strokes across it, bright or dark."""
    height, width = images.shape[1:3]

    def crossed(image: np.ndarray, grey: float) -> np.ndarray:
        mask = np.zeros((height, width), np.uint8)
        for _ in range(generator.integers(1, 4)):
            points = generator.uniform(-0.1, 1.1, (generator.integers(2, 5), 2)) * (width, height)
            fixed = np.rint(points * 16).astype(np.int32)
            cv2.polylines(mask, [fixed], False, 255, 1 + (generator.random() < 0.25), cv2.LINE_AA, shift=4)
        cover = mask[..., None].astype(np.float32) / 255
        return np.asarray(image * (1 - cover) + np.float32(grey) * cover)

    greys = np.where(generator.random(len(images)) < 0.7, generator.uniform(0.5, 1, len(images)), 0.0)
    return _one_by_one(crossed, images, greys)


def _outline(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Only the edges of strokes, softly."""
    thin = _one_by_one(lambda image, pen: cv2.erode(image, pen), images, [_PEN] * len(images))
    thick = _one_by_one(lambda image, pen: cv2.dilate(image, pen), images, [_PEN] * len(images))
    outside = generator.random((len(images), 1, 1, 1)) < 0.5
    return np.asarray(np.where(outside, thick, images) - np.where(outside, images, thin))


SPOILS: dict[str, Spoil] = {
    "noise": _noise,
    "speckle": _speckle,
    "specks": _specks,
    "soft": _soft,
    "shaken": _shaken,
    "coarse": _coarse,
    "wavy": _wavy,
    "light": _light,
    "ground": _ground,
    "negative": _negative,
    "erased": _erased,
    "blots": _blots,
    "strokes": _strokes_over,
    "outline": _outline,
}


def _each(low: float, high: float, images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """One number a picture, that multiplies all of it: float32 (n, 1, 1, 1)."""
    return np.asarray(generator.uniform(low, high, (len(images), 1, 1, 1)), np.float32)


def _one_by_one(function: Callable[..., np.ndarray], images: np.ndarray, arguments: Iterable[object]) -> np.ndarray:
    """`function` of each picture and its argument; OpenCV drops a single channel, it is put back."""
    changed = [function(image, argument) for image, argument in zip(images, arguments, strict=True)]
    return np.stack(changed).reshape(images.shape)


def _shifted(image: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Moved by (x, y) pixels, the border continued."""
    matrix = np.array([[1, 0, offset[0]], [0, 1, offset[1]]])
    return np.asarray(cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE))


def _fields(images: np.ndarray, generator: np.random.Generator, least: int, most: int) -> np.ndarray:
    """Smooth random fields, 0–1, of `least` to `most` cells a side: float32 (n, height, width, 1)."""
    shape = images.shape[2], images.shape[1]
    cells = generator.integers(least, most + 1, len(images))
    fields = [
        cv2.resize(generator.random((each, each), np.float32), shape, interpolation=cv2.INTER_CUBIC) for each in cells
    ]
    return np.asarray(np.clip(np.stack(fields)[..., None], 0, 1))


def _box(height: int, width: int, generator: np.random.Generator, most: float = 0.7) -> np.ndarray:
    """A random upright box, its sides 0.15 to `most` of the picture's: bool (height, width)."""
    mask = np.zeros((height, width), bool)
    tall, wide = (generator.uniform(0.15, most, 2) * (height, width)).astype(int) + 1
    top, left = generator.integers(0, height - tall + 1), generator.integers(0, width - wide + 1)
    mask[top : top + tall, left : left + wide] = True
    return mask
