"""From any picture to an input, end to end, on real digits."""

import cv2
import numpy as np
import pytest

from inksight.errors import PictureError
from inksight.imaging import digit_input


def on_paper(image, side_px, generator, ground=255.0, ink=0.0):
    """The digit, smoothly enlarged, somewhere on a bigger sheet: float."""
    height, width = (int(side_px * generator.uniform(1.2, 2.5)) for _ in "hw")
    top, left = generator.integers(0, height - side_px), generator.integers(0, width - side_px)
    cover = cv2.resize(image, (side_px, side_px), interpolation=cv2.INTER_CUBIC) / 255
    sheet = np.full((height, width), float(ground))
    sheet[top : top + side_px, left : left + side_px] += (ink - ground) * cover
    return sheet


def to_bytes(sheet):
    return np.clip(np.rint(sheet), 0, 255).astype(np.uint8)


def photographed(image, generator):
    """Slanting light, a soft shadow, grain, JPEG."""
    sheet = on_paper(
        image, int(generator.integers(80, 250)), generator, generator.uniform(170, 235), generator.uniform(20, 90)
    )
    rows, columns = np.indices(sheet.shape) / max(sheet.shape)
    angle = generator.uniform(0, 2 * np.pi)
    place = np.cos(angle) * columns + np.sin(angle) * rows
    place = (place - place.min()) / np.ptp(place)
    gain = (0.7 + 0.3 * place) * (1 - 0.3 / (1 + np.exp((place - generator.uniform(0.2, 0.8)) / 0.08)))
    grainy = to_bytes(sheet * gain + generator.normal(0, 4, sheet.shape))
    return cv2.imdecode(cv2.imencode(".jpg", grainy, [cv2.IMWRITE_JPEG_QUALITY, 75])[1], cv2.IMREAD_GRAYSCALE)


def likeness(result, image):
    """The correlation at the best shift by up to one and a half pixels: frames may fall between pixels."""
    wide = cv2.resize(result.astype(np.float32), (112, 112), interpolation=cv2.INTER_LINEAR)
    pattern = cv2.resize(image.astype(np.float32), (112, 112), interpolation=cv2.INTER_LINEAR)[6:-6, 6:-6]
    return float(cv2.matchTemplate(wide, pattern, cv2.TM_CCOEFF_NORMED).max())


def test_mnist_as_it_is(mnist):
    images = mnist.test.images[:1000]
    for turned in (images, 255 - images):
        again = np.array([digit_input(picture) for picture in turned])
        difference = np.abs(again.astype(int) - images)
        assert difference.mean() < 0.3
        assert (difference.max(axis=(1, 2)) <= 2).mean() > 0.93
        assert (difference.mean(axis=(1, 2)) < 6).mean() > 0.995


MAKERS = {
    "four times as big": lambda image, generator: np.kron(255 - image, np.ones((4, 4), np.uint8)),
    "off-centre": lambda image, generator: to_bytes(on_paper(image, 112, generator)),
    "bright on dark": lambda image, generator: to_bytes(on_paper(image, 90, generator, 0, 255)),
    "faint": lambda image, generator: to_bytes(on_paper(image, 90, generator, 190, 140)),
    "padded by a little": lambda image, generator: 255 - np.pad(image, 3),
    "huge margin": lambda image, generator: 255 - np.pad(image, 150),
    "photo": photographed,
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "photo" else name for name in MAKERS]
)
def test_a_digit_survives_its_picture(mnist, name):
    generator = np.random.default_rng(0)
    alike = [likeness(digit_input(MAKERS[name](image, generator)), image) for image in mnist.test.images[:150]]
    assert np.median(alike) > 0.96
    assert np.mean(np.array(alike) > 0.85) >= 0.94  # the others were thin, and are now thicker


def test_integer_scale_margin_and_polarity_change_nothing():
    sheet = np.full((60, 50), 255, np.uint8)
    cv2.putText(sheet, "4", (8, 48), cv2.FONT_HERSHEY_SIMPLEX, 1.6, 0, 4, cv2.LINE_AA)
    base = digit_input(sheet).astype(int)
    assert np.abs(digit_input(255 - sheet).astype(int) - base).max() <= 1
    assert np.abs(digit_input(np.pad(sheet, ((40, 10), (0, 90)), constant_values=255)).astype(int) - base).max() <= 1
    bigger = digit_input(np.kron(sheet, np.ones((3, 3), np.uint8)))
    assert np.abs(bigger.astype(int) - base).mean() < 6


def test_colour_channels_and_sizes():
    sheet = np.full((90, 90, 3), 255, np.uint8)
    cv2.putText(sheet, "3", (20, 70), cv2.FONT_HERSHEY_SIMPLEX, 2, (20, 40, 160), 6, cv2.LINE_AA)
    grey = digit_input(sheet)
    assert grey.shape == (28, 28) and grey.dtype == np.uint8
    colour = digit_input(sheet, channels=3)
    assert colour.shape == (28, 28, 3)
    assert all(np.array_equal(colour[..., channel], grey) for channel in range(3))
    assert digit_input(sheet, 32).shape == (32, 32)


def test_a_small_digit_on_a_big_photo_keeps_its_detail():
    sheet = np.full((3000, 4000, 3), 225, np.uint8)
    cv2.putText(sheet, "5", (3000, 2500), cv2.FONT_HERSHEY_SIMPLEX, 2, (30, 30, 120), 6, cv2.LINE_AA)
    assert likeness(digit_input(sheet), digit_input(sheet[2430:2530, 2980:3080])) > 0.97


def test_a_hairline_is_seen_from_afar():
    sheets = []
    for thickness in (2, 300):
        sheet = np.full((4096, 4096), 240, np.uint8)
        cv2.putText(sheet, "7", (900, 3200), cv2.FONT_HERSHEY_SIMPLEX, 110, 40, thickness, cv2.LINE_AA)
        sheets.append(digit_input(sheet))
    assert likeness(*sheets) > 0.9


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 3), (3, 3), (1, 3000), (8, 8), (50, 2)])
def test_pictures_of_a_few_pixels_answer_or_say_why(shape):
    generator = np.random.default_rng(0)
    for _ in range(20):
        try:
            result = digit_input(generator.integers(0, 256, shape).astype(np.uint8))
        except PictureError as error:
            assert "blank" in str(error)
        else:
            assert result.shape == (28, 28) and result.max() == 255


@pytest.mark.parametrize("cell", [1, 8, 300])
def test_a_16_megapixel_checkerboard_is_bounded(cell):
    board = ((np.indices((4096, 4096), np.uint16) // cell).sum(0) % 2 * 255).astype(np.uint8)
    try:
        assert digit_input(board).shape == (28, 28)
    except PictureError as error:
        assert "blank" in str(error) or "nothing stands out" in str(error)


def test_a_sheet_of_grain_is_refused():
    grain = np.random.default_rng(0).normal(190, 5, (400, 300)).astype(np.uint8)
    with pytest.raises(PictureError, match=r"nothing stands out|blank"):
        digit_input(grain)
