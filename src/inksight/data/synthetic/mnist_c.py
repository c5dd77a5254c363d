"""MNIST-C: fifteen ways to spoil a digit that people still read, to measure how a network holds up.

Every row takes and gives float32 (n, 28, 28), 0–1, bright ink on dark, and draws all its chance from the generator.
Source: Mu & Gilmer 2019, MNIST-C, and the parameters of google-research/mnist-c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from inksight.errors import UsageError, unknown

Corruption = Callable[[np.ndarray, np.random.Generator], np.ndarray]

_SIDE_PX = 28
_CHUNK = 500  # pictures at once: fog needs 256×256 numbers for each


def corrupt(images: np.ndarray, name: str, seed: int = 0) -> np.ndarray:
    """Spoils pictures in the way `name`.

    Args:
        images: uint8 (n, 28, 28) or (n, 28, 28, 1), bright ink on dark.
        name: one of CORRUPTIONS.
        seed: with the name and a picture's place it decides all chance.
    Returns:
        uint8 of the same shape.
    Raises:
        UsageError: no such corruption, or pictures of another shape.
    """
    if name not in CORRUPTIONS:
        raise UsageError(unknown("corruption", name, CORRUPTIONS))
    if images.dtype != np.uint8 or images.shape[1:3] != (_SIDE_PX, _SIDE_PX) or images[:1].size != _SIDE_PX**2:
        raise UsageError(
            f"pictures of shape {images.shape} and type {images.dtype} came; MNIST-C is made for uint8 (n, 28, 28)."
        )
    result = np.empty((len(images), _SIDE_PX, _SIDE_PX), np.uint8)
    for number, start in enumerate(range(0, len(images), _CHUNK)):
        generator = np.random.default_rng([seed, list(CORRUPTIONS).index(name), number])
        part = images[start : start + _CHUNK].reshape(-1, _SIDE_PX, _SIDE_PX).astype(np.float32) / 255
        spoiled = CORRUPTIONS[name](part, generator)
        result[start : start + _CHUNK] = np.rint(np.clip(spoiled, 0, 1) * 255)
    return result.reshape(images.shape)


def _shot_noise(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Three photons where it is brightest."""
    return np.asarray(generator.poisson(images * 3) / 3, np.float32)


