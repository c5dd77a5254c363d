"""Numbers of several digits in one hand: the same pen and slant, about the same size, apart or touching."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from inksight.data.synthetic.composed.canvas import (
    Lines,
    colours,
    drawn,
    inked,
    log_uniform,
    open_width,
    placed,
    strokes,
)
from inksight.data.synthetic.composed.paper import grained, new_look, photographed

DIGIT_PX = 200
"""The height at which a number's digits are drawn."""
LEAST_GAP = 0.06
"""Between the ink of digits that stand apart, ÷ their height."""
MOST_OVERLAP = 0.12
"""Of digits that touch, ÷ their height."""


@dataclass(frozen=True)
class Hand:
    """How one writer sets a row: lengths are in heights of a digit."""

    slant: float
    gap: float
    loose: float
    """how much the gaps differ"""
    wobble: float
    """of the baseline and of the size"""
    climb: float
    """of the baseline for each digit"""


def number(
    digits: np.ndarray, generator: np.random.Generator, touching: bool = False, *, clean: bool | None = None
) -> np.ndarray:
    """Digits in a row as one person writes them, photographed, or on a clean canvas a third of the time.

    Args:
        digits: uint8 (n, 28, 28), bright ink on dark, in their order.
        touching: whether each digit's ink touches or overlaps the next one's a little; otherwise 6 % of their height
            or more is between them.
        clean: on a canvas (True) or a photograph (False); None is chance.
    Returns:
        uint8 (h, w) grey or (h, w, 3) RGB.
    """
    clean = generator.random() < 1 / 3 if clean is None else clean
    look = new_look(generator)
    lines = [strokes(digit) for digit in digits]
    width = log_uniform(0.03, 0.14, generator) if clean else look.width
    tile = row(lines, min(open_width(each, width) for each in lines), touching, generator)
    if clean:
        return _on_canvas(tile, generator)
    return photographed(grained(tile, look, generator), look, generator, DIGIT_PX)


def row(lines: list[Lines], width: float, touching: bool, generator: np.random.Generator) -> np.ndarray:
    """Digits, each by its strokes, set beside each other with a pen of `width` ÷ their height: a tile, float32 (h, w).

    Raises:
        ValueError: no digit came.
    """
    hand = _hand(generator)
    hand = replace(hand, wobble=hand.wobble / 4) if touching else hand  # a digit does not slip under the other's roof
    tiles = [_one(each, width, hand, generator) for each in lines]
    tops = [_top(tile, index, hand, generator) for index, tile in enumerate(tiles)]
    tops = [top - min(tops) for top in tops]
    height = max(top + len(tile) for top, tile in zip(tops, tiles, strict=True))
    tall = [np.pad(tile, ((top, height - top - len(tile)), (0, 0))) for top, tile in zip(tops, tiles, strict=True)]
    result = tall[0]
    for tile in tall[1:]:
        result = _beside(result, tile, _gap_px(width, touching, hand, generator))
    return result


def _hand(generator: np.random.Generator) -> Hand:
    """A writer."""
    return Hand(
        slant=float(generator.normal(0.12, 0.15)),
        gap=log_uniform(0.1, 0.5, generator),
        loose=float(generator.uniform(0, 0.12)),
        wobble=float(generator.uniform(0, 0.06)),
        climb=float(generator.normal(0, 0.015)),
    )


def _one(lines: Lines, width: float, hand: Hand, generator: np.random.Generator) -> np.ndarray:
    """One digit at the hand's slant and about its size: a tile."""
    points = np.concatenate(lines)
    own = float((points[:, 0] * points[:, 1]).mean() / max((points[:, 1] ** 2).mean(), 0.02))
    shear = -0.4 * np.clip(own, -0.4, 0.4) - 0.6 * hand.slant
    slanted = [line + np.stack([shear * line[:, 1], np.zeros(len(line))], axis=1) for line in lines]
    extent = np.ptp(np.concatenate(slanted), axis=0)
    fit = min(1.0, 1.1 / extent[0]) * float(np.clip(generator.normal(1, hand.wobble), 0.8, 1.2))
    return drawn(slanted, DIGIT_PX * fit * (1 - width), DIGIT_PX * width)


def _top(tile: np.ndarray, index: int, hand: Hand, generator: np.random.Generator) -> int:
    """Where a digit begins, down from the row's baseline, px: negative."""
    lift = np.clip(generator.normal(0, hand.wobble), -0.15, 0.15) - hand.climb * index
    return round(DIGIT_PX * float(lift)) - len(tile)


def _gap_px(width: float, touching: bool, hand: Hand, generator: np.random.Generator) -> int:
    """The paper between two digits' ink, px; negative where they overlap."""
    if touching:
        most = MOST_OVERLAP if generator.random() < 0.25 else min(MOST_OVERLAP, 0.9 * width)
        return -max(2, round(DIGIT_PX * generator.uniform(min(0.2 * width, most), most)))
    gap = hand.gap + generator.normal(0, hand.loose)
    return round(DIGIT_PX * max(1.2 * LEAST_GAP, float(gap)))


def _beside(left: np.ndarray, right: np.ndarray, gap_px: int) -> np.ndarray:
    """Two tiles of one height as one, with `gap_px` of paper between their ink wherever they are nearest."""
    reach = max(gap_px, 0)
    ink = np.pad((left > 0.3).astype(np.uint8), ((0, 0), (0, reach)))
    if reach:
        ink = cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
    other = right > 0.3
    both = ink.any(axis=1) & other.any(axis=1)
    last = ink.shape[1] - 1 - ink[:, ::-1].argmax(axis=1)
    offset = int((last - other.argmax(axis=1))[both].max()) + 1 + min(gap_px, 0) if both.any() else left.shape[1]
    offset = max(offset, 0)
    result = np.zeros((len(left), max(left.shape[1], offset + right.shape[1])), np.float32)
    result[:, : left.shape[1]] = left
    part = result[:, offset : offset + right.shape[1]]
    np.maximum(part, right, out=part)
    return result


def _on_canvas(tile: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A row somewhere on a clean canvas that is 1.1 to 3 times as high: uint8."""
    zoom = log_uniform(24, 2 * DIGIT_PX, generator) / DIGIT_PX
    resized = cv2.resize(tile, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC)
    h, w = resized.shape
    shape = round(h * log_uniform(1.1, 3, generator)), round(w * generator.uniform(1.05, 1.5))
    cover = placed(np.clip(resized, 0, 1), shape, generator)
    return inked(cover, *colours(generator), generator)
