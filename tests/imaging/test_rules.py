"""Frames of a canvas and the rules of paper go; digits on them stay."""

import cv2
import numpy as np
import pytest

from inksight.imaging.paper import ink_plane, light_paper
from inksight.imaging.rules import SMALLEST_PX, within_frame, without_rules

SHAPE = (600, 800)
LEVEL = 90
INK = 220


def framed(shape, width, ground, frame):
    """A canvas with an even frame all round and a 7 in its middle."""
    height, across = shape
    sheet = np.full((*shape, 3) if np.size(ground) == 3 else shape, ground, np.uint8)
    ink = (20, 20, 20) if np.size(ground) == 3 else 20
    place = (across // 2 - height // 6, height // 2 + height // 6)
    cv2.putText(sheet, "7", place, cv2.FONT_HERSHEY_SIMPLEX, height / 70, ink, max(1, height // 30), cv2.LINE_AA)
    for rows, columns in ((slice(0, width), slice(None)), (slice(-width, None), slice(None))):
        sheet[rows, columns] = frame
        sheet[columns, rows] = frame
    return sheet


def ruled(tilt, squared=False, thickness=2, level=LEVEL, shape=SHAPE, apart=75):
    """Rules across a plane of ink and, when squared, down it too."""
    height, width = shape
    plane = np.zeros(shape, np.uint8)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), tilt, 1)
    far = height + width
    for way in range(1 + squared):
        for place in np.arange(-far, far, apart) + apart / 2:
            ends = np.array([[-far, place], [2 * far, place]]) if way == 0 else np.array([[place, -far], [place, far]])
            start, end = (np.rint((ends @ turn[:, :2].T + turn[:, 2]) * 16)).astype(int).tolist()
            cv2.line(plane, start, end, level, thickness, cv2.LINE_AA, shift=4)
    return plane


def digit_on(shape, image, side, level=INK, centre=(0.5, 0.5)):
    """A digit of MNIST on a plane of ink, `side` high."""
    plane = np.zeros(shape, np.uint8)
    top, left = (int(whole * share - side / 2) for whole, share in zip(shape, centre, strict=True))
    cover = cv2.GaussianBlur(cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC), (0, 0), side / 100)
    steep = np.clip((cover.astype(float) - 128) * 4 + 128, 0, 255)
    plane[top : top + side, left : left + side] = steep * level / 255
    return plane


@pytest.mark.parametrize(("ground", "frame"), [(250, 90), (30, 200), ((255, 250, 240), (20, 90, 200)), (255, 0)])
@pytest.mark.parametrize("share", [0.002, 0.02, 0.06])
@pytest.mark.parametrize("shape", [(400, 400), (300, 500), (900, 600)])
def test_a_frame_is_cut_off(shape, share, ground, frame):
    width = max(1, round(share * min(shape)))
    sheet = framed(shape, width, ground, frame)
    rows, columns = within_frame(sheet)
    for part, whole in ((rows, shape[0]), (columns, shape[1])):
        assert width <= part.start <= width + 2
        assert part.stop == whole - part.start
    inside = sheet[rows, columns]
    for side in (inside[0], inside[-1], inside[:, 0], inside[:, -1]):
        assert (side == ground).all()


def test_a_soft_frame_is_cut_off():
    sheet = cv2.resize(framed((200, 200), 4, 245, 60), (300, 300), interpolation=cv2.INTER_AREA)
    rows, columns = within_frame(sheet)
    assert np.abs(sheet[rows, columns][[0, -1]].astype(int) - 245).max() < 13
    assert 6 <= rows.start == columns.start <= 8


WHOLE = {
    "plain": lambda: framed((200, 300), 1, 240, 240),
    "a frame too wide": lambda: framed((200, 300), 30, 240, 60),
    "a frame of nearly the same colour": lambda: framed((200, 300), 5, 240, 232),
    "three sides": lambda: np.pad(np.full((200, 300), 240, np.uint8), ((5, 0), (5, 5)), constant_values=60),
    "half a table": lambda: np.pad(np.full((200, 300), 240, np.uint8), ((0, 0), (0, 300)), constant_values=60),
    "noise": lambda: np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8),
}


@pytest.mark.parametrize("name", WHOLE)
def test_without_a_frame_all_is_kept(name):
    sheet = WHOLE[name]()
    assert within_frame(sheet) == (slice(0, sheet.shape[0]), slice(0, sheet.shape[1]))


@pytest.mark.parametrize("inverted", [False, True])
def test_a_digit_up_to_the_border_is_no_frame(mnist, inverted):
    for image in mnist.test.images[:200]:
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        crop = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        crop = cv2.resize(crop, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
        crop = crop if inverted else 255 - crop
        assert within_frame(crop) == (slice(0, crop.shape[0]), slice(0, crop.shape[1]))


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 3), (3, 3), (8, 8), (9, 11), (12, 12, 3)])
def test_tiny_pictures_keep_their_middle(shape):
    for ring in (False, True):
        picture = np.full(shape, 250, np.uint8)
        if ring:
            picture[:] = 20
            picture[1:-1, 1:-1] = 250
        rows, columns = within_frame(picture)
        assert picture[rows, columns].size > 0
        assert ring or picture[rows, columns].shape == shape


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("thickness", [1, 2, 4])
@pytest.mark.parametrize("tilt", [0, 1.5, -4, 8, -12, 12])
def test_rules_go(tilt, thickness, squared):
    rules = ruled(tilt, squared, thickness)
    rest = without_rules(rules)[0]
    assert rest[rules > LEVEL / 2].mean() < 0.05 * LEVEL
    assert (rest <= rules).all()


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("tilt", [3, *(pytest.param(tilt, marks=pytest.mark.slow) for tilt in (0, -7, 12))])
def test_a_digit_on_rules_keeps_its_ink(mnist, tilt, squared):
    rules = ruled(tilt, squared)
    kept, levels, left = [], [], []
    for image in mnist.test.images[:12]:
        digit = digit_on(SHAPE, image, 400)
        rest = without_rules(np.maximum(rules, digit))[0]
        mask = digit > INK / 2
        kept.append((rest[mask] > INK / 2).mean())
        levels.append(rest[mask].mean() / digit[mask].mean())
        far = cv2.dilate(digit, np.ones((25, 25), np.uint8)) == 0
        left.append(rest[far & (rules > LEVEL / 2)].mean() / LEVEL)
    assert min(kept) > 0.9, kept
    assert min(levels) > 0.8, levels
    assert max(left) < 0.1, left


