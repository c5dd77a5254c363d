"""Composed pictures: made from real digits by a seed, legible in polarity and pen, and outliers that show no digit."""

import string

import cv2
import numpy as np
import pytest

from inksight.data.synthetic.composed import KINDS, LETTERS, OUTLIERS, canvas, compose, number, outlier, photo
from inksight.data.synthetic.composed.canvas import drawn, field, strokes, thinned
from inksight.data.synthetic.composed.outliers import LIKE_DIGITS, SIZES_PX, SYMBOLS, fonts, letter_cover
from inksight.data.synthetic.composed.paper import SIDES_PX
from inksight.errors import UsageError


def made(mnist, kind, count=12, seed=0):
    return compose(kind, mnist.test.images, mnist.test.labels, count, seed)


def ink_of(picture: np.ndarray) -> np.ndarray:
    """Where a clean picture is nearer to its ink than to its ground, the colour of most pixels: bool (h, w)."""
    pixels = picture.reshape(*picture.shape[:2], -1).astype(int)
    ground = [np.bincount(plane.ravel()).argmax() for plane in np.moveaxis(pixels, 2, 0)]
    away = np.abs(pixels - ground).sum(axis=2)
    return away > away.max() / 2


def pieces(mask: np.ndarray) -> int:
    """Connected pieces of more than a few pixels."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return int((stats[1:, cv2.CC_STAT_AREA] > 3).sum())


SLOW_KINDS = ("number", "touching", "photo")


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow) if kind in SLOW_KINDS else kind for kind in KINDS]
)
def test_a_seed_decides_every_picture(mnist, kind):
    pictures, texts = made(mnist, kind, count=5)
    again, same = made(mnist, kind, count=3)
    others, _ = made(mnist, kind, count=5, seed=1)
    assert texts[:3] == same and len(texts) == len(pictures) == 5
    assert all(np.array_equal(a, b) for a, b in zip(pictures, again, strict=False))
    assert not any(np.array_equal(a, b) for a, b in zip(pictures, others, strict=True)) or kind == "blank"
    for picture in pictures:
        assert picture.dtype == np.uint8 and picture.flags.c_contiguous
        assert picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)


@pytest.mark.slow
def test_texts_say_what_is_shown(mnist):
    assert all(len(text) == 1 and text.isdigit() for kind in ("canvas", "photo") for text in made(mnist, kind, 4)[1])
    lengths = {len(text) for text in made(mnist, "touching", 12)[1]}
    assert lengths <= set(range(2, 11)) and len(lengths) > 3
    assert {len(text) for text in made(mnist, "pair", 12)[1]} == {2}
    assert all(text == "" for kind in OUTLIERS for text in made(mnist, kind, 2)[1])
    sevens = mnist.test.labels == 7
    _, texts = compose("number", mnist.test.images[sevens], mnist.test.labels[sevens], 3)
    assert all(set(text) == {"7"} for text in texts)


def test_an_unknown_kind_says_what_there_is(mnist):
    with pytest.raises(UsageError, match='no kind of picture "photos". Did you mean photo\\? Known: blank, canvas'):
        made(mnist, "photos")
    with pytest.raises(UsageError, match='no kind of outlier "noises". Did you mean noise\\?'):
        outlier("noises", np.random.default_rng(0))


@pytest.mark.slow
def test_a_centre_line_is_that_of_scikit_image(mnist):
    morphology = pytest.importorskip("skimage.morphology")
    for digit in mnist.test.images[:20]:
        mask = cv2.resize(digit, (112, 112), interpolation=cv2.INTER_CUBIC) > 100
        ours, theirs = thinned(mask), morphology.skeletonize(mask, method="zhang")
        near = [cv2.dilate(line.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0 for line in (ours, theirs)]
        assert (ours & near[1]).sum() > 0.92 * ours.sum() and (theirs & near[0]).sum() > 0.92 * theirs.sum()


def test_strokes_keep_the_digits_shape(mnist):
    """Redrawn as thick as it was, a digit covers its old ink."""
    alike = []
    for digit in mnist.test.images[:100]:
        rows, columns = (np.flatnonzero(digit.max(axis=axis) > 100) for axis in (1, 0))
        ink = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        again = drawn(strokes(digit), len(ink) - 2.5, 2.5)
        again = cv2.resize(again[1:-1, 1:-1], ink.shape[::-1], interpolation=cv2.INTER_AREA)
        alike.append(np.corrcoef(again.ravel(), ink.ravel())[0, 1])
    assert np.median(alike) > 0.8 and np.mean(np.array(alike) > 0.6) > 0.95


@pytest.mark.parametrize("width", [0.02, *(pytest.param(each, marks=pytest.mark.slow) for each in (0.05, 0.1, 0.2))])
def test_a_pen_is_as_wide_as_asked(mnist, width):
    seven = mnist.test.images[0]  # no loop, no blob
    for seed in range(6):
        picture = canvas(seven, np.random.default_rng(seed), width=width, size=900, share=0.8)
        mask = ink_of(picture)
        _, marks, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        mask = marks == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()  # no frame, no stray dot
        away = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
        height = np.ptp(np.flatnonzero(mask.any(axis=1))) + 1
        assert 2 * np.median(away[thinned(mask)]) / height == pytest.approx(width, rel=0.15, abs=0.004)
        assert picture.shape[0] == 900 and height == pytest.approx(0.8 * 900, rel=0.05)


@pytest.mark.slow
def test_canvases_hold_ink_of_both_polarities_and_many_sizes(mnist):
    pictures, _ = made(mnist, "canvas", 60)
    masks = [ink_of(picture) for picture in pictures]
    assert all(mask.any() for mask in masks)
    grey = [picture if picture.ndim == 2 else picture.mean(axis=2) for picture in pictures]
    darker = [g[mask].mean() < g[~mask].mean() for g, mask in zip(grey, masks, strict=True)]
    assert 0.3 < np.mean(darker) < 0.85
    heights = [len(picture) for picture in pictures]
    assert min(heights) >= 28 and max(heights) <= 1200 and len(set(heights)) > 20
    assert {picture.ndim for picture in pictures} == {2, 3}


@pytest.mark.slow
def test_photographs_hold_ink_that_stands_out(mnist):
    pictures, _ = made(mnist, "photo", 25)
    for picture in pictures:
        assert SIDES_PX[0] <= max(picture.shape) <= SIDES_PX[1]
        grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        ground = cv2.medianBlur(cv2.resize(grey, (200, 200), interpolation=cv2.INTER_AREA), 61)
        assert np.abs(cv2.resize(grey, (200, 200)).astype(int) - ground).max() > 25
    assert len({picture.shape for picture in pictures}) == 25


def test_photographs_differ_for_one_digit(mnist):
    generator = np.random.default_rng(0)
    pictures = [photo(mnist.test.images[0], generator) for _ in range(12)]
    means = [picture.mean() for picture in pictures]
    assert np.ptp(means) > 60
    assert {picture.shape[0] > picture.shape[1] for picture in pictures} == {True, False}


@pytest.mark.slow
def test_digits_apart_stay_apart_and_touching_ones_touch(mnist):
    for seed in range(8):
        generator = np.random.default_rng(seed)
        length = int(generator.integers(2, 8))
        digits = mnist.test.images[generator.integers(0, 10000, length)]
        apart = number(digits, np.random.default_rng(seed), clean=True)
        together = number(digits, np.random.default_rng(seed), touching=True, clean=True)
        detached = sum(pieces(drawn(strokes(digit), 180, 15) > 0.5) - 1 for digit in digits)
        assert pieces(ink_of(apart)) >= length
        assert pieces(ink_of(together)) <= 1 + detached < length + detached
        assert together.shape[1] > together.shape[0] * length / 20


@pytest.mark.slow
def test_numbers_come_photographed_or_clean(mnist):
    generator = np.random.default_rng(0)
    levels = [len(np.unique(number(mnist.test.images[:3], generator))) > 150 for _ in range(12)]
    assert 2 < sum(levels) < 12


@pytest.mark.parametrize("kind", OUTLIERS)
def test_outliers_have_the_sizes_and_the_content(kind):
    generator = np.random.default_rng(0)
    pictures = [outlier(kind, generator) for _ in range(40)]
    assert all(SIZES_PX[0] <= min(picture.shape[:2]) for picture in pictures)
    assert all(max(picture.shape[:2]) <= 2 * SIZES_PX[1] for picture in pictures)
    spans = np.array([np.ptp(cv2.medianBlur(picture, 3).astype(int)) for picture in pictures])
    if kind == "blank":
        assert spans.max() < 16
    else:
        assert np.median(spans) > 60
    means = [picture.mean() for picture in pictures]
    assert min(means) < 80 and max(means) > 150


def test_letters_are_none_that_reads_as_a_digit():
    assert not set(LETTERS) & set("OoQDIiJjlZzSsBbGgq")
    assert set(LETTERS) | set("".join(LIKE_DIGITS.values())) == set(string.ascii_letters)
    assert len(LETTERS) > 30


def test_every_font_draws_every_letter():
    assert len(fonts()) > 12
    for font in fonts():
        shapes = {letter: letter_cover(letter, font) for letter in "AMWx"}
        assert all(100 < cover.shape[0] < 500 and cover.max() > 0.9 for cover in shapes.values()), font
        assert len({cover.tobytes() for cover in shapes.values()}) == 4, font


def test_signs_are_drawn_by_their_strokes():
    for lines in SYMBOLS.values():
        assert all(line.ndim == 2 and line.shape[1] == 2 and len(line) > 10 for line in lines)


def test_a_field_is_smooth_and_of_its_shape():
    hills = field((90, 140), 20, np.random.default_rng(0))
    assert hills.shape == (90, 140) and hills.dtype == np.float32
    assert 0.4 < hills.std() < 1.2
    assert np.abs(np.diff(hills, axis=1)).mean() < 0.1 * hills.std() * 2
