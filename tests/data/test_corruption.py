"""MNIST-C on real digits: against scikit-image where it has the operation, and against what each row promises."""

import numpy as np
import pytest

from inksight.data.synthetic.mnist_c import CORRUPTIONS, corrupt
from inksight.errors import UsageError


@pytest.fixture(scope="module")
def digits(mnist) -> np.ndarray:
    return mnist.test.images[:200]


def test_there_are_the_fifteen_of_the_paper():
    assert len(CORRUPTIONS) == 15


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_seed_and_a_place_decide_a_picture(digits, name):
    spoiled = corrupt(digits, name, seed=3)
    assert spoiled.dtype == np.uint8 and spoiled.shape == digits.shape
    assert np.array_equal(spoiled, corrupt(digits[..., None], name, seed=3)[..., 0])
    assert (spoiled != digits).any(axis=(1, 2)).mean() > 0.99, "hardly a picture stays as it was"
    with_chance = name not in ("scale", "brightness", "stripe", "canny_edges")
    assert np.array_equal(spoiled, corrupt(digits, name, seed=4)) != with_chance


@pytest.mark.slow
def test_edges_are_those_of_scikit_image(digits):
    feature = pytest.importorskip("skimage.feature")
    expected = np.stack([feature.canny(digit / 255.0) for digit in digits])
    assert np.array_equal(corrupt(digits, "canny_edges") > 0, expected)


def warped(digit: np.ndarray, **change) -> np.ndarray:
    """What the paper's code does: scikit-image pulls the picture through a map, its centre held."""
    transform = pytest.importorskip("skimage.transform")
    linear = transform.AffineTransform(**change).params[:2, :2]
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = linear, 13.5 - linear @ [13.5, 13.5]
    return 255 * transform.warp(digit / 255.0, inverse_map=transform.AffineTransform(matrix))


@pytest.mark.parametrize(
    "name, candidates",
    [
        ("rotate", [{"rotation": 0.4}, {"rotation": -0.4}]),
        ("scale", [{"scale": (1 / 0.7, 1 / 0.7)}]),
    ],
)
@pytest.mark.slow
def test_maps_are_those_of_scikit_image(digits, name, candidates):
    for digit, spoiled in zip(digits, corrupt(digits, name), strict=True):
        differences = [np.abs(warped(digit, **each) - spoiled).mean() for each in candidates]
        assert min(differences) < 1


@pytest.mark.slow
def test_a_shear_slants_by_its_angle(digits):
    """The paper's matrix is written out: scikit-image has changed what its `shear` means since."""
    transform = pytest.importorskip("skimage.transform")
    for digit, spoiled in zip(digits, corrupt(digits, "shear"), strict=True):
        differences = []
        for angle in (0.4, -0.4):
            matrix = np.array([[1, -np.sin(angle), 0], [0, np.cos(angle), 0], [0, 0, 1]])
            matrix[:2, 2] = 13.5 - matrix[:2, :2] @ [13.5, 13.5]
            expected = 255 * transform.warp(digit / 255.0, inverse_map=transform.AffineTransform(matrix))
            differences.append(np.abs(expected - spoiled).mean())
        assert min(differences) < 1


def test_a_translation_is_three_pixels_both_ways(digits):
    ways = set()
    padded = np.pad(digits, ((0, 0), (3, 3), (3, 3)))
    for index, spoiled in enumerate(corrupt(digits, "translate")):
        for way in [(0, 0), (0, 6), (6, 0), (6, 6)]:
            if np.array_equal(padded[index, way[0] : way[0] + 28, way[1] : way[1] + 28], spoiled):
                ways.add(way)
                break
        else:
            pytest.fail(f"picture {index} went elsewhere")
    assert len(ways) == 4


def test_noise_has_the_strength_it_should(digits):
    shot = corrupt(digits, "shot_noise").astype(float)
    assert set(np.unique(shot)) == {0.0, 85.0, 170.0, 255.0}
    bright = digits == 255
    assert shot[bright].mean() == pytest.approx(
        255 / 3 * np.minimum(np.random.default_rng(0).poisson(3, 10**6), 3).mean(), rel=0.02
    )
    impulse = corrupt(digits, "impulse_noise")
    assert (impulse[digits == 0] == 255).mean() == pytest.approx(0.085, abs=0.005)
    assert (impulse[bright] == 0).mean() == pytest.approx(0.085, abs=0.03)


@pytest.mark.slow
def test_blurs_keep_the_ink(digits):
    """What is smeared is still there, as far as it stays on the picture."""
    for name in ("glass_blur", "motion_blur"):
        spoiled = corrupt(digits, name).astype(float)
        assert spoiled.sum(axis=(1, 2)) == pytest.approx(digits.sum(axis=(1, 2), dtype=float), rel=0.15)
        assert spoiled.max() < 256 and spoiled.max(axis=(1, 2)).mean() < 250
    filters = pytest.importorskip("skimage.filters")
    twice = np.stack([filters.gaussian(digit / 255.0, sigma=0.7) for digit in digits])
    twice = np.stack([filters.gaussian(each, sigma=0.7) for each in twice]) * 255
    assert np.abs(corrupt(digits, "glass_blur") - twice).mean() < 12, "a blur twice over, but for the swaps"


def test_brightness_stripes_and_fog(digits):
    assert np.abs(corrupt(digits, "brightness") - np.minimum(digits + 127.5, 255)).max() <= 1
    stripes = corrupt(digits, "stripe")
    assert np.array_equal(stripes[:, :, 7:21], digits[:, :, 7:21])
    assert np.array_equal(stripes[:, :, 21:], 255 - digits[:, :, 21:])
    assert np.array_equal(stripes[:, :, :7], 255 - digits[:, :, :7])
    fog = corrupt(digits, "fog").astype(float)
    assert 80 < fog.mean() < 130 and fog.std(axis=0).mean() > 15
    ink, paper = fog[digits == 255].mean(), fog[digits == 0].mean()
    assert ink - paper == pytest.approx(255 / 4, abs=12), "the ink keeps a quarter of its contrast, on uneven fog"


def test_lines_add_ink_and_take_none_away(digits):
    for name, least in (("dotted_line", 10), ("zigzag", 20)):
        spoiled = corrupt(digits, name)
        assert (spoiled >= digits).all()
        added = (spoiled > digits.astype(int) + 100).sum(axis=(1, 2))
        assert added.mean() > least and (added > 0).mean() > 0.9
    columns = (corrupt(np.zeros((50, 28, 28), np.uint8), "dotted_line") > 0).any(axis=(0, 1))
    assert columns.tolist() == [False, False, True, True] * 6 + [False, False, True, False]


def test_what_it_does_not_take_is_said():
    with pytest.raises(UsageError, match='no corruption "fogg". Did you mean fog'):
        corrupt(np.zeros((1, 28, 28), np.uint8), "fogg")
    with pytest.raises(UsageError, match=r"pictures of shape \(1, 32, 32\) and type uint8 came; MNIST-C is made for"):
        corrupt(np.zeros((1, 32, 32), np.uint8), "fog")
