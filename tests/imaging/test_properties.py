"""What must not matter for a digit's input: polarity, margin, place, transparency, scale; shown on drawn digits.

Hypothesis looks for the counterexample; it draws the same examples in every run.
"""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import inksight
from inksight.imaging import digit_input
from inksight.imaging.decode import parse_picture

FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX)
SIDE_PX, MARGIN_PX = 112, 28
TEST = inksight.load("mnist").test
examples = settings(derandomize=True, deadline=None, database=None, max_examples=20)


def handwritten(index: int) -> np.ndarray:
    """A test digit, smoothly enlarged: uint8 (112, 112), bright on dark."""
    return cv2.resize(TEST.images[index], (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)


def rendered(digit: int, font: int) -> np.ndarray:
    """A digit in one of OpenCV's fonts, of the same shape."""
    tile = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    return cv2.putText(tile, str(digit), (25, 90), font, 3, 255, 8, cv2.LINE_AA)


margins = st.integers(0, 150)
tiles = st.one_of(
    st.integers(0, len(TEST) - 1).map(handwritten),
    st.builds(rendered, st.integers(0, 9), st.sampled_from(FONTS)),
)
drawings = tiles.map(lambda tile: 255 - np.pad(tile, MARGIN_PX))


@pytest.fixture(scope="module")
def reader() -> inksight.Predictor:
    return inksight.Predictor.shipped()


def decoded(rgba: np.ndarray) -> np.ndarray:
    """A transparent picture as it comes out of a file."""
    buffer = io.BytesIO()
    Image.fromarray(rgba).save(buffer, "PNG", compress_level=1)
    return parse_picture(buffer.getvalue()).pixels


def farthest(one: np.ndarray, other: np.ndarray) -> int:
    """The largest difference between the inputs of two pictures."""
    return int(np.abs(digit_input(one).astype(int) - digit_input(other)).max())


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """The mean difference of two inputs where they fit best, shifted by at most a pixel."""
    shifted = (np.roll(other, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1))
    return min(float(np.abs(one.astype(int) - each).mean()) for each in shifted)


@examples
@given(drawings)
def test_polarity(drawing):
    assert farthest(255 - drawing, drawing) <= 1


@examples
@given(drawings, st.tuples(margins, margins), st.tuples(margins, margins))
def test_margin(drawing, rows, columns):
    assert farthest(np.pad(drawing, (rows, columns), constant_values=255), drawing) <= 1


@examples
@given(tiles, st.tuples(margins, margins), st.tuples(margins, margins))
def test_place_on_the_sheet(tile, one, other):
    sheets = [np.full((SIDE_PX + 150, SIDE_PX + 150), 255, np.uint8) for _ in range(2)]
    for sheet, (top, left) in zip(sheets, (one, other), strict=True):
        sheet[top : top + SIDE_PX, left : left + SIDE_PX] = 255 - tile
    assert farthest(*sheets) <= 1


@examples
@given(drawings, st.sampled_from([0, 255]))
def test_ink_as_transparency(drawing, level):
    rgba = np.full((*drawing.shape, 4), level, np.uint8)
    rgba[..., 3] = 255 - drawing
    assert farthest(decoded(rgba), drawing) <= 1


@examples
@given(drawings, st.integers(2, 5))
def test_scale(reader, drawing, times):
    """The answer stays; the input to 16 of 255 on average, but for a shift of its frame, which is rounded to pixels."""
    inputs = [digit_input(each) for each in (drawing, np.kron(drawing, np.ones((times, times), np.uint8)))]
    assert apart(*inputs) < 16
    assert len(set(reader.probabilities(np.stack(inputs)).argmax(1))) == 1


def test_mnist_keeps_its_answers(reader):
    """At least 99.9 % are answered as without the pipeline: all as they are, and of 300 that are dark on white."""
    assert all(np.array_equal(digit_input(image), image) for image in TEST.images)
    images = TEST.images[np.random.default_rng(0).choice(len(TEST), 300, replace=False)]
    inverted = np.stack([digit_input(255 - image) for image in images])
    answers, again = (reader.probabilities(each).argmax(1) for each in (images, inverted))
    assert (again == answers).mean() >= 0.999
