"""Numbers on paper -> lines of pieces, and where they are on the picture."""

import cv2
import numpy as np
import pytest

from inksight.errors import PictureError
from inksight.imaging.segment import MOST_MARKS, Piece, composite, segment, tight


@pytest.fixture(scope="module")
def digits(mnist):
    """Digits that are one connected mark."""
    return [
        image for image in mnist.test.images[:150] if cv2.connectedComponents((image > 40).astype(np.uint8))[0] == 2
    ]


def shown(image, height):
    """A digit's cover, 0–1, `height` px high, with edges as steep as a pen's."""
    rows, columns = np.flatnonzero((image > 60).any(axis=1)), np.flatnonzero((image > 60).any(axis=0))
    crop = np.pad(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 1)
    scale = height / (len(crop) - 2)
    cover = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC) / 255.0
    cover = np.clip((cover - 0.35) * scale / 2 + 0.5, 0, 1).astype(np.float32)
    left, top, width, tall = cv2.boundingRect((cover > 0.5).astype(np.uint8))
    return cover[top : top + tall, left : left + width]


def written(rows, height=120, gap=0.3, between=0.8, margin=1.0, seed=0):
    """Rows of digits on a sheet: its cover, 0–1, and each digit's box (left, top, width, height), row by row."""
    generator = np.random.default_rng(seed)
    covers = [[shown(image, int(height * generator.uniform(0.9, 1.1))) for image in row] for row in rows]
    space = round(margin * height)
    width = max(sum(cover.shape[1] for cover in row) + round(gap * height) * (len(row) - 1) for row in covers)
    step = round((1 + between) * height)
    sheet = np.zeros((step * len(rows) + 2 * space, width + 2 * space), np.float32)
    boxes = []
    for number, row in enumerate(covers):
        left, places = space, []
        for cover in row:
            top = space + step * number + int(generator.integers(0, max(1, height // 10)))
            sheet[top : top + len(cover), left : left + cover.shape[1]] = cover
            places.append((left, top, *cover.shape[::-1]))
            left += cover.shape[1] + round(gap * height)
        boxes.append(places)
    return sheet, boxes


def in_grey(cover, ground=245, ink=30):
    return np.rint(ground + (ink - ground) * cover).astype(np.uint8)


def in_chalk(cover):
    return np.rint(np.float32((40, 70, 50)) + cover[..., None] * np.float32((190, 170, 180))).astype(np.uint8)


def photographed(cover):
    generator = np.random.default_rng(0)
    light = np.linspace(235, 150, cover.shape[1])
    return np.clip(light * (1 - 0.8 * cover) + generator.normal(0, 3, cover.shape), 0, 255).astype(np.uint8)


def found(picture):
    """Boxes on the picture, line by line."""
    sheet = segment(picture)
    return [[sheet.on_picture(piece) for piece in line.pieces] for line in sheet.lines]


def assert_near(boxes, wanted, px):
    assert [len(line) for line in boxes] == [len(line) for line in wanted]
    for line, places in zip(boxes, wanted, strict=True):
        for (left, top, width, height), (x, y, across, down) in zip(line, places, strict=True):
            away = np.abs([left - x, top - y, left + width - x - across, top + height - y - down])
            assert away.max() <= px, (line, places)


@pytest.mark.parametrize("make", [in_grey, in_chalk, photographed])
@pytest.mark.parametrize("count", [1, 2, 5, 10])
def test_a_number_is_one_line_in_order(digits, make, count):
    for seed in range(3):
        cover, boxes = written([digits[10 * seed : 10 * seed + count]], seed=seed)
        assert_near(found(make(cover)), boxes, 3)


@pytest.mark.parametrize("height", [30, 60, 250])
def test_digits_of_any_size(digits, height):
    cover, boxes = written([digits[:5]], height=height)
    assert_near(found(in_grey(cover)), boxes, max(2, 0.04 * height))


@pytest.mark.parametrize("height", [60, 300, 480])
def test_places_on_a_picture_4000_pixels_wide(digits, height):
    cover, boxes = written([digits[:6]], height=height, seed=3)
    top, left = 900, (4000 - cover.shape[1]) * 3 // 4
    cover = np.pad(cover, ((top, 600), (left, 4000 - left - cover.shape[1])))
    wanted = [[(x + left, y + top, width, tall) for x, y, width, tall in line] for line in boxes]
    assert cover.shape[1] == 4000
    assert_near(found(in_grey(cover)), wanted, 6)


def test_the_ink_of_a_piece_is_the_digit(digits):
    cover, _ = written([digits[:4]])
    (line,) = segment(in_grey(cover)).lines
    for piece, image in zip(line.pieces, digits, strict=False):
        wanted = cv2.resize(shown(image, 120), (piece.width, piece.height), interpolation=cv2.INTER_AREA)
        assert np.corrcoef(piece.ink.ravel(), wanted.ravel())[0, 1] > 0.95
        assert all(side.any() for side in (piece.ink[0], piece.ink[-1], piece.ink[:, 0], piece.ink[:, -1]))
    assert line.height == pytest.approx(120, rel=0.12)


@pytest.mark.parametrize("counts", [(4, 4), (2, 6), (6, 2), (3, 3, 3)])
@pytest.mark.parametrize("between", [0.3, 1.5])
def test_rows_are_lines_from_top_to_bottom(digits, counts, between):
    starts = np.cumsum((0, *counts))
    cover, boxes = written(
        [digits[start : start + n] for start, n in zip(starts, counts, strict=False)], between=between
    )
    assert_near(found(in_grey(cover)), boxes, 3)


@pytest.mark.parametrize("tilt", [-6, 6])
def test_a_row_that_climbs_is_one_line(digits, tilt):
    cover, _ = written([digits[:6]], margin=2)
    turn = cv2.getRotationMatrix2D((cover.shape[1] / 2, cover.shape[0] / 2), tilt, 1)
    (line,) = found(in_grey(cv2.warpAffine(cover, turn, cover.shape[::-1])))
    assert len(line) == 6
    assert [box[0] for box in line] == sorted(box[0] for box in line)


@pytest.mark.parametrize("framed", [0, 5])
@pytest.mark.parametrize(("start", "end", "lift"), [(45, 95, 14), (52, 112, 18), (60, 118, 24), (66, 106, 30)])
def test_a_five_keeps_its_detached_bar(start, end, lift, framed):
    sheet = np.full((220, 320), 245, np.uint8)
    for left in (20, 180):
        body = [(40, 60), (38, 100), (60, 95), (85, 110), (88, 140), (65, 165), (32, 160)]
        points = np.int32([(x + left, y) for x, y in body])
        cv2.polylines(sheet, [points], False, 30, 8, cv2.LINE_AA)
        cv2.line(sheet, (start + left, 60 - lift), (end + left, 56 - lift), 30, 8, cv2.LINE_AA)
    if framed:
        sheet = np.pad(sheet, framed, constant_values=90)
    (line,) = found(sheet)
    right = max(end, 88) + 4
    wanted = [(48 + left + framed, 52 - lift + framed, right - 28, 117 + lift) for left in (0, 160)]
    assert_near([line], [wanted], 5)


def test_small_signs_stay_at_their_place(digits):
    cover, boxes = written([digits[:4]], gap=0.6)
    left = boxes[0][1][0] + boxes[0][1][2] + 30
    cv2.circle(cover, (left, 235), 8, 1.0, -1, cv2.LINE_AA)
    (line,) = found(in_grey(cover))
    assert len(line) == 5
    assert line[2][3] < 20 and abs(line[2][0] + line[2][2] / 2 - left) < 3


def test_specks_of_dust_are_none_of_it(digits):
    cover, boxes = written([digits[:3]], height=200)
    for place in ((30, 40), (300, 30), (60, 500)):
        cv2.circle(cover, place, 2, 1.0, -1)
    assert_near(found(in_grey(cover)), boxes, 4)


@pytest.mark.parametrize("pen", [3, 5, 12])
def test_ones_in_a_row_are_all_there(pen):
    sheet = np.full((400, 600), 245, np.uint8)
    for left in (120, 240, 360, 480):
        cv2.line(sheet, (left + 10, 80), (left - 10, 320), 30, pen, cv2.LINE_AA)
    assert [len(line) for line in found(sheet)] == [4]


def page(count):
    """So many small crosses."""
    sheet = np.full((600, 900), 245, np.uint8)
    for index in range(count):
        row, column = divmod(index, 25)
        cv2.drawMarker(sheet, (30 + 35 * column, 30 + 40 * row), 30, cv2.MARKER_CROSS, 18, 4)
    return sheet


def test_too_much_says_so():
    with pytest.raises(PictureError, match=r"too much to read: 300 marks, at most 200\. Cut the number out of"):
        segment(page(300))
    assert sum(len(line) for line in found(page(MOST_MARKS))) == MOST_MARKS


@pytest.mark.parametrize("shape", [(300, 400), (28, 28), (300, 400, 3)])
def test_blank_says_so(shape):
    with pytest.raises(PictureError, match="the picture is blank"):
        segment(np.full(shape, 240, np.uint8))


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 3), (8, 8), (1, 3000), (50, 2)])
def test_pictures_of_a_few_pixels_answer_or_say_why(shape):
    generator = np.random.default_rng(0)
    for _ in range(5):
        picture = generator.integers(0, 256, shape).astype(np.uint8)
        try:
            lines = segment(picture).lines
        except PictureError as error:
            assert any(part in str(error) for part in ("blank", "nothing stands out", "too much to read"))
        else:
            assert all(line.pieces and line.height > 0 for line in lines) and lines


