"""Specks, faint rests, hairlines, grain."""

import cv2
import numpy as np
import pytest

from inksight.errors import PictureError
from inksight.ink.digit import ink_box
from inksight.ink.strokes import around, digit_strokes, stroke_width, thicken


def seven(thickness=12, side=200):
    plane = np.zeros((side, side), np.uint8)
    return cv2.putText(plane, "7", (50, 150), cv2.FONT_HERSHEY_SIMPLEX, 4, 255, thickness, cv2.LINE_AA)


def test_a_clean_plane_is_kept_as_it_is():
    plane = seven()
    assert np.array_equal(digit_strokes(plane), plane)


def test_specks_go_and_parts_of_the_digit_stay():
    plane = seven()
    speckled = plane.copy()
    cv2.circle(speckled, (20, 20), 3, 255, -1)
    assert np.array_equal(digit_strokes(speckled), plane)
    barred = plane.copy()
    cv2.rectangle(barred, (20, 90), (50, 100), 255, -1)  # its own bar, apart from the stem
    assert np.array_equal(digit_strokes(barred), barred)


def test_soft_edges_stay_and_grain_goes():
    generator = np.random.default_rng(0)
    soft = cv2.GaussianBlur(seven(), (0, 0), 2)
    grainy = np.clip(soft + generator.normal(0, 6, soft.shape), 0, 255).astype(np.uint8)
    ink = digit_strokes(grainy)
    far = cv2.dilate(seven(), np.ones((17, 17))) == 0
    assert ink[far].max() == 0
    edge = (soft > 60) & (soft < 120)
    assert 40 < ink[edge].mean() < 140


def test_the_rest_of_a_shadow_goes():
    plane = seven()
    plane[160:, :80] = 110
    assert ink_box(digit_strokes(cv2.blur(plane, (3, 3))))[0] + ink_box(digit_strokes(cv2.blur(plane, (3, 3))))[2] < 158


def test_the_level_of_the_ink_becomes_full():
    assert digit_strokes(seven() // 3).max() == 255


def test_nearly_blank_says_so():
    with pytest.raises(PictureError, match=r"nearly blank: its ink differs from the paper by 9 of 255\. At least 16"):
        digit_strokes((seven() > 0).astype(np.uint8) * 9)
    with pytest.raises(PictureError, match="nearly blank"):
        digit_strokes(np.zeros((5, 5), np.uint8))


@pytest.mark.parametrize("deviation", [10, 30, 90])
def test_grain_is_not_ink(deviation):
    noise = np.abs(np.random.default_rng(0).normal(0, deviation, (300, 300))).clip(0, 255).astype(np.uint8)
    with pytest.raises(PictureError, match=r"nothing stands out on the picture: .* its grain alone makes"):
        digit_strokes(noise)


def test_a_digit_is_found_in_heavy_grain():
    generator = np.random.default_rng(0)
    fax = np.where(generator.random((200, 200)) < 0.15, 255, seven()).astype(np.uint8)
    ink = digit_strokes(fax)
    assert ((ink > 127) == (seven() > 127)).mean() > 0.97


def test_around_cuts_the_full_picture():
    paper = np.zeros((800, 1200), np.uint8)
    paper[400:480, 600:640] = 1
    small = cv2.resize(paper * 255, (300, 200), interpolation=cv2.INTER_AREA)
    cut = around(paper, small)
    assert cut.sum() == 80 * 40
    assert 100 < cut.shape[0] < 160 and 60 < cut.shape[1] < 130
    assert np.shares_memory(cut, paper)


@pytest.mark.parametrize("width", [2, 4, 7, 12])
def test_stroke_width_of_a_bar(width):
    bar = np.zeros((100, 60), np.uint8)
    bar[5:95, 20 : 20 + width] = 255
    assert stroke_width(bar) == pytest.approx(width, abs=0.6)


@pytest.mark.parametrize("side", [40, 200, 900])
def test_hairlines_become_an_eighth_of_the_side(side):
    ink = np.zeros((side + 10, side), np.uint8)
    cv2.line(ink, (side // 4, 5), (side // 2, side), 255, max(1, side // 100))
    thick = thicken(ink)
    assert stroke_width(thick) == pytest.approx(max(ink_box(thick)[2:]) / 8, rel=0.25)


def test_usual_strokes_are_only_cropped():
    top, left, height, width = ink_box(seven())
    assert np.array_equal(thicken(seven()), seven()[top : top + height, left : left + width])
