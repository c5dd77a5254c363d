import numpy as np
import pytest

from inksight.errors import UsageError
from inksight.models import build
from inksight.models.whitening import whiten_first_layer, whitened_kernel


def answers(images, kernel, stride):
    """What the filters say of every patch with something on it: float (patches, filters)."""
    size = kernel.shape[0]
    windows = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, kernel[..., 0].size)
    patches = patches[np.ptp(patches, axis=1) > 0].astype(np.float64) / 255
    return patches @ kernel.reshape(-1, kernel.shape[3])


@pytest.mark.parametrize("colour", [False, True])
def test_its_answers_are_uncorrelated_and_at_most_of_variance_one(mnist, colour):
    images = mnist.train.images[:500, ..., None]
    if colour:
        images = np.concatenate([images, 255 - images[:, ::-1], images[:, :, ::-1]], axis=3)
    kernel = whitened_kernel(images, 5, 16, 2)
    assert kernel.shape == (5, 5, images.shape[3], 16) and kernel.dtype == np.float32
    np.testing.assert_allclose(kernel[..., :8], -kernel[..., 8:])
    covariance = np.cov(answers(images, kernel[..., :8], 2).T)
    variances = np.diag(covariance)
    assert np.abs(covariance - np.diag(variances)).max() < 1e-3
    assert (variances <= 1).all() and (np.diff(variances) <= 1e-6).all() and variances[0] > 0.9


def test_the_first_layer_is_set_and_frozen(mnist):
    model = build("strided", (28, 28, 1), 10, {}, seed=0)
    whiten_first_layer(model, mnist.train.batch)
    layer = model.get_layer("convolution_1")
    assert not layer.trainable
    assert [v.path for v in model.trainable_variables if "convolution_1" in v.path] == []
    again = build("strided", (28, 28, 1), 10, {}, seed=9)
    whiten_first_layer(again, mnist.train.batch)
    np.testing.assert_array_equal(layer.get_weights()[0], again.get_layer("convolution_1").get_weights()[0])


@pytest.mark.parametrize("filters", [15, 52])
def test_filters_that_cannot_be_are_refused(filters):
    images = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 1), np.uint8)
    with pytest.raises(UsageError, match=f"at most 50 for 5×5 patches of 1 channel.*; {filters} came"):
        whitened_kernel(images, 5, filters, 2)


@pytest.mark.parametrize("shades", [[7, 7], [0, 90, 255]])
def test_plain_pictures_have_brightness_only(shades):
    """Sorting dark from light is a task too: the first direction, and no other, sees it."""
    images = np.ones((len(shades), 28, 28, 1), np.uint8) * np.array(shades, np.uint8)[:, None, None, None]
    kernel = whitened_kernel(images, 5, 16, 2)
    assert np.isfinite(kernel).all()
    seen = np.ptp(kernel[..., :8].reshape(25, 8).sum(0)[:, None] * np.array(shades), axis=1)
    assert (seen[1:] < 0.01 * max(shades)).all() and (seen[0] > 1) == (len(set(shades)) > 1)
