"""Where digits that touch are cut apart: paths from top to bottom that cross as little ink as they can."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from inksight.imaging.segment import Piece, tight

SIDEWAYS = 0.02  # what a step to the side costs, in pixels of full ink
ASTRAY = 0.3  # and each row at either place; halfway between them it costs nothing


def cut(piece: Piece, places: list[float]) -> list[Piece | None]:
    """Cuts a piece into as many parts as there are places, each part around its place.

    Args:
        piece: ink of several digits.
        places: the columns of the sheet where the digits are, from left to right.
    Returns:
        the parts from left to right; None for one that got no ink.
    """
    between = [path(piece.ink, left - piece.left, right - piece.left) for left, right in pairwise(places)]
    edges = [np.zeros(piece.height, int), *between, np.full(piece.height, piece.width)]
    columns = np.arange(piece.width)
    parts = []
    for start, end in pairwise(edges):
        inside = (columns >= start[:, None]) & (columns < end[:, None])
        parts.append(tight(Piece(piece.left, piece.top, np.where(inside, piece.ink, 0))))
    return parts


def path(ink: np.ndarray, left: float, right: float) -> np.ndarray:
    """The way down through the least ink between two columns of uint8 (rows, columns), rather halfway between them.

    Returns:
        int (rows,): the first column right of it; neighbouring rows differ by 1 at most.
    """
    start = int(np.clip(left, 0, ink.shape[1] - 1))
    band = ink[:, start : max(start + 1, int(right) + 1)].astype(np.float32) / 255
    everywhere = np.arange(band.shape[1])
    middle, reach = (left + right) / 2 - start, max((right - left) / 2, 1)
    band += ASTRAY * ((everywhere - middle) / reach) ** 2
    total = band[0]
    steps = np.zeros(band.shape, np.int8)
    for row in range(1, len(band)):
        sides = np.pad(total, 1, constant_values=np.inf)
        ways = np.stack([total, sides[:-2] + SIDEWAYS, sides[2:] + SIDEWAYS])
        best = ways.argmin(axis=0)
        steps[row] = np.array([0, -1, 1], np.int8)[best]
        total = ways[best, everywhere] + band[row]
    found = np.empty(len(band), int)
    found[-1] = total.argmin()
    for row in range(len(band) - 1, 0, -1):
        found[row - 1] = found[row] + steps[row, found[row]]
    return found + start