def test_the_edge_of_the_paper_goes():
    plane = np.zeros(SHAPE, np.uint8)
    cv2.line(plane, (0, 60), (799, 90), 120, 3, cv2.LINE_AA)
    digit = cv2.putText(plane.copy() * 0, "4", (300, 450), cv2.FONT_HERSHEY_SIMPLEX, 9, INK, 24, cv2.LINE_AA)
    rest = without_rules(np.maximum(plane, digit))[0]
    assert rest[plane > 60].mean() < 6
    assert np.array_equal(rest[digit > 0], digit[digit > 0])


@pytest.mark.parametrize("slant", [0, 40, 90])
@pytest.mark.parametrize("thickness", [2, 4, 10])
def test_a_hairline_one_away_from_the_border_stays(thickness, slant):
    plane = np.zeros(SHAPE, np.uint8)
    cv2.line(plane, (380 + slant, 80), (380, 520), INK, thickness, cv2.LINE_AA)
    assert np.array_equal(without_rules(plane)[0], plane)


@pytest.mark.parametrize("thickness", [2, 5])
def test_a_tall_hairline_one_alone_on_a_canvas_stays(thickness):
    plane = np.zeros((400, 400), np.uint8)
    cv2.line(plane, (210, 20), (190, 380), INK, thickness, cv2.LINE_AA)
    assert (without_rules(plane)[0][plane > INK / 2] > INK / 2).mean() > 0.9


@pytest.mark.parametrize("count", [2, 3, 6])
@pytest.mark.parametrize("share", [0.5, 0.8])
@pytest.mark.parametrize("thickness", [3, 5, 12])
def test_ones_in_a_row_are_no_family_of_rules(count, share, thickness):
    plane = np.zeros((400, 120 * (count + 1)), np.uint8)
    for middle in range(120, 120 * count + 1, 120):
        ends = [(middle + side * 10, int(200 - side * 200 * share)) for side in (1, -1)]
        cv2.line(plane, *ends, INK, thickness, cv2.LINE_AA)
    assert (without_rules(plane)[0][plane > INK / 2] > INK / 2).mean() > 0.9


@pytest.mark.parametrize("shape", [(SMALLEST_PX - 1, 900), (28, 28), (5, 5), (1, 1)])
def test_small_planes_come_back_as_they_are(shape):
    plane = np.zeros(shape, np.uint8)
    plane[::4] = LEVEL
    assert without_rules(plane)[0] is plane


def test_a_plane_without_lines_comes_back_as_it_is(mnist):
    for image in mnist.test.images[:30]:
        plane = digit_on((300, 300), image, 280)
        assert np.array_equal(without_rules(plane)[0], plane)
    assert not without_rules(np.zeros(SHAPE, np.uint8))[0].any()


@pytest.mark.parametrize("ink", [170, 255])
def test_a_darker_stroke_along_a_rule_stays(ink):
    plane = ruled(0, level=70)
    row = int(np.flatnonzero(plane[:, 0])[8])
    stroke = np.zeros(SHAPE, np.uint8)
    cv2.line(stroke, (300, row), (520, row), ink, 3, cv2.LINE_AA)
    rest = without_rules(np.maximum(plane, stroke))[0]
    mask = stroke > ink / 2
    assert (rest[mask] > ink / 2).mean() > 0.9
    assert rest[(plane > 35) & (cv2.dilate(stroke, np.ones((15, 15), np.uint8)) == 0)].mean() < 7


def test_rules_of_a_photo_go(mnist):
    """Through the paper's light, as `digit_input` sends them."""
    generator = np.random.default_rng(0)
    rules = ruled(-3)
    for image in mnist.test.images[:6]:
        digit = digit_on(SHAPE, image, 350)
        light = 225 - 60 * np.linspace(0, 1, SHAPE[1])
        sheet = light * (1 - np.maximum(rules, digit) / 330) + generator.normal(0, 2, SHAPE)
        plane = ink_plane(light_paper(np.clip(sheet, 0, 255).astype(np.uint8)).grey)
        rest = without_rules(plane)[0]
        far = cv2.dilate(digit, np.ones((25, 25), np.uint8)) == 0
        on_rules = far & (rules > LEVEL / 2)
        assert rest[on_rules].mean() < 0.25 * plane[on_rules].mean()
        assert (rest[digit > INK / 2] > INK / 4).mean() > 0.95


@pytest.mark.parametrize("deviation", [5, 12, 30])
def test_grain_is_no_rule(deviation):
    grain = np.random.default_rng(0).normal(190, deviation, (400, 300)).clip(0, 255).astype(np.uint8)
    plane = ink_plane(light_paper(grain).grey)
    assert (without_rules(plane)[0] == plane).mean() > 0.95
