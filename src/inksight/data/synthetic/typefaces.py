"""Handwriting typefaces -> digits and letters, each drawn many times a little differently."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from inksight.data.synthetic.digits import TILE_PX, tight

_FONT_PX = 120
_SIDE_PX = 2 * TILE_PX + 68
_INK = 60
_CELLS = 4
_PENS_PX = -7, 8


def glyph(face: Path, sign: str) -> np.ndarray | None:
    """Draw one sign of a typeface.

    Args:
        face: a TrueType or OpenType file.
        sign: one character.
    Returns:
        uint8 (height, width): bright ink on 0, cut to the ink, its longer side TILE_PX; None without ink.
    """
    font = ImageFont.truetype(str(face), _FONT_PX)
    missing = font.getmask("\uffff").getbbox(), bytes(font.getmask("\uffff"))
    if (font.getmask(sign).getbbox(), bytes(font.getmask(sign))) == missing:
        return None
    sheet = Image.new("L", (4 * _FONT_PX, 4 * _FONT_PX))
    ImageDraw.Draw(sheet).text((_FONT_PX, _FONT_PX), sign, font=font, fill=255)
    ink = np.asarray(sheet)
    if not ink.any():
        return None
    ink = tight(ink)
    scale = TILE_PX / max(ink.shape)
    size = max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale))
    return np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))


def varied(tile: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw a glyph as a hand would: turned, slanted, wider or narrower, a little out of shape, with another pen.

    Args:
        tile: as `glyph` gives it.
        generator: the source of all randomness.
    Returns:
        uint8 (height, width), cut to the ink.
    """
    height, width = tile.shape
    angle, slant = np.deg2rad(generator.normal(0, 6)), generator.normal(0, 0.15)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.array([[1, -slant], [0, 1]]) @ np.diag([np.exp(generator.normal(0, 0.12)), 1.0])
    middle = _SIDE_PX / 2 - linear @ np.array([width / 2, height / 2])
    ink = cv2.warpAffine(tile, np.column_stack([linear, middle]), (_SIDE_PX, _SIDE_PX), flags=cv2.INTER_LINEAR)
    rows, columns = np.indices(ink.shape, np.float32)
    across, down = (_field(generator) for _ in "xy")
    ink = cv2.remap(ink, columns + across, rows + down, cv2.INTER_LINEAR)
    pen_px = int(generator.integers(_PENS_PX[0], _PENS_PX[1] + 1))
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (abs(pen_px) + 1,) * 2)
    if pen_px > 0:
        ink = cv2.dilate(ink, pen)
    elif ((thinner := cv2.erode(ink, pen)) > 127).sum() > 0.35 * (ink > 127).sum():
        ink = thinner
    return tight(ink, _INK)


def _field(generator: np.random.Generator) -> np.ndarray:
    """A smooth displacement of up to a few pixels, float32 (_SIDE_PX, _SIDE_PX)."""
    coarse = generator.normal(0, 1, (_CELLS, _CELLS)).astype(np.float32) * np.float32(generator.uniform(0, 4.5))
    return np.asarray(cv2.resize(coarse, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_CUBIC))
