"""Numbers on pictures, read with the shipped model."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

import inksight
from inksight.data.synthetic.composed import compose
from inksight.errors import PictureError, UsageError
from inksight.inference.predictor import Reading
from inksight.inference.reading import is_cross


@pytest.fixture(scope="module")
def reader() -> inksight.Predictor:
    return inksight.Predictor.shipped()


@pytest.fixture(scope="module")
def sheet(mnist):
    """Two rows of the first test digits on white paper, and their labels: "72104" and "14959"."""
    paper = np.full((420, 900), 255, np.uint8)
    for index, image in enumerate(mnist.test.images[:10]):
        row, column = divmod(index, 5)
        place = paper[60 + 170 * row : 172 + 170 * row, 90 + 150 * column : 202 + 150 * column]
        np.minimum(place, 255 - cv2.resize(image, (112, 112), interpolation=cv2.INTER_CUBIC), out=place)
    labels = "".join(map(str, mnist.test.labels[:10]))
    return paper, labels[:5], labels[5:]


def test_lines_come_in_reading_order_with_boxes(reader, sheet):
    paper, first, second = sheet
    reading = reader.read(paper, "sheet")
    assert reading.text == f"{first}\n{second}"
    assert [len(line) for line in reading.lines] == [5, 5]
    for row, line in enumerate(reading.lines):
        for column, digit in enumerate(line):
            left, top, width, height = digit.box
            assert 90 + 150 * column <= left and left + width <= 202 + 150 * column
            assert 60 + 170 * row <= top and top + height <= 172 + 170 * row
            assert digit.sign is None and 0.9 < digit.confidence <= 1


@pytest.mark.parametrize("turned", ["white on black", "large", "in colour"])
def test_the_same_number_on_other_pictures(reader, sheet, turned):
    paper, first, second = sheet
    picture = {
        "white on black": 255 - paper,
        "large": cv2.resize(paper, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC),
        "in colour": np.stack([paper, np.full_like(paper, 240), np.full_like(paper, 235)], axis=-1),
    }[turned]
    assert reader.read(picture).text == f"{first}\n{second}"


@pytest.mark.slow
def test_photographed_numbers(reader, mnist):
    """Of 40 composed numbers, half of them photos, many on ruled or squared paper: at least 32 exactly right."""
    pictures, texts = compose("number", mnist.test.images, mnist.test.labels, 40, seed=7)
    right = 0
    for picture, text in zip(pictures, texts, strict=True):
        right += reader.read(picture).text == text
    assert right >= 32


def test_two_digits_that_touch_are_told_apart(reader, mnist):
    """Pairs of clear digits that overlap by a pixel or two at their enlarged size."""
    right = 0
    for start in range(0, 60, 2):
        one, other = (
            cv2.resize(image, (112, 112), interpolation=cv2.INTER_CUBIC)
            for image in mnist.test.images[start : start + 2]
        )
        one, other = (tile[:, np.flatnonzero((tile > 60).any(axis=0))] for tile in (one, other))
        canvas = np.zeros((200, 400), np.uint8)
        canvas[40:152, 60 : 60 + one.shape[1]] = one
        left = 60 + one.shape[1] - 3
        place = canvas[40:152, left : left + other.shape[1]]
        np.maximum(place, other, out=place)
        right += reader.read(255 - canvas).text == "".join(map(str, mnist.test.labels[start : start + 2]))
    assert right >= 24


def test_signs_are_told_from_digits(reader, sheet):
    paper, first, _ = sheet
    signed = paper[:230].copy()
    cv2.line(signed, (210, 120), (235, 120), 0, 9)  # a dash between the first two
    cv2.circle(signed, (370, 160), 7, 0, -1)  # a dot after the second
    reading = reader.read(signed)
    assert reading.text == first
    assert [each.sign for each in reading.lines[0]] == [None, "dash", None, "dot", None, None, None]
    assert [sign["sign"] for sign in reading.to_dict()["signs"]] == ["dash", "dot"]


def test_crosses():
    def drawn(*strokes):
        image = np.zeros((28, 28), np.uint8)
        for start, end in strokes:
            cv2.line(image, start, end, 255, 3)
        return image

    assert is_cross(drawn(((5, 5), (22, 22)), ((22, 5), (5, 22))))
    assert is_cross(drawn(((14, 4), (14, 24)), ((4, 14), (24, 14))))
    assert not is_cross(drawn(((14, 4), (14, 24))))
    assert not is_cross(drawn(((5, 5), (22, 5)), ((22, 5), (10, 24))))
    assert not is_cross(np.zeros((28, 28), np.uint8))


def test_a_page_of_text_is_refused_in_a_clear_way(reader):
    page = np.full((1200, 900), 255, np.uint8)
    for row in range(40, 1180, 40):
        cv2.putText(page, "many small letters stand on it", (30, row), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 0, 2)
    with pytest.raises(PictureError, match=r"too much to read: [\d,]+ marks, at most 200\. Cut the number out"):
        reader.read(page)


def test_a_blank_and_a_model_of_other_things(reader, colour_run):
    with pytest.raises(PictureError, match="the picture is blank"):
        reader.read(np.full((80, 80), 250, np.uint8))
    with pytest.raises(
        UsageError,
        match="16 px colour pictures of red, green, blue .*; reading numbers needs",
    ):
        inksight.Predictor.load(colour_run).read(np.zeros((80, 80), np.uint8))


def test_the_command(command, tmp_path, sheet):
    paper, first, second = sheet
    cv2.imwrite(str(tmp_path / "page.png"), paper)
    (tmp_path / "bad.png").write_text("none")
    done = command(tmp_path, "read", "page.png", "bad.png", "--json")
    assert done.returncode == 1 and "bad.png is not a picture" in done.stderr
    page, bad = (json.loads(line) for line in done.stdout.splitlines())
    assert page["source"] == "page.png" and page["text"] == f"{first}\n{second}"
    assert [digit["label"] for digit in page["digits"]] == list(first + second) and page["signs"] == []
    assert "error" in bad and done.stderr.endswith("1 of 2 pictures could not be read.\n")

    (tmp_path / "empty").mkdir()
    done = command(tmp_path, "read", ".", "empty", "mnist:train/7777")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [f"page.png: {first} / {second}", "mnist:train/7777: 8; its label is 8"]
    assert "no picture in empty" in done.stderr and done.stderr.endswith("2 of 4 pictures could not be read.\n")

    done = command(tmp_path, "read", "page.png", "--annotate", "drawn.png")
    assert done.returncode == 0 and done.stdout == f"page.png: {first} / {second}\n"
    drawn = cv2.imread(str(tmp_path / "drawn.png"))
    assert drawn.shape == (*paper.shape, 3)
    left, top, width, height = page["digits"][0]["box"]
    green = (drawn[..., 1] > 100) & (drawn[..., 0] < 90) & (drawn[..., 2] < 60)
    assert green[top, left : left + width].mean() > 0.9 and green[top : top + height, left].mean() > 0.9

    done = command(tmp_path, "read", "page.png", "page.png", "--annotate", "drawn.png")
    assert done.returncode == 2 and "--annotate makes one picture of one" in done.stderr


def test_a_number_has_a_verdict_and_so_has_each_digit(reader, sheet):
    sure = reader.read(sheet[0])
    assert sure.verdict == "class" and sure.confidence == pytest.approx(np.prod([d.confidence for d in sure.digits]))
    first, second, *others = sure.lines[0]
    doubted = Reading("x", ((first, replace(second, confidence=0.61, unsure=True), *others), *sure.lines[1:]))
    assert doubted.verdict == "unsure" and doubted.text == sure.text
    assert repr(doubted).startswith(f"{first.label}?{others[0].label}")
    assert "unsure: 72104 / 14959" in repr(doubted)
    found = doubted.to_dict()
    assert (found["verdict"], found["confidence"]) == ("unsure", pytest.approx(doubted.confidence, abs=1e-6))
    assert [digit["verdict"] for digit in found["digits"]] == ["class", "unsure", *["class"] * 8]


def test_where_there_is_no_number_it_says_so(reader):
    paper = np.full((300, 600), 255, np.uint8)
    for row in range(60, 300, 60):
        cv2.line(paper, (50, row), (550, row + 4), 30, 4, cv2.LINE_AA)
    reading = reader.read(paper)
    assert (reading.verdict, reading.text, reading.confidence) == ("rejected", "", 0.0)
    assert repr(reading).startswith("no number found")
