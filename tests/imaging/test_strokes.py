"""Specks, faint rests, hairlines, grain."""

import cv2
import numpy as np
import pytest

from inksight.errors import PictureError
from inksight.imaging.digit import ink_box
from inksight.imaging.strokes import around, digit_strokes, grown_to, marks_on, stroke_width, thicken


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
    cut = paper[around(small, paper.shape)]
    assert cut.sum() == 80 * 40
    assert 100 < cut.shape[0] < 160 and 60 < cut.shape[1] < 130


def test_around_ends_at_the_border():
    ink = np.zeros((50, 40), np.uint8)
    ink[0:50, 30:40] = 255
    rows, columns = around(ink, (500, 400))
    assert (rows.start, rows.stop, columns.stop) == (0, 500, 400) and 100 < columns.start < 200


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


def number_at(marks, point):
    """Which mark a point (x, y) belongs to."""
    return int(marks.number[point[1], point[0]])


def test_marks_know_their_place_level_and_sharpness():
    plane = np.zeros((120, 300), np.uint8)
    plane[20:80, 30:42] = 200
    plane[40:100, 200:210] = 150
    marks = marks_on(plane)
    bright, faint = number_at(marks, (35, 50)), number_at(marks, (205, 60))
    assert len(marks.boxes) == len(marks.levels) == len(marks.weights) == len(marks.sharpness) == 3
    assert marks.boxes[bright].tolist() == [30, 20, 12, 60] and marks.boxes[faint].tolist() == [200, 40, 10, 60]
    assert marks.levels[[bright, faint]] == pytest.approx([200, 150])
    assert number_at(marks, (100, 50)) == 0 and marks.weights[0] == 0
    assert marks.sharpness[[bright, faint]] == pytest.approx([200, 150], rel=0.01)
    only = marks.only(np.arange(3) == faint)
    assert ink_box(only) == (40, 200, 60, 10) and marks.ink.max() == 255


@pytest.mark.parametrize("sigma", [6, 12])
def test_a_soft_shadow_beside_a_digit_is_none_of_it(sigma):
    shadow = np.zeros((200, 200), np.uint8)
    cv2.line(shadow, (30, 0), (30, 200), 255, 2 * sigma)
    shadow = cv2.GaussianBlur(shadow, (0, 0), sigma)
    shadow = (shadow * (230 / shadow.max())).astype(np.uint8)
    shadow[:, 70:] = 0
    shadow[:30] = shadow[-30:] = 0
    marks = marks_on(np.maximum(np.roll(seven(), 30, axis=1), cv2.GaussianBlur(shadow, (0, 0), sigma / 2)))
    kept = marks.of_substance()
    assert not kept[0] and kept[number_at(marks, (140, 70))]
    assert number_at(marks, (30, 100)) > 0 and not kept[number_at(marks, (30, 100))]


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("level", [160, 255])
def test_a_table_along_the_border_is_none_of_it(turns, level):
    plane = np.rot90(seven(), turns).copy()
    table = np.rot90(np.pad(np.full((200, 25), level, np.uint8), ((0, 0), (0, 175))), turns)
    marks = marks_on(np.maximum(plane, table))
    assert np.array_equal(marks.only(marks.of_substance()) > 127, plane > 127)


def test_a_mark_that_only_touches_the_border_stays():
    plane = np.roll(seven(), 50, axis=0)[:, :170].copy()
    plane[-1] = plane[-2]
    assert np.array_equal(digit_strokes(plane), plane)


@pytest.mark.parametrize("turns", range(4))
def test_a_lone_mark_along_the_border_stays(turns):
    plane = np.zeros((60, 80), np.uint8)
    plane[:45, 30:70] = 220  # half of the upper side
    plane[15:60, 40:70] = 0
    plane = np.rot90(plane, turns).copy()
    marks = marks_on(plane)
    assert marks.of_substance().sum() == 1
    assert np.array_equal(marks.only(marks.of_substance()) > 0, plane > 0)


@pytest.mark.parametrize(("share", "count"), [(0.5, 1), (0.2, 2), (0.03, 3), (0.001, 4)])
def test_marks_lighter_than_a_share_of_the_heaviest_are_specks(share, count):
    plane = np.zeros((200, 400), np.uint8)
    for left, side in ((20, 100), (150, 40), (220, 10), (260, 2)):
        plane[50 : 50 + side, left : left + side] = 255
    assert marks_on(plane).of_substance(share).sum() == count


def test_faint_marks_are_none_of_it():
    plane = np.zeros((100, 300), np.uint8)
    for left, level in ((20, 240), (100, 160), (180, 130)):
        plane[20:80, left : left + 12] = level
    assert marks_on(plane).of_substance().sum() == 2


@pytest.mark.parametrize("part_shape", [(300, 200), (150, 100), (301, 207)])
def test_ink_found_on_a_small_copy_is_near_itself_on_a_part_of_the_picture(part_shape):
    full = np.zeros((800, 1200), np.uint8)
    cv2.putText(full, "7", (420, 500), cv2.FONT_HERSHEY_SIMPLEX, 5, 255, 14, cv2.LINE_AA)
    small = cv2.resize(full, (300, 200), interpolation=cv2.INTER_AREA)
    part = (slice(350, 650), slice(400, 600))
    near = grown_to(small, full.shape, part, part_shape)
    ink = cv2.resize(full[part], part_shape[::-1], interpolation=cv2.INTER_AREA) > 0
    assert near.shape == part_shape and near.dtype == bool
    assert near[ink].all()
    assert ink.mean() < near.mean() < 0.6


def test_a_corner_of_the_table_beside_a_digit_is_none_of_it():
    plane = seven() // 2
    corner = np.zeros_like(plane)
    cv2.fillPoly(corner, [np.array([[190, 0], [199, 0], [199, 60]])], 250)
    marks = marks_on(np.maximum(plane, corner))
    assert np.array_equal(marks.only(marks.of_substance()) > 0, plane > 0)


def test_a_faint_line_through_a_digit_is_none_of_it():
    plane = cv2.line(np.zeros((200, 200), np.uint8), (100, 100), (199, 100), 45, 1)
    digit = seven()
    box, found = ink_box(digit), ink_box(digit_strokes(np.maximum(digit, plane)))
    assert np.abs(np.array(box) - found).max() <= 20


def test_rare_ink_is_found_on_mottled_paper():
    generator = np.random.default_rng(0)
    mottle = cv2.GaussianBlur(generator.normal(0, 1, (1000, 1000)), (0, 0), 2)
    plane = np.maximum(3 * mottle / mottle.std(), 0)
    digit = cv2.putText(np.zeros((1000, 1000), np.uint8), "1", (300, 300), cv2.FONT_HERSHEY_SIMPLEX, 1, 60, 2)
    ink = digit_strokes(np.maximum(plane, digit).astype(np.uint8))
    assert ((ink > 0) == (digit > 0)).mean() > 0.999
