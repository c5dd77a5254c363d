"""Strips: size, level, stroke width, and the way back to the sheet."""

import cv2
import numpy as np
import pytest

from inksight.imaging.segment import Piece
from inksight.imaging.strip import DIGIT_PX, STRIP_PX, spots_in, strip_of


def bar(left, top, height=96, width=12):
    return Piece(left, top, np.full((height, width), 255, np.uint8))


def middles(ink):
    """Of its marks from left to right: columns and rows."""
    _, _, _, centres = cv2.connectedComponentsWithStats((ink > 100).astype(np.uint8))
    return centres[1:][np.argsort(centres[1:, 0])].T


@pytest.mark.parametrize("height", [12, 96, 700])
def test_a_digit_has_the_strips_height_and_its_place_on_the_sheet_is_known(height):
    pieces = [bar(1000 + place * height, 50, height, max(2, height // 8)) for place in (0, 1, 3)]
    strip = strip_of(pieces, height)
    assert strip.ink.shape[0] == STRIP_PX and strip.ink.dtype == np.uint8
    rows = np.flatnonzero((strip.ink > 100).any(axis=1))
    assert np.ptp(rows) + 1 == pytest.approx(DIGIT_PX, abs=2) and rows.mean() == pytest.approx(
        STRIP_PX / 2 - 0.5, abs=1
    )
    columns, _ = middles(strip.ink)
    for piece, column in zip(pieces, columns, strict=True):
        middle = piece.left + piece.width / 2
        place = (column + 0.5) / strip.ink.shape[1]
        assert strip.left + place * (strip.right - strip.left) == pytest.approx(middle, abs=max(1, 0.06 * height))


def test_a_row_that_climbs_stands_level():
    climbing = [bar(100 + 80 * place, 400 - 30 * place) for place in range(8)]
    columns, rows = middles(strip_of(climbing, 96).ink)
    assert len(columns) == 8 and np.ptp(rows) < 1.5


def test_two_digits_of_different_height_do_not_make_a_slope():
    _, rows = middles(strip_of([bar(0, 0, 96), bar(60, 40, 56)], 96).ink)
    assert rows[1] - rows[0] == pytest.approx(20 * DIGIT_PX / 96, abs=1)


def test_hairlines_are_thickened_and_a_marker_is_left():
    thin, thick = (strip_of([bar(0, 0, 400, width), bar(300, 0, 400, width)], 400).ink for width in (3, 90))
    assert 2 <= (thin[STRIP_PX // 2] > 127).sum() / 2 <= 4
    assert (thick[STRIP_PX // 2] > 127).sum() / 2 == pytest.approx(90 * DIGIT_PX / 400, abs=1)


def test_what_stands_far_above_the_row_is_cut_off():
    strip = strip_of([bar(0, 0, 900), bar(60, 400)], 96)
    assert strip.ink.shape[0] == STRIP_PX and strip.ink.any()


def test_spots_are_runs_of_the_same_class():
    rows = np.full((10, 4), 0.02, np.float32)
    for column, (index, probability) in enumerate(
        [(0, 0.9), (2, 0.6), (2, 0.9), (0, 0.9), (2, 0.8), (3, 0.7), (0, 0.9), (0, 0.9), (0, 0.9), (1, 0.5)]
    ):
        rows[column, index] = probability
    spots = spots_in(rows)
    assert [spot.index for spot in spots] == [1, 1, 2, 0]
    assert [spot.probability for spot in spots] == pytest.approx([0.9, 0.8, 0.7, 0.5])
    assert [spot.place for spot in spots] == pytest.approx([0.21, 0.45, 0.55, 0.95])
    assert spots_in(np.array([[0.9, 0.1]] * 4, np.float32)) == []
