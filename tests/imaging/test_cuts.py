"""Cuts between things that touch, and that nothing is lost by them."""

from itertools import pairwise, product

import cv2
import numpy as np
import pytest

from inksight.imaging.cuts import ASTRAY, SIDEWAYS, cut, path
from inksight.imaging.segment import Piece, composite


def discs(bridge, radius=40):
    """Two discs, 20 pixels between them, joined by a bridge `bridge` thick: a piece, and their middles on the sheet."""
    plane = np.zeros((2 * radius + 1, 4 * radius + 21), np.uint8)
    middles = radius, 3 * radius + 20
    for middle in middles:
        cv2.circle(plane, (middle, radius), radius, 255, -1)
    plane[radius - bridge // 2 : radius - bridge // 2 + bridge, middles[0] : middles[1]] = 255
    return Piece(7, 11, plane), [7.0 + middle for middle in middles]


@pytest.mark.parametrize("bridge", [1, 4, 9])
def test_a_thin_bridge_is_where_to_cut(bridge):
    piece, middles = discs(bridge)
    left, right = cut(piece, middles)
    assert left is not None and right is not None
    again = composite([left, right])
    assert (again.left, again.top) == (7, 11) and np.array_equal(again.ink, piece.ink)
    assert left.right <= 7 + 81 + 21 and right.left >= 7 + 80  # each has its disc, and of the bridge a part
    assert 0.3 < (left.ink > 0).sum() / (piece.ink > 0).sum() < 0.7


def test_three_of_three_and_nothing_where_no_ink_is():
    bars = np.zeros((50, 90), np.uint8)
    for left in (0, 40, 80):
        bars[:, left : left + 10] = 255
    bars[20:24] = 255
    parts = cut(Piece(100, 0, bars), [105.0, 145.0, 185.0])
    assert [part is not None and part.height for part in parts] == [50, 50, 50]
    assert sum(int(part.ink.sum()) for part in parts if part is not None) == bars.sum()
    bars[:] = np.where(bars.all(axis=0), bars, 0)
    assert [part is None for part in cut(Piece(100, 0, bars), [105.0, 120.0, 130.0, 145.0])] == [
        False,
        True,
        True,
        False,
    ]


def test_a_slanted_gap_is_followed():
    ink = np.full((40, 60), 255, np.uint8)
    for row in range(40):
        ink[row, 45 - row : 48 - row] = 0
    found = path(ink, 0, 59)
    assert all(45 - row <= column <= 48 - row for row, column in enumerate(found.tolist()))


@pytest.mark.parametrize("seed", range(5))
def test_no_other_path_crosses_less(seed):
    ink = np.random.default_rng(seed).integers(0, 256, (5, 4)).astype(np.uint8)

    def cost(columns):
        ink_and_astray = sum(
            ink[row, column] / 255 + ASTRAY * (column / 1.5 - 1) ** 2 for row, column in enumerate(columns)
        )
        return ink_and_astray + SIDEWAYS * sum(one != other for one, other in pairwise(columns))

    ways = (way for way in product(range(4), repeat=5) if all(abs(one - other) <= 1 for one, other in pairwise(way)))
    assert cost(path(ink, 0, 3).tolist()) == pytest.approx(min(map(cost, ways)))
