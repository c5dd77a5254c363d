"""What is said of a picture on its way to the network is what was done to it."""

import cv2
import numpy as np
import pytest

from inksight.errors import PictureError
from inksight.imaging import digit_input
from inksight.imaging.explain import Story, story_of


def on_sheet(mnist, left=200, top=120, thin=False) -> np.ndarray:
    """A 7 on a light sheet of 400 × 300."""
    sheet = np.full((300, 400), 235, np.uint8)
    if thin:
        cv2.polylines(sheet, [np.array([(150, 60), (250, 60), (190, 240)])], False, 30, 2, cv2.LINE_AA)
        return sheet
    ink = cv2.resize(mnist.test.images[0], (112, 112), interpolation=cv2.INTER_CUBIC) / 255.0
    part = sheet[top : top + 112, left : left + 112]
    part[:] = (part * (1 - ink) + 30 * ink).astype(np.uint8)
    return sheet


def told(picture: np.ndarray) -> Story:
    return story_of(picture, digit_input(picture))


def words(picture: np.ndarray) -> str:
    return "\n".join(told(picture).corrections)


def test_an_ordinary_picture_is_moved_and_scaled(mnist):
    story = told(on_sheet(mnist))
    assert list(story.stages) == ["picture", "paper", "ink", "input"]
    assert [sentence.split(" ")[0] for sentence in story.corrections] == ["off-centre", "scaled:"]
    left, top, width, height = story.box
    assert abs(left + width / 2 - 256) < 16 and abs(top + height / 2 - 176) < 16
    assert (story.stages["input"] == digit_input(on_sheet(mnist))).all()


def test_what_is_off_centre_is_measured(mnist):
    first, second = (told(on_sheet(mnist, left)).corrections[0] for left in (200, 250))
    one, other = (int(sentence.split(" ")[2]) for sentence in (first, second))
    assert 40 <= other - one <= 51


def test_light_ink_is_inverted(mnist):
    sheet = on_sheet(mnist)
    assert "inverted" not in words(sheet)
    assert words(255 - sheet).startswith("inverted: the ink was lighter than its ground")
    assert (told(255 - sheet).stages["paper"] > 128).mean() > 0.9


def test_a_shadow_is_divided_out(mnist):
    sheet = on_sheet(mnist)
    assert "shadow" not in words(sheet)
    dark = (sheet * np.linspace(0.4, 1, 400)).astype(np.uint8)
    assert "shadow divided out: the paper is 2." in words(dark)


def test_hairlines_are_thickened(mnist):
    assert "strokes thickened: they are " in words(on_sheet(mnist, thin=True))
    assert "strokes" not in words(on_sheet(mnist))


def test_rules_frames_colours_and_other_marks_are_told(mnist):
    ruled = on_sheet(mnist)
    ruled[40::50] = np.minimum(ruled[40::50], 170)
    assert "the paper's own lines taken away" in words(ruled)
    framed = cv2.copyMakeBorder(on_sheet(mnist), 6, 6, 6, 6, cv2.BORDER_CONSTANT, value=0)
    assert "frame cut off: " in words(framed)
    dotted = on_sheet(mnist)
    cv2.circle(dotted, (60, 60), 2, 150, -1)
    assert "1 other mark left out" in words(dotted)
    yellow = np.dstack([np.full((300, 400), 235, np.uint8), np.full((300, 400), 225, np.uint8), on_sheet(mnist)])
    assert "only its blue was looked at" in words(yellow)


def test_a_blank_is_refused():
    with pytest.raises(PictureError, match="the picture is blank"):
        story_of(np.full((60, 60), 250, np.uint8), np.zeros((28, 28), np.uint8))
