import numpy as np
import pytest

from inksight.config import TrainConfig, preset
from inksight.data.augment import affine_matrices, augment

STILL = TrainConfig()


def test_nothing_asked_for_changes_nothing(small_mnist):
    images = small_mnist.train.images[:50, ..., None]
    assert np.array_equal(augment(images, STILL, np.random.default_rng(0)), images)


def test_the_generator_decides_everything(small_mnist):
    images = small_mnist.train.images[:20, ..., None]
    config = preset("standard")
    first, again, other = (augment(images, config, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.shape == images.shape and first.dtype == np.uint8


def test_maps_stay_within_their_limits_and_never_mirror():
    config = preset("standard")
    matrices = affine_matrices(2000, (28, 28), config, np.random.default_rng(0))
    linear = matrices[:, :, :2]
    determinants = np.linalg.det(linear)
    assert determinants.min() > 0, "a negative determinant is a mirror image"
    low, high = (1 - config.scale) ** 2, (1 + config.scale) ** 2
    assert low <= determinants.min() and determinants.max() <= high
    centre = np.array([13.5, 13.5, 1.0])
    shifts = matrices @ centre - centre[:2]
    assert np.abs(shifts).max() <= config.shift_px
    assert np.abs(shifts).max() > 0.9 * config.shift_px


def test_rotation_alone_is_a_rotation():
    config = TrainConfig(rotation_deg=30.0)
    linear = affine_matrices(500, (28, 28), config, np.random.default_rng(0))[:, :, :2]
    np.testing.assert_allclose(linear @ linear.transpose(0, 2, 1), np.broadcast_to(np.eye(2), linear.shape), atol=1e-12)
    angles = np.rad2deg(np.arctan2(linear[:, 1, 0], linear[:, 0, 0]))
    assert 28 < np.abs(angles).max() <= 30


@pytest.mark.parametrize("ground", [0, 255])
def test_what_comes_in_at_the_border_is_the_ground(ground):
    images = np.full((64, 28, 28, 1), ground, np.uint8)
    images[:, 10:18, 10:18] = 255 - ground
    moved = augment(images, TrainConfig(shift_px=6.0, rotation_deg=20.0), np.random.default_rng(0))
    assert (moved[:, 0] == ground).all() and (moved[:, :, 0] == ground).all()


def test_colour_stays_colour():
    images = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 3), np.uint8)
    assert augment(images, preset("standard"), np.random.default_rng(0)).shape == images.shape
