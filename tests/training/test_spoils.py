"""Fourteen ways to spoil a picture, each by what it must and must not do."""

import numpy as np
import pytest

from inksight.config import TrainConfig
from inksight.data.augment import augment
from inksight.data.degrade import SPOILS, spoil
from inksight.data.synthetic.mnist_c import CORRUPTIONS, corrupt


def noise(count=60, shape=(28, 28, 1)):
    return np.random.default_rng(9).random((count, *shape), np.float32)


def spoiled(name, images, seed=0):
    return SPOILS[name](images, np.random.default_rng(seed))


def edges(images):
    return (np.diff(images, axis=1) ** 2).mean(axis=(1, 2, 3)), (np.diff(images, axis=2) ** 2).mean(axis=(1, 2, 3))


@pytest.fixture(scope="module")
def digits(mnist):
    return mnist.test.images[:200, ..., None]


@pytest.fixture(scope="module")
def corrupted(digits):
    return {name: corrupt(digits, name) / 255 for name in CORRUPTIONS}


def test_the_generator_decides_everything(digits):
    first, again, other = (spoil(digits, 0.7, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("share", "least", "most"), [(0, 0, 0), (0.5, 0.4, 0.6), (1, 0.97, 1)])
def test_a_share_of_the_pictures_is_spoiled(digits, share, least, most):
    before = digits.copy()
    result = spoil(digits, share, np.random.default_rng(0))
    assert np.array_equal(digits, before), "the pictures that came are left alone"
    assert result.shape == digits.shape and result.dtype == np.uint8
    assert least <= (result != digits).any(axis=(1, 2, 3)).mean() <= most


def test_training_spoils_after_its_other_changes(digits):
    result = augment(digits, TrainConfig(spoils=0.5), np.random.default_rng(0))
    assert 0.4 <= (result != digits).any(axis=(1, 2, 3)).mean() <= 0.6


@pytest.mark.parametrize("shape", [(28, 28, 1), (20, 24, 3), (8, 8, 1)])
@pytest.mark.parametrize("name", SPOILS)
def test_every_way_takes_every_picture(name, shape):
    images = noise(40, shape)
    before = images.copy()
    result = spoiled(name, images)
    assert np.array_equal(images, before)
    assert result.shape == images.shape and np.isfinite(result).all()
    kept = np.clip(result, 0, 1)
    assert (np.abs(kept - images).mean(axis=(1, 2, 3)) > 1 / 2550).mean() > 0.9
    assert np.array_equal(result, spoiled(name, images))
    assert np.abs(result - spoiled(name, images, seed=1)).mean() > 0.001
    numbers = spoil(np.rint(images * 255).astype(np.uint8), 1, np.random.default_rng(0))
    assert numbers.shape == images.shape and numbers.dtype == np.uint8


@pytest.mark.parametrize("name", ["soft", "shaken", "coarse", "wavy"])
def test_detail_goes_and_nothing_new_comes(name):
    for before, after in zip(edges(noise()), edges(spoiled(name, noise())), strict=True):
        assert (after < before).all()
    result = spoiled(name, noise())
    assert result.min() > -1e-5 and result.max() < 1 + 1e-5
    flat = np.full((20, 28, 28, 1), 0.3, np.float32)
    np.testing.assert_allclose(spoiled(name, flat), flat, atol=0.5 / 255)


def test_coarse_pictures_have_as_much_detail_as_half_the_pixels():
    distinct = [len(np.unique(image.round(5))) for image in spoiled("coarse", noise())]
    blocky = [count for count in distinct if count <= 0.72**2 * 784 + 30]
    assert 0.3 < len(blocky) / len(distinct) < 0.8, "the others are smooth between too few pixels"
    finest = np.abs(np.fft.fft2(spoiled("coarse", noise())[..., 0], axes=(1, 2))[:, 14, 14])
    assert np.median(finest) < 0.3 * np.median(np.abs(np.fft.fft2(noise()[..., 0], axes=(1, 2))[:, 14, 14]))


def test_noise_is_white_and_of_many_strengths():
    added = spoiled("noise", noise()) - noise()
    strengths = added.std(axis=(1, 2, 3))
    assert 0.04 < strengths.min() < 0.1 < 0.3 < strengths.max() < 0.43
    assert abs(added.mean()) < 0.01
    assert abs(np.corrcoef(added[:, :, 1:].ravel(), added[:, :, :-1].ravel())[0, 1]) < 0.02


def test_speckle_leaves_the_dark_alone(digits):
    images = digits / np.float32(255)
    result = spoiled("speckle", images)
    assert (result[images == 0] == 0).all()
    assert (result[images > 0.5] != images[images > 0.5]).mean() > 0.99


def test_specks_leave_most_pixels_alone():
    hit = (spoiled("specks", noise()) != noise()).mean(axis=(1, 2, 3))
    assert 0 < hit.min() < 0.08 and 0.18 < hit.max() < 0.31


def test_light_keeps_the_order_of_greys(digits):
    images = digits / np.float32(255)
    for image, result in zip(images, spoiled("light", images), strict=True):
        order = image.ravel().argsort(kind="stable")
        assert np.diff(result.ravel()[order]).min() > -1e-6
        assert all(np.ptp(result[image == grey]) < 1e-6 for grey in (0, image.max()))


def test_ground_lets_the_picture_through():
    alike = [
        np.corrcoef(image.ravel(), result.ravel())[0, 1]
        for image, result in zip(noise(), spoiled("ground", noise()), strict=True)
    ]
    assert min(alike) > 0.2 and max(alike) < 0.999
    flat = np.zeros((20, 28, 28, 1), np.float32)
    assert (np.ptp(spoiled("ground", flat), axis=(1, 2, 3)) > 0.05).all()


def test_negative_turns_what_it_changes():
    result = spoiled("negative", images := noise(200))
    changed = result != images
    np.testing.assert_allclose(result[changed], 1 - images[changed], atol=1e-6)
    shares = changed.mean(axis=(1, 2, 3))
    assert (shares > 0.99).mean() > 0.1, "some everywhere"
    assert ((shares > 0) & (shares < 0.95)).mean() > 0.4, "some in a part"


def test_erased_is_one_box_of_one_grey():
    greys = []
    for image, result in zip(noise(), spoiled("erased", noise()), strict=True):
        rows, columns = np.nonzero((image != result)[..., 0])
        box = result[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert len(rows) == box.size and np.ptp(box) == 0
        assert 4 <= box.shape[0] <= 11 and 4 <= box.shape[1] <= 11
        greys.append(box[0, 0, 0])
    assert np.ptp(greys) > 0.8


@pytest.mark.parametrize("name", ["blots", "strokes"])
def test_what_lies_over_it_is_of_one_grey_and_leaves_much_free(name):
    dark, bright = (np.full((100, 28, 28, 1), grey, np.float32) for grey in (0, 1))
    over_dark, over_bright = spoiled(name, dark), spoiled(name, bright)
    cover = 1 - (over_bright - over_dark)  # the same seed lays the same over both
    assert cover.min() > -1e-5 and cover.max() < 1 + 1e-5
    for pigment, part in zip(over_dark, cover, strict=True):
        if (part > 0.3).any():
            assert np.ptp(pigment[part > 0.3] / part[part > 0.3]) < 1e-3
    covered = (cover > 0.01).mean(axis=(1, 2, 3))
    assert np.median(covered) < 0.5 and (covered > 0).mean() > 0.9


def test_outline_empties_what_is_even():
    images = np.zeros((20, 28, 28, 1), np.float32)
    images[:, 8:20, 8:20] = 0.8
    result = spoiled("outline", images)
    assert (result[:, 10:18, 10:18] == 0).all() and (result[:, :6] == 0).all()
    assert (result.max(axis=(1, 2, 3)) > 0.79).all()


def test_none_is_named_as_one_that_measures():
    assert len(SPOILS) >= 10 and not set(SPOILS) & set(CORRUPTIONS)


@pytest.mark.parametrize("name", SPOILS)
def test_none_makes_what_one_that_measures_makes(digits, corrupted, name):
    ours = np.clip(spoiled(name, digits / np.float32(255)), 0, 1)
    away = {other: np.abs(ours - theirs).mean() for other, theirs in corrupted.items()}
    assert min(away.values()) > 0.03, away
