"""Light, channel and polarity."""

import cv2
import numpy as np
import pytest

from inksight.errors import PictureError
from inksight.imaging.paper import ink_plane, light_paper, quantile, shrunk


def five(ground, ink, thickness=14):
    """A 5 on a 200×200 sheet in RGB or grey."""
    channels = np.size(ground)
    sheet = np.empty((200, 200, 3) if channels == 3 else (200, 200), np.uint8)
    sheet[:] = ground
    return cv2.putText(sheet, "5", (55, 145), cv2.FONT_HERSHEY_SIMPLEX, 4.5, ink, thickness, cv2.LINE_AA)


MASK = five(0, 255) > 127


@pytest.mark.parametrize(("low", "high"), [(251, 251), (249, 251), (0, 15)])
def test_a_blank_picture_says_so(low, high):
    sheet = np.full((60, 80), low, np.uint8)
    sheet[10:20] = high
    with pytest.raises(
        PictureError, match=rf"the picture is blank: its darkest and lightest pixels differ by {high - low} of 255\."
    ):
        light_paper(sheet)


@pytest.mark.parametrize(
    ("ground", "ink"),
    [
        (255, 0),
        (0, 255),
        (200, 120),
        (60, 160),
        ((255, 255, 255), (0, 0, 0)),
        ((255, 255, 250), (250, 235, 60)),  # yellow pen: luma hardly sees it
        ((230, 230, 230), (190, 60, 200)),
        ((30, 90, 40), (240, 240, 230)),  # chalk
        ((200, 60, 60), (60, 120, 60)),  # green on red of the same luma
        ((250, 200, 200), (200, 30, 30)),
    ],
)
def test_finds_ink_of_any_colour_on_any_ground(ground, ink):
    plane = ink_plane(light_paper(five(ground, ink)).grey)
    strong = plane > plane.max() / 2
    assert (strong == MASK).mean() > 0.99
    assert np.median(plane[~MASK]) == 0


def test_even_paper_keeps_exact_greys(mnist):
    for image in mnist.test.images[:50]:
        assert np.array_equal(ink_plane(light_paper(image).grey), image)
        assert np.array_equal(ink_plane(light_paper(255 - image).grey), image)


@pytest.mark.parametrize("light", ["slope", "edge", "vignette"])
@pytest.mark.parametrize("chalk", [False, True])
def test_divides_uneven_light_out(light, chalk):
    rows, columns = np.indices((200, 200)) / 200
    gain = {
        "slope": 0.4 + 0.6 * columns,
        "edge": np.where(rows + columns > 1, 1, 0.55),
        "vignette": 1 - 0.9 * ((rows - 0.5) ** 2 + (columns - 0.5) ** 2),
    }[light]
    sheet = five(*((90, 245) if chalk else (230, 60)))
    plane = ink_plane(light_paper((sheet * gain).astype(np.uint8)).grey)
    assert plane[MASK].mean() > 4 * plane[~MASK].mean()
    assert np.quantile(plane[MASK], 0.1) > np.quantile(plane[~MASK], 0.9)


def test_a_tight_crop_keeps_its_polarity(mnist):
    right = 0
    for image in mnist.test.images[:300]:
        rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
        crop = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        right += np.array_equal(light_paper(255 - crop).grey, 255 - crop) and np.array_equal(
            light_paper(crop).grey, 255 - crop
        )
    assert right >= 297


def test_shrunk_keeps_what_fits_and_bounds_the_rest():
    sheet = np.zeros((100, 50), np.uint8)
    assert shrunk(sheet, 100) is sheet
    assert shrunk(sheet, 20).shape == (20, 10)
    assert shrunk(np.zeros((1, 5000, 3), np.uint8), 100).shape == (1, 100, 3)


def test_quantile_against_sorting():
    values = np.random.default_rng(0).integers(0, 256, 1001).astype(np.uint8)
    ordered = sorted(values.tolist())
    assert [quantile(values, share) for share in (0, 0.5, 0.9, 1)] == [
        ordered[0],
        ordered[500],
        ordered[900],
        ordered[-1],
    ]


def bounded(image, generator, share, shape=(320, 420), reach=0.5):
    """A digit's cover, 0–1, `share` of the picture high, anywhere in the left `reach` of it that has room."""
    side = round(share * 0.95 * min(shape[0], reach * 2 * shape[1]) * 28 / 20)  # MNIST's ink is 20 of 28 pixels
    cover = np.zeros(shape, np.float32)
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    tight = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = side / 28
    digit = np.clip(cv2.resize(tight, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC) / 255.0, 0, 1)
    height, width = digit.shape
    top = int(generator.integers(0, max(1, shape[0] - height)))
    left = int(generator.integers(0, max(1, shape[1] - width)))
    cover[top : top + height, left : left + width] = digit[: shape[0] - top, : shape[1] - left]
    return cover