def test_pieces_put_together():
    one, other = Piece(10, 5, np.full((3, 4), 100, np.uint8)), Piece(12, 7, np.full((4, 5), 200, np.uint8))
    both = composite([one, other])
    assert (both.left, both.top, both.right, both.bottom) == (10, 5, 17, 11)
    assert (both.ink[2, 2], both.ink[0, 0], both.ink[5, 6], both.ink[5, 0]) == (200, 100, 200, 0)
    assert both.ink.sum() == 100 * 10 + 200 * 20  # two pixels of the first lie under the second
    padded = tight(Piece(3, 4, np.pad(both.ink, ((2, 1), (5, 6)))))
    assert padded is not None and (padded.left, padded.top) == (8, 6) and np.array_equal(padded.ink, both.ink)
    assert tight(Piece(0, 0, np.zeros((4, 4), np.uint8))) is None


def test_a_line_under_the_number_is_no_sign():
    sheet = np.full((300, 700), 255, np.uint8)
    for left in (100, 260, 420):
        cv2.line(sheet, (left, 80), (left + 20, 200), 0, 10)
    plain = segment(sheet)
    cv2.line(sheet, (60, 240), (600, 246), 0, 8)
    (line,) = segment(sheet).lines
    assert len(line.pieces) == 3
    assert [piece.height for piece in line.pieces] == pytest.approx(
        [piece.height for piece in plain.lines[0].pieces], abs=2
    )
