#!/usr/bin/env python3
"""Draws docs/pictures/limits.png: numbers that the bundled model reads wrongly, one of each kind.

The digits are drawn by rule. Prints how many of 60 numbers of each kind are right.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

import inksight
from inksight.data.synthetic.digits import draw_digit
from inksight.utils.montage import font

OUT = Path(__file__).parents[2] / "docs/pictures/limits.png"
COUNT, DIGITS, HIGH_PX, EDGE_PX = 60, 5, 60, 30
SHOWN_PX, WORDS_PX = 360, 420


def row(digits: list[int], generator: np.random.Generator, gap_px: int) -> tuple[np.ndarray, list[int]]:
    """Digits side by side: ink, 0–1, and the columns between them."""
    tiles = []
    for digit in digits:
        tile = draw_digit(digit, generator)
        scale = min(HIGH_PX / tile.shape[0], 1.1 * HIGH_PX / tile.shape[1])
        tiles.append(cv2.resize(tile, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(float) / 255)
    wide = sum(tile.shape[1] + gap_px for tile in tiles) + 2 * EDGE_PX
    ink, left, between = np.zeros((HIGH_PX + 2 * EDGE_PX, wide)), EDGE_PX, []
    for tile in tiles:
        top = EDGE_PX + (HIGH_PX - tile.shape[0]) // 2
        part = ink[top : top + tile.shape[0], left : left + tile.shape[1]]
        np.maximum(part, tile, out=part)
        left += tile.shape[1] + gap_px
        between.append(left - gap_px // 2)
    return ink, between[:-1]


def photo(ink: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Dark ink on light paper, uint8."""
    sheet = (250 - 215 * ink).clip(0, 255).astype(np.uint8)
    return cv2.resize(sheet, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else sheet


def touching(digits: list[int], generator: np.random.Generator) -> np.ndarray:
    """All digits touch."""
    return photo(row(digits, generator, -10)[0])


def dividers(digits: list[int], generator: np.random.Generator) -> np.ndarray:
    """Dark lines between the digits, scanned in few pixels."""
    ink, between = row(digits, generator, 22)
    for column in between:
        cv2.line(ink, (column, 18), (column, len(ink) - 18), 1, 4)
    return photo(ink, 0.33)


def underlined(digits: list[int], generator: np.random.Generator) -> np.ndarray:
    """A dark line that touches the digits from below."""
    ink, _ = row(digits, generator, 14)
    low = EDGE_PX + HIGH_PX + 2
    cv2.line(ink, (10, low), (ink.shape[1] - 10, low + 2), 1, 4)
    return photo(ink, 0.4)


def tiny(digits: list[int], generator: np.random.Generator) -> np.ndarray:
    """Digits of few pixels."""
    return photo(row(digits, generator, 12)[0], 0.13)


KINDS = {
    "digits that all touch": touching,
    "dark dividers, 40 px high": dividers,
    "an underline that touches the digits": underlined,
    "digits 8 px high": tiny,
}

reader = inksight.Predictor.shipped()
strips = []
for words, kind in KINDS.items():
    right, example = 0, None
    for seed in range(COUNT):
        generator = np.random.default_rng(seed)
        digits = generator.integers(0, 10, DIGITS).tolist()
        text, picture = "".join(map(str, digits)), kind(digits, generator)
        reading = reader.read(picture)
        right += reading.text == text
        if reading.text != text and example is None:
            example = (
                picture,
                f"{text} is read as {reading.text}" + (" (unsure)" if reading.verdict == "unsure" else ""),
            )
    print(f"{words}: {right} of {COUNT}")
    if example is not None:
        shown = Image.fromarray(example[0])
        shown = shown.resize((SHOWN_PX, round(SHOWN_PX * shown.height / shown.width)), Image.Resampling.NEAREST)
        strip = Image.new("RGB", (SHOWN_PX + WORDS_PX, shown.height + 16), "white")
        strip.paste(shown, (8, 8))
        pen = ImageDraw.Draw(strip)
        pen.text((SHOWN_PX + 24, shown.height / 2 - 16), words, "black", font(16))
        pen.text((SHOWN_PX + 24, shown.height / 2 + 8), example[1], "#555", font(16))
        strips.append(strip)
page = Image.new("RGB", (SHOWN_PX + WORDS_PX, sum(strip.height for strip in strips)), "white")
top = 0
for strip in strips:
    page.paste(strip, (0, top))
    top += strip.height
page.quantize(64).save(OUT, optimize=True)
