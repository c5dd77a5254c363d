"""Digits as forms and photos show them: in boxes and tables, on slanted rows, beside what reaches into the picture."""

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_digits

import inksight

CELL_PX = 90


@pytest.fixture(scope="module")
def reader() -> inksight.Predictor:
    return inksight.Predictor.shipped()


def placed(sheet, image, middle, height):
    """Lays the ink of a framed digit on a sheet of ink, 0–1."""
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    tile = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = min(height / len(tile), 1.1 * height / tile.shape[1])
    tile = cv2.resize(tile, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC).clip(0, 255) / 255
    top, left = round(middle[1] - len(tile) / 2), round(middle[0] - tile.shape[1] / 2)
    part = sheet[top : top + len(tile), left : left + tile.shape[1]]
    np.maximum(part, tile, out=part)


def boxed(images, generator, dark, tilt_deg, margin, rows=1, gap=0):
    """Digits in boxes, drawn `dark` on light paper: uint8."""
    per_row = len(images) // rows
    width, edge = int(generator.integers(1, 5)), CELL_PX // 3 if margin else 0
    high = rows * CELL_PX + 2 * edge + 2 * width
    wide = per_row * (CELL_PX + gap) - gap + 2 * edge + 2 * width
    ink, lines = np.zeros((high, wide)), np.zeros((high, wide))
    for index, image in enumerate(images):
        left = edge + width + index % per_row * (CELL_PX + gap)
        top = edge + width + index // per_row * CELL_PX
        cv2.rectangle(lines, (left, top), (left + CELL_PX, top + CELL_PX), 1, width)
        height = CELL_PX * generator.uniform(0.5, 0.75)
        placed(ink, image, (left + CELL_PX * generator.uniform(0.45, 0.55), top + CELL_PX / 2), height)
    paper = 245 + (dark - 245) * lines
    paper = np.minimum(paper, 245 + (30 - 245) * ink)
    turn = cv2.getRotationMatrix2D((wide / 2, high / 2), tilt_deg, 1)
    paper = cv2.warpAffine(paper, turn, (wide, high), borderValue=245)
    return (paper + generator.normal(0, 2, paper.shape)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def chosen(mnist, reader):
    """Chooses test digits that the reader knows when they stand alone; gives them and their labels as a text."""
    known = reader.probabilities(mnist.test.images[:600])
    sure = np.flatnonzero((known.argmax(1) == mnist.test.labels[:600]) & (known.max(1) > 0.99))

    def choose(generator, count):
        indices = generator.choice(sure, count)
        return mnist.test.images[indices], "".join(map(str, mnist.test.labels[indices]))

    return choose


@pytest.mark.parametrize("margin", [True, False])
@pytest.mark.parametrize("dark", [0, 100, 200])
def test_a_digit_in_a_box(chosen, reader, dark, margin):
    generator, right = np.random.default_rng(dark), []
    for tilt_deg in np.linspace(-3, 3, 10):
        images, text = chosen(generator, 1)
        right.append(reader.predict(boxed(images, generator, dark, tilt_deg, margin)).label == text)
    assert np.mean(right) >= 0.9


@pytest.mark.parametrize("gap", [0, 20])
@pytest.mark.parametrize("margin", [True, False])
@pytest.mark.parametrize("dark", [0, 100, 200])
def test_a_row_of_boxes(chosen, reader, dark, margin, gap):
    generator, right = np.random.default_rng(dark), []
    for tilt_deg in np.linspace(-3, 3, 5):
        images, text = chosen(generator, 5)
        right.append(reader.read(boxed(images, generator, dark, tilt_deg, margin, gap=gap)).text == text)
    assert np.mean(right) >= 0.8


def test_a_table_is_read_row_by_row(chosen, reader):
    generator = np.random.default_rng(1)
    images, text = chosen(generator, 12)
    said = reader.read(boxed(images, generator, 0, 1.0, True, rows=3)).text
    assert said == "\n".join(text[start : start + 4] for start in (0, 4, 8))


def test_a_square_zero_is_no_box(reader):
    sheet = np.full((200, 200), 255, np.uint8)
    cv2.rectangle(sheet, (60, 40), (140, 160), 0, 12)
    assert reader.predict(sheet).label == "0"


@pytest.mark.parametrize("slope_deg", [-30, -20, 20, 30])
def test_a_row_that_climbs_or_falls(chosen, reader, slope_deg):
    generator, right = np.random.default_rng(0), []
    for _ in range(8):
        images, text = chosen(generator, 5)
        ink = np.zeros((480, 640))
        for index, image in enumerate(images):
            across = 110 * (index - 2)
            placed(ink, image, (320 + across, 240 + across * np.tan(np.deg2rad(slope_deg))), 75)
        right.append(reader.read((245 - 220 * ink).clip(0, 255).astype(np.uint8)).text == text)
    assert np.mean(right) >= 0.85


def test_a_thing_that_reaches_into_the_picture_is_left_out(chosen, reader):
    images, text = chosen(np.random.default_rng(3), 1)
    ink = np.zeros((400, 300))
    placed(ink, images[0], (150, 250), 90)
    sheet = (240 - 200 * ink).clip(0, 255).astype(np.uint8)
    cv2.ellipse(sheet, (0, 0), (70, 50), 0, 0, 360, 60, -1, cv2.LINE_AA)
    assert reader.predict(sheet).label == text


def test_a_small_digit_is_cut_to_its_ink(reader):
    """Then strokes leave hardly any paper: it is read as the whole picture is, light on dark or dark on light."""
    digits = load_digits()
    images = (digits.images[:500] * 255 / 16).astype(np.uint8)
    cut = [image[np.ix_(image.any(axis=1), image.any(axis=0))] for image in images]
    whole, light, dark = (
        np.mean([answer.label for answer in reader.predict_many(pictures)] == digits.target[:500].astype(str))
        for pictures in (images, cut, [255 - each for each in cut])
    )
    assert abs(whole - light) <= 0.01 and abs(whole - dark) <= 0.01


@pytest.mark.parametrize("light_on_dark", [True, False])
@pytest.mark.parametrize("pen_px", [1, 9])
def test_a_drawing_is_cut_to_its_ink(chosen, reader, pen_px, light_on_dark):
    """Thick strokes cover most of it; it is drawn as evenly as a program does, or softly as a camera shows it."""
    generator, right = np.random.default_rng(pen_px), []
    images, text = chosen(generator, 40)
    for image, label in zip(images, text, strict=True):
        image = cv2.dilate(cv2.resize(image, (112, 112), interpolation=cv2.INTER_CUBIC), np.ones((pen_px, pen_px)))
        if generator.random() < 0.5:
            image = cv2.GaussianBlur(image, (0, 0), 3)
        picture = image[np.ix_((image > 90).any(axis=1), (image > 90).any(axis=0))]
        right.append(reader.predict(picture if light_on_dark else 255 - picture).label == label)
    assert np.mean(right) >= 0.9


def row_of(images, gap, height=60, shape=(140, 640)):
    """Framed digits in a row, so many columns from middle to middle: ink, 0–1."""
    ink = np.zeros(shape)
    for index, image in enumerate(images):
        placed(ink, image, (90 + gap * index, shape[0] / 2), height)
    return ink


@pytest.mark.parametrize("dash", [None, (9, 5)])
def test_the_rests_of_a_frame_are_no_ones(chosen, reader, dash):
    """Its upper side and its right one, whole or dashed, on a scan of few pixels."""
    generator, right = np.random.default_rng(8), []
    for _ in range(10):
        images, text = chosen(generator, 5)
        ink, end = row_of(images, 70), 90 + 70 * 4 + 55
        for start, stop in (((60, 14), (end, 14)), ((end, 14), (end, 126))):
            length = max(stop[0] - start[0], stop[1] - start[1])
            for at in range(0, length, sum(dash)) if dash else [0]:
                part = min(1, (at + (dash[0] if dash else length)) / length)
                ends = [
                    tuple(round(a + share * (b - a)) for a, b in zip(start, stop, strict=True))
                    for share in (at / length, part)
                ]
                cv2.line(ink, *ends, 0.8, 3)
        small = cv2.resize((250 - 220 * ink).clip(0, 255), None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
        right.append(reader.read(small.astype(np.uint8)).text == text)
    assert np.mean(right) >= 0.8


def test_a_row_is_underlined(chosen, reader):
    """The line touches no digit, or all of them."""
    generator, right = np.random.default_rng(9), []
    for below in (34, 40, 46, 34, 40, 46):
        images, text = chosen(generator, 3)
        ink = row_of(images, 75)
        cv2.line(ink, (50, 70 + below), (290, 70 + below + 2), 0.9, 3, cv2.LINE_AA)
        right.append(reader.read((250 - 220 * ink).clip(0, 255).astype(np.uint8)).text == text)
    assert np.mean(right) >= 0.8


def test_two_noughts_that_touch(mnist, reader):
    """They are one mark, and one to the line network."""
    noughts = mnist.test.images[(mnist.test.labels == 0).nonzero()[0][:4]]
    right = []
    for first, second in zip(noughts, noughts[::-1], strict=True):
        ink = np.zeros((140, 400))
        placed(ink, mnist.test.images[2], (60, 70), 60)
        for index, image in enumerate((first, second)):
            columns = np.flatnonzero(image.any(axis=0))
            wide = 60 * len(columns) / np.flatnonzero(image.any(axis=1)).size
            placed(ink, image, (130 + index * wide * 0.92, 70), 60)
        right.append(reader.read((250 - 220 * ink).clip(0, 255).astype(np.uint8)).text == "100")
    assert np.mean(right) >= 0.75


def test_networks_that_disagree_make_a_digit_unsure(mnist):
    """A reader of swapped classes is sure of the wrong one; the line network says otherwise."""
    reader = inksight.Predictor.shipped()
    plain = reader.probabilities
    reader.probabilities = lambda images: plain(images)[:, [0, 7, 2, 3, 4, 5, 6, 1, 8, 9]]
    seven = mnist.test.images[0]
    reading = reader.read((250 - 220 * row_of([seven, mnist.test.images[2]], 80)).astype(np.uint8))
    assert reading.verdict == "unsure" and "?" in repr(reading)


def test_networks_that_count_otherwise_make_a_digit_unsure(mnist):
    """The classifier is sure of one 7; the line network sees a 7 and a 1 there, and is not sure of the 1."""
    reader = inksight.Predictor.shipped()
    plain = reader._spotter

    def spotter(strip):
        rows = plain(strip).copy()
        end = len(rows) - 1
        rows[end - 2 : end] = 0
        rows[end - 2 : end, [0, 2]] = 0.2, 0.8
        return rows

    ink = row_of([mnist.test.images[0]], 80)
    sheet = (250 - 220 * ink).astype(np.uint8)
    assert reader.read(sheet).verdict == "class"
    reader.__dict__["_spotter"] = spotter
    reading = reader.read(sheet)
    assert (reading.text, reading.verdict) == ("7", "unsure")


@pytest.mark.parametrize("scale", [1.0, 0.35])
def test_dividers_are_no_ones(chosen, reader, scale):
    """Dark lines between the digits, clearly taller than these; a 1 among the digits stays one."""
    generator, right = np.random.default_rng(12), []
    for _ in range(8):
        images, text = chosen(generator, 5)
        ink = row_of(images, 90, shape=(140, 560))
        for index in range(4):
            cv2.line(ink, (135 + 90 * index, 20), (135 + 90 * index, 120), 1.0, 4)
        sheet = (250 - 215 * ink).clip(0, 255).astype(np.uint8)
        small = cv2.resize(sheet, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        reading = reader.read(small)
        right.append(reading.text == text)
        assert not right[-1] or [each.sign for line in reading.lines for each in line if each.sign] == ["mark"] * 4
    assert np.mean(right) >= 0.85


def test_tall_ones_beside_small_noughts_are_no_dividers(mnist, reader):
    """They stand on one line."""
    one = np.zeros((28, 28), np.uint8)
    cv2.line(one, (14, 2), (14, 25), 255, 2, cv2.LINE_AA)
    noughts = mnist.test.images[(mnist.test.labels == 0).nonzero()[0][:2]]
    ink = np.zeros((140, 480))
    for index, (image, high) in enumerate(((one, 80), (noughts[0], 56), (one, 80), (noughts[1], 56))):
        placed(ink, image, (90 + 90 * index, 110 - high / 2), high)
    assert reader.read((250 - 220 * ink).astype(np.uint8)).text == "1010"
