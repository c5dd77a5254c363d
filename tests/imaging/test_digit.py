"""The normalisation of MNIST against a plain, slow reference."""

import cv2
import numpy as np
import pytest

from inksight.imaging.digit import ink_box, normalise

FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
)


def reference(ink):
    """FACTS word for word: every pixel is cut into 20×20 equal parts, so that 20 cells hold whole parts of any side."""
    rows = [row for row in range(ink.shape[0]) if ink[row].sum() > 0]
    columns = [column for column in range(ink.shape[1]) if ink[:, column].sum() > 0]
    tight = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float64)
    height, width = tight.shape
    side = max(height, width)
    square = np.zeros((side, side))
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = tight
    parts = np.kron(square, np.ones((20, 20)))
    cells = parts.reshape(20, side, 20, side).mean(axis=(1, 3))
    grey = np.floor(cells * 255 / cells.max() + 0.5).astype(np.uint8)
    frame = np.zeros((28, 28), np.uint8)
    total = float(grey.sum())
    centre_down = sum((row + 0.5) * float(grey[row].sum()) for row in range(20)) / total
    centre_right = sum((column + 0.5) * float(grey[:, column].sum()) for column in range(20)) / total
    down, right = int(15 - centre_down), int(15 - centre_right)
    for row in range(20):
        for column in range(20):
            if 0 <= row + down < 28 and 0 <= column + right < 28:
                frame[row + down, column + right] = grey[row, column]
    return frame


def rendered(count, seed):
    """Digits of five fonts, sizes 8 to 50 px, thin and thick, turned a little, somewhere on a canvas."""
    generator = np.random.default_rng(seed)
    for index in range(count):
        canvas = np.zeros((72, 72), np.uint8)
        scale, thickness = generator.uniform(0.4, 1.8), int(generator.integers(1, 5))
        font = FONTS[index % len(FONTS)]
        cv2.putText(canvas, str(index % 10), (14, 58), font, scale, 255, thickness, cv2.LINE_AA)
        turn = cv2.getRotationMatrix2D((36, 36), generator.uniform(-25, 25), 1)
        yield cv2.warpAffine(canvas, turn, (72, 72))


@pytest.mark.parametrize("count", [500, pytest.param(4000, marks=pytest.mark.slow)])
def test_agrees_with_the_slow_reference_on_rendered_digits(count):
    worst = 0
    for ink in rendered(count, seed=0):
        difference = np.abs(normalise(ink).astype(int) - reference(ink)).max()
        worst = max(worst, int(difference))
    assert worst <= 1


def test_agrees_with_the_slow_reference_on_mnist(mnist):
    for image in mnist.test.images[:300]:
        assert np.abs(normalise(image).astype(int) - reference(image)).max() <= 1


def test_mnist_is_what_it_makes_of_mnist(mnist):
    """MNIST's own frames come back: some digits never reach 255, which only lifts them a little."""
    images = mnist.test.images[:2000]
    again = np.array([normalise(image) for image in images])
    assert np.abs(again.astype(int) - images).mean() < 0.05
    assert ((again > 0) == (images > 0)).all(axis=(1, 2)).mean() > 0.99


def test_is_idempotent():
    for ink in rendered(200, seed=1):
        once = normalise(ink)
        twice = normalise(once)
        assert np.abs(twice.astype(int) - once).mean() < 2
        if max(ink_box(once)[2:]) == 20:  # a faint outer row may have been rounded away
            assert np.array_equal(once, twice)


def test_centre_of_mass_lands_on_the_middle():
    ink = np.zeros((60, 60), np.uint8)
    ink[5:45, 10:14] = 255
    ink[41:45, 10:50] = 255
    rows, columns = np.indices((28, 28)) + 0.5
    frame = normalise(ink).astype(float)
    for axis in (rows, columns):
        assert 13.99 <= (frame * axis).sum() / frame.sum() <= 15.01


def test_what_leaves_the_frame_is_cut():
    ink = np.zeros((200, 200), np.uint8)
    ink[0:199, 0:199] = 1
    ink[185:, 185:] = 255
    frame = normalise(ink)
    assert frame.shape == (28, 28)
    assert np.array_equal(frame, reference(ink))
    assert frame.max() == 255


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 3)])
def test_odd_shapes(shape):
    ink = np.full(shape, 200, np.uint8)
    frame = normalise(ink)
    assert frame.max() == 255
    assert np.abs(frame.astype(int) - reference(ink)).max() <= 1


def test_other_frames_keep_the_proportions():
    ink = np.zeros((100, 100), np.uint8)
    cv2.putText(ink, "7", (20, 80), cv2.FONT_HERSHEY_SIMPLEX, 2.5, 255, 8, cv2.LINE_AA)
    frame = normalise(ink, 56)
    assert frame.shape == (56, 56)
    assert max(ink_box(frame)[2:]) == 40
    halved = cv2.resize(frame, (28, 28), interpolation=cv2.INTER_AREA)
    assert np.abs(halved.astype(int) - normalise(ink)).mean() < 16


def test_takes_floats_too():
    ink = np.zeros((40, 30), np.float32)
    ink[10:30, 12:18] = 0.4
    assert np.array_equal(normalise(ink), normalise((ink * 255).astype(np.uint8)))


def test_ink_box():
    ink = np.zeros((10, 20), np.uint8)
    ink[2, 5] = ink[7, 11] = 1
    assert ink_box(ink) == (2, 5, 6, 7)
