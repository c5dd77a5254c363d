"""A run of pieces -> the strip that the line network reads -> the spots where it sees digits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np

from inksight.imaging.digit import ink_box
from inksight.imaging.segment import LEVELLED, TALL_SHARE, Piece, composite
from inksight.imaging.strokes import thicken

STRIP_PX = 40
DIGIT_PX = 24
MARGIN_PX = 16


@dataclass(frozen=True, eq=False)
class Strip:
    """ink: uint8 (STRIP_PX, width), bright on 0. left, right: its edges as columns of the sheet."""

    ink: np.ndarray
    left: float
    right: float


@dataclass(frozen=True)
class Spot:
    """A digit that the line network sees: its middle as a share of the strip's width, its class, the probability."""

    place: float
    index: int
    probability: float


def strip_of(pieces: list[Piece], height: float) -> Strip:
    """Brings a run of pieces to the strip's size and level, hairlines thickened.

    Args:
        pieces: from left to right, at least one.
        height: of a digit, in pixels of the sheet.
    """
    row = composite(_levelled(pieces, height))
    ink = thicken(row.ink, height)
    top, left, tall, wide = ink_box(ink)
    ink = ink[top : top + tall, left : left + wide]
    zoom = DIGIT_PX / height * row.height / tall
    shape = max(1, round(wide * zoom)), max(1, round(tall * zoom))
    ink = cv2.resize(ink, shape, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC)
    over = max(0, len(ink) - STRIP_PX) // 2
    ink = ink[over : over + STRIP_PX]
    above = (STRIP_PX - len(ink)) // 2
    margin = MARGIN_PX * row.width / shape[0]
    strip = np.pad(ink, ((above, STRIP_PX - len(ink) - above), (MARGIN_PX, MARGIN_PX)))
    return Strip(strip, row.left - margin, row.right + margin)


def spots_in(probabilities: np.ndarray) -> list[Spot]:
    """The digits on a strip from left to right: runs of columns with the same likeliest class.

    Args:
        probabilities: what the line network makes of it, float32 (columns, 1 + classes); index 0 is for no digit.
    """
    best = probabilities.argmax(axis=1)
    edges = np.flatnonzero(np.diff(best, prepend=0, append=0))
    spots = []
    for start, end in pairwise(edges.tolist()):
        if best[start]:
            weights = probabilities[start:end, best[start]]
            middle = weights @ (np.arange(start, end) + 0.5) / weights.sum()
            spots.append(Spot(float(middle) / len(best), int(best[start]) - 1, float(weights.max())))
    return spots


def _levelled(pieces: list[Piece], height: float) -> list[Piece]:
    """The pieces of a row that climbs or falls, moved up and down until they stand level."""
    middles = np.array([[piece.left + piece.width / 2, piece.top + piece.height / 2] for piece in pieces])
    tall = middles[[piece.height >= TALL_SHARE * height for piece in pieces]]
    if len(tall) < 3 or np.ptp(tall[:, 0]) < LEVELLED * height:
        return pieces
    slope = np.polyfit(tall[:, 0], tall[:, 1], 1)[0]
    return [
        replace(piece, top=piece.top - round(slope * (across - tall[0, 0])))
        for piece, (across, _) in zip(pieces, middles, strict=True)
    ]