def slope(shape, generator):
    """From 0 to 1 across the picture in any direction."""
    angle = generator.uniform(0, 2 * np.pi)
    rows, columns = np.indices(shape)
    place = np.cos(angle) * columns + np.sin(angle) * rows
    return (place - place.min()) / np.ptp(place)


def taken(sheet, generator):
    """Out of focus, grain, bytes."""
    soft = cv2.GaussianBlur(sheet.astype(np.float32), (0, 0), generator.uniform(0.5, 1.5))
    return np.clip(soft + generator.normal(0, generator.uniform(1, 5), sheet.shape), 0, 255).astype(np.uint8)


def half_in_shadow(image, generator):
    cover = bounded(image, generator, generator.uniform(0.1, 0.9))
    edge = 1 / (1 + np.exp(-(slope(cover.shape, generator) - 0.5) / generator.uniform(0.005, 0.08)))
    light = generator.uniform(150, 245) * (1 - generator.uniform(0.3, 0.6) * edge)
    return taken(light * (1 - generator.uniform(0.6, 0.9) * cover), generator), True


def on_a_dark_table(image, generator, least=0.1, most=0.9):
    cover = bounded(image, generator, generator.uniform(least, most), (320, 260))
    sheet = generator.uniform(170, 240) * (1 - generator.uniform(0.6, 0.9) * cover)
    table = np.full((320, 173), generator.uniform(25, 80))  # 40 %
    turns = int(generator.integers(0, 4))
    return taken(np.rot90(np.concatenate([sheet, table], axis=1), turns), generator), True


def small_on_a_dark_table(image, generator):
    return on_a_dark_table(image, generator, 0.1, 0.2)


def chalk(image, generator):
    cover = bounded(image, generator, generator.uniform(0.1, 0.9))
    board = generator.uniform(35, 90) * (1 - generator.uniform(0.2, 0.6) * slope(cover.shape, generator))
    return taken(board + generator.uniform(90, 150) * cover, generator), False


def of_any_size(image, generator):
    cover = bounded(image, generator, generator.uniform(0.1, 0.9))
    ground, ink = generator.uniform(150, 245), generator.uniform(20, 80)
    dark = bool(generator.random() < 0.5)
    light = 1 - generator.uniform(0, 0.4) * slope(cover.shape, generator)
    sheet = taken((ground + (ink - ground) * cover) * light, generator)
    return (sheet if dark else ~sheet), dark


@pytest.mark.parametrize("make", [half_in_shadow, on_a_dark_table, small_on_a_dark_table, chalk, of_any_size])
def test_polarity_of_photos(mnist, make):
    """Of each 100 cases at least 95 are turned so that the paper is light, or left where it is."""
    right = 0
    for index, image in enumerate(mnist.test.images[:100]):
        picture, dark = make(image, np.random.default_rng([7, index]))
        right += np.array_equal(light_paper(picture).grey, picture if dark else ~picture)
    assert right >= 95


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("table_share", [0.5, 0.7])
def test_a_dark_grainy_table_beside_the_paper_is_no_ink(turns, table_share):
    generator = np.random.default_rng(3)
    sheet = np.full((400, 600), 225, np.uint8)
    cv2.putText(sheet, "5", (500, 250), cv2.FONT_HERSHEY_SIMPLEX, 3, 70, 7, cv2.LINE_AA)
    ink = sheet < 150
    table = np.indices(sheet.shape)[1] < table_share * 600 + 0.1 * np.indices(sheet.shape)[0]
    grain = cv2.GaussianBlur(generator.normal(0, 60, sheet.shape), (0, 0), 3)
    sheet = np.rot90(cv2.GaussianBlur(np.where(table, 40 + grain, sheet), (0, 0), 1), turns).clip(0, 255)
    picture = (sheet + generator.normal(0, 2, sheet.shape)).clip(0, 255).astype(np.uint8)
    paper = light_paper(picture).grey
    assert np.array_equal(paper, picture)
    plane = np.rot90(ink_plane(paper), -turns)
    beside = cv2.dilate(table.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert np.quantile(plane[beside], 0.999) < np.quantile(plane[ink], 0.5) / 2


@pytest.mark.parametrize("inverted", [False, True])
def test_thick_strokes_round_small_holes_on_an_even_canvas(inverted):
    canvas = np.full((36, 40), 255, np.uint8)
    for centre in ((13, 20), (20, 9)):
        cv2.circle(canvas, centre, 6, 0, 7, cv2.LINE_AA)
        cv2.circle(canvas, centre, 2, 255, -1, cv2.LINE_AA)
    assert np.array_equal(light_paper(~canvas if inverted else canvas).grey, canvas)