def _impulse_noise(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Salt and pepper on 17 of 100 pixels."""
    hit, salt = generator.random((2, *images.shape), np.float32)
    return np.where(hit < 0.17, (salt < 0.5).astype(np.float32), images)


def _glass_blur(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Blurred, pixels swapped with a neighbour up or left of them half of the time, twice over, and blurred again."""
    pixels = np.floor(_blurred(images, 0.7) * 255)
    everyone = np.arange(len(images))
    for row, column in [(row, column) for _ in range(2) for row in range(27, 1, -1) for column in range(27, 1, -1)]:
        swapped = everyone[generator.random(len(images)) < 0.5]
        rows, columns = np.array([[row], [column]]) - generator.integers(0, 2, (2, len(swapped)))
        here = pixels[swapped, row, column]
        pixels[swapped, row, column] = pixels[swapped, rows, columns]
        pixels[swapped, rows, columns] = here
    return _blurred(pixels / 255, 0.7)


def _motion_blur(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Smeared one way, the further the fainter (σ 3 px), at up to 45° to the horizontal."""
    weights = np.exp(-(np.arange(21) ** 2) / (2 * 3.0**2))
    result = np.empty_like(images)
    for index, angle in enumerate(np.deg2rad(generator.uniform(-45, 45, len(images)))):
        across = np.ceil(np.arange(21) * np.cos(angle) - 0.5).astype(int)
        down = np.ceil(np.arange(21) * np.sin(angle) - 0.5).astype(int)
        kernel = np.zeros((41, 41), np.float32)
        np.add.at(kernel, (20 + down, 20 + across), weights / weights.sum())
        result[index] = cv2.filter2D(images[index], -1, kernel, borderType=cv2.BORDER_REPLICATE)
    return result


def _shear(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """By ± 0.4 rad: scikit-image's shear keeps lengths along the slanted axis."""
    angles = 0.4 * _signs(len(images), generator)
    return _mapped(images, [[[1.0, -np.sin(angle)], [0.0, np.cos(angle)]] for angle in angles])


def _scale(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Shrunk to 0.7."""
    return _mapped(images, [[[1 / 0.7, 0.0], [0.0, 1 / 0.7]]] * len(images))


def _rotate(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """By ± 0.4 rad."""
    angles = 0.4 * _signs(len(images), generator)
    return _mapped(images, [[[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]] for a in angles])


def _brightness(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Everything brighter by half of the range."""
    return np.asarray(images + np.float32(0.5))


def _translate(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """By ± 3 px in both directions."""
    shifts = 3 * _signs((len(images), 2), generator)
    return _mapped(images, [np.eye(2)] * len(images), shifts)


def _stripe(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The left and the right quarter inverted."""
    result = images.copy()
    for columns in (slice(0, 7), slice(21, 28)):
        result[:, :, columns] = 1 - images[:, :, columns]
    return result


def _fog(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Three times as bright as the ink, patchy, and all scaled back to the ink's brightness."""
    brightest = images.max(axis=(1, 2), keepdims=True)
    fog = 3.0 * _plasma(len(images), 1.4, generator)[:, :_SIDE_PX, :_SIDE_PX]
    return np.asarray((images + fog) * brightest / (brightest + 3.0))


def _spatter(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Blots of dark grey mud."""
    liquid = _blurred(generator.normal(0.65, 0.3, images.shape).astype(np.float32), 1.0)
    mud = _blurred((liquid > 0.65).astype(np.float32), 1.5)
    mud[mud < 0.8] = 0
    return np.asarray(images * (1 - mud) + 63 / 255 * mud)


def _dotted_line(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A straight line from side to side, two columns on, two off."""
    result = images.copy()
    for index, (start, end) in enumerate(generator.integers(0, 27, (len(images), 2))):
        line = _line(0, start, 27, end)
        line[:, np.arange(_SIDE_PX) % 4 < 2] = 0
        result[index] += line
    return result


def _zigzag(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A saw of teeth 2 px high and 2 px long, across nearly all of the picture."""
    result = images.copy()
    starts, rises = generator.integers(0, 27, len(images)), generator.integers(-5, 5, len(images))
    for index, (start, rise) in enumerate(zip(starts, rises, strict=True)):
        for (c0, r0), (c1, r1) in _zigzag_pieces(2, float(start), 25, float(start + rise)):
            result[index] = np.clip(result[index] + _line(c0, r0, c1, r1), 0, 1)
    return result


def _canny_edges(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Edges alone: Gaussian σ 1, Sobel, ridges, those above 0.1 that touch one of 0.2. As scikit-image does."""
    kernel = cv2.getGaussianKernel(9, 1.0, cv2.CV_32F)
    ground = cv2.sepFilter2D(np.ones((_SIDE_PX, _SIDE_PX), np.float32), -1, kernel, kernel, borderType=0)
    result = np.zeros_like(images)
    for index, image in enumerate(images):
        smooth = cv2.sepFilter2D(image, -1, kernel, kernel, borderType=cv2.BORDER_CONSTANT) / ground
        down, across = (
            cv2.Sobel(smooth, cv2.CV_32F, *axis, borderType=cv2.BORDER_REFLECT) for axis in ((0, 1), (1, 0))
        )
        ridges = _ridges(np.hypot(down, across), down, across)
        _, marks = cv2.connectedComponents((ridges > 0).astype(np.uint8), connectivity=8)
        result[index] = np.isin(marks, np.unique(marks[ridges >= 0.2])) & (marks > 0)
    return result


CORRUPTIONS: dict[str, Corruption] = {
    "shot_noise": _shot_noise,
    "impulse_noise": _impulse_noise,
    "glass_blur": _glass_blur,
    "motion_blur": _motion_blur,
    "shear": _shear,
    "scale": _scale,
    "rotate": _rotate,
    "brightness": _brightness,
    "translate": _translate,
    "stripe": _stripe,
    "fog": _fog,
    "spatter": _spatter,
    "dotted_line": _dotted_line,
    "zigzag": _zigzag,
    "canny_edges": _canny_edges,
}


def _signs(shape: int | tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """−1 or 1, as likely."""
    return generator.choice([-1.0, 1.0], shape)


def _blurred(images: np.ndarray, sigma: float) -> np.ndarray:
    """Each picture blurred by a Gaussian of four sigma, its border continued."""
    kernel = cv2.getGaussianKernel(2 * round(4 * sigma) + 1, sigma, cv2.CV_32F)
    blurred = [cv2.sepFilter2D(each, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_REPLICATE) for each in images]
    return np.stack(blurred)


def _mapped(images: np.ndarray, matrices: Any, shifts: np.ndarray | None = None) -> np.ndarray:
    """Pulls each picture through a linear map of output to input that keeps the centre, then shifts it."""
    linear = np.asarray(matrices, float)
    centre = np.full(2, (_SIDE_PX - 1) / 2)
    offsets = centre - linear @ centre + (0 if shifts is None else shifts)
    return np.stack(
        [
            cv2.warpAffine(
                image, np.c_[matrix, offset], (_SIDE_PX, _SIDE_PX), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            )
            for image, matrix, offset in zip(images, linear, offsets, strict=True)
        ]
    )


def _plasma(count: int, decay: float, generator: np.random.Generator, side: int = 256) -> np.ndarray:
    """Height maps by the diamond-square algorithm, 0–1, on a torus: float32 (count, side, side)."""
    heights = np.zeros((count, side, side), np.float32)
    step, wobble = side, 100.0

    def middles(total: np.ndarray) -> np.ndarray:
        noise = generator.random(total.shape, np.float32) * 2 - 1
        return total / 4 + np.float32(wobble * wobble) * noise

    while step >= 2:
        half = step // 2
        corners = heights[:, ::step, ::step]
        pairs = corners + np.roll(corners, -1, axis=1)
        heights[:, half::step, half::step] = centres = middles(pairs + np.roll(pairs, -1, axis=2))
        across = centres + np.roll(centres, 1, axis=1) + corners + np.roll(corners, -1, axis=2)
        heights[:, ::step, half::step] = middles(across)
        down = centres + np.roll(centres, 1, axis=2) + corners + np.roll(corners, -1, axis=1)
        heights[:, half::step, ::step] = middles(down)
        step, wobble = half, wobble / decay
    heights -= heights.min(axis=(1, 2), keepdims=True)
    return np.asarray(heights / heights.max(axis=(1, 2), keepdims=True))


def _line(c0: float, r0: float, c1: float, r1: float) -> np.ndarray:
    """A soft line from column c0, row r0 to column c1, row r1: float32 (28, 28), 1 on it, 0 from 1.45 px away."""
    if c0 == c1:
        return np.zeros((_SIDE_PX, _SIDE_PX), np.float32)
    places = np.arange(_SIDE_PX)
    away = np.abs(places[:, None] - (r0 + (r1 - r0) / (c1 - c0) * (places - c0)))
    line = np.clip(np.log(1 - np.minimum(away, 2.29) / 2.3) + 1, 0, 1)
    line[:, (places < np.floor(c0)) | (places >= np.ceil(c1))] = 0
    return np.asarray(line, np.float32)


def _zigzag_pieces(c0: float, r0: float, c1: float, r1: float, tooth: float = 2.0) -> Iterator[tuple[Any, Any]]:
    """The straight pieces of a saw from (c0, r0) to (c1, r1): pairs of points (column, row)."""
    slant = np.arctan((r1 - r0) / (c1 - c0))
    length = (c1 - c0) / np.cos(slant)
    teeth = np.arange(int((length - tooth) // (2 * tooth)) + 1)
    along, up = (2 * teeth + 1) * tooth, np.where(teeth % 2, -tooth, tooth)
    whole = 2 * tooth * (length // (2 * tooth))
    if length != whole:
        along, up = np.append(along, length), np.append(up, up[-1] / (2 * (length - whole)))
    along, up = np.insert(along, 0, 0.0), np.insert(up, 0, 0.0)
    columns = c0 + along * np.cos(slant) - up * np.sin(slant)
    rows = r0 + along * np.sin(slant) + up * np.cos(slant)
    yield from pairwise(zip(columns, rows, strict=True))


def _ridges(strength: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Keeps gradient strengths of 0.1 and more that no neighbour along the gradient exceeds, away from the border."""
    here = strength[1:-1, 1:-1]
    steep, flat = np.abs(down[1:-1, 1:-1]), np.abs(across[1:-1, 1:-1])
    steeper = steep > flat
    share = np.minimum(steep, flat) / np.maximum(np.maximum(steep, flat), 1e-12)
    slants = np.where(down[1:-1, 1:-1] * across[1:-1, 1:-1] >= 0, 1, -1)  # the gradient runs along this diagonal

    def shifted(rows: Any, columns: Any) -> np.ndarray:
        r, c = np.mgrid[1 : _SIDE_PX - 1, 1 : _SIDE_PX - 1]
        return np.asarray(strength[r + rows, c + columns])

    kept = here >= 0.1
    for way in (1, -1):
        straight = np.where(steeper, shifted(way, 0), shifted(0, way * slants))
        kept &= share * shifted(way, way * slants) + (1 - share) * straight <= here
    result = np.zeros_like(strength)
    result[1:-1, 1:-1] = np.where(kept, here, 0)
    return result
