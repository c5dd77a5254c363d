"""Pictures of no class, and the part of a batch that they take."""

from itertools import islice

import numpy as np
import pytest

from inksight.config import TrainConfig
from inksight.data.dataset import Split
from inksight.data.synthetic.no_class import KINDS, outliers
from inksight.errors import UsageError
from inksight.training.batches import Batches


@pytest.fixture(scope="module")
def digits(mnist):
    return mnist.test.images[:120, ..., None]


def made(kind, images, seed=0):
    return KINDS[kind](images, np.random.default_rng(seed))


def batches(split, count=3, **choices):
    return list(islice(Batches(split, 10, TrainConfig(batch_size=40, **choices)), count))


def test_the_generator_decides_everything(digits):
    first, again, other = (outliers(digits, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("shape", [(30, 28, 28, 1), (30, 20, 24, 3), (1, 9, 7, 1)])
def test_as_many_come_as_went_in(shape):
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    before = images.copy()
    for make in (outliers, *KINDS.values()):
        result = make(images, np.random.default_rng(0))
        assert result.shape == shape and result.dtype == np.uint8
        assert np.array_equal(images, before)
    assert outliers(images[:0], np.random.default_rng(0)).shape == (0, *shape[1:])


@pytest.mark.parametrize("kind", KINDS)
def test_none_is_a_digit_that_came(digits, kind):
    result = made(kind, digits).reshape(len(digits), -1).astype(float)
    came = digits.reshape(len(digits), -1).astype(float)
    away = np.sqrt(((result[:, None] - came) ** 2).mean(axis=2))
    assert np.median(away.min(axis=1)) > 25 and away.min() > 5
    assert len(np.unique(result.round(), axis=0)) > 0.95 * len(result)
    assert not np.array_equal(made(kind, digits, seed=1), made(kind, digits))


@pytest.mark.parametrize("kind", ["pieces", "heaps", "pairs", "scribbles", "bars"])
def test_most_look_as_inked_as_digits(digits, kind):
    """A network must not know them by their mean brightness."""
    inked = (made(kind, digits) > 127).mean(axis=(1, 2, 3))
    assert 0.03 < np.median(inked) < 0.4
    assert (inked > 0.01).mean() > 0.95


@pytest.mark.parametrize("kind", ["scribbles", "bars"])
def test_drawn_ones_take_the_greys_of_the_picture(kind):
    images = np.full((20, 28, 28, 1), 60, np.uint8)
    images[:, 10:18, 10:18] = 210
    result = made(kind, images)
    assert result.min() == 60 and result.max() == 210
    assert ((result == 60).mean(axis=(1, 2, 3)) > 0.3).all()


def test_pieces_keep_every_pixel(digits):
    assert np.array_equal(
        np.sort(made("pieces", digits).reshape(len(digits), -1)), np.sort(digits.reshape(len(digits), -1))
    )


def test_heaps_lie_over_the_turned_picture(digits):
    assert (made("heaps", digits) >= digits[:, ::-1]).all()


def test_fields_go_from_plain_to_steep(digits):
    spans = np.ptp(made("fields", digits).astype(int), axis=(1, 2, 3))
    assert spans.min() < 40 and spans.max() == 255


def test_a_part_of_each_batch_is_answered_evenly(small_mnist):
    originals = {image.tobytes() for image in small_mnist.train.images}
    for batch, plain in zip(batches(small_mnist.train, outliers=0.25), batches(small_mnist.train), strict=True):
        strange = (batch.targets != plain.targets).any(axis=1)
        assert strange.sum() == 10
        assert (batch.targets[strange] == np.float32(0.1)).all() and batch.targets.dtype == np.float32
        assert not any(image.tobytes() in originals for image in batch.images[strange])
        assert np.array_equal(batch.images[~strange], plain.images[~strange])
        assert (np.sort(batch.targets[~strange])[:, -2:] == [0, 1]).all()
        np.testing.assert_allclose(batch.targets.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (0.01, 0), (0.02, 1), (0.5, 20)])
def test_the_share_is_rounded_to_pictures(small_mnist, share, count):
    for batch in batches(small_mnist.train, outliers=share):
        assert (batch.targets.max(axis=1) < 0.5).sum() == count


def test_the_seed_decides_them(small_mnist):
    first, again, other = (batches(small_mnist.train, outliers=0.5, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a.images, b.images) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].images, other[0].images)
    assert len({batch.images[:20].tobytes() for batch in first}) == 3, "no two batches have the same"


def test_their_weight_is_one_where_classes_are_weighed(small_mnist):
    train = small_mnist.train
    rare = Split(train.images[train.labels < 3], np.where(train.labels[train.labels < 3] == 2, 2, 0))
    for batch in batches(rare, class_weight="balanced", outliers=0.25):
        strange = batch.targets.max(axis=1) < 0.5
        assert strange.sum() == 10 and (batch.weights[strange] == 1).all()
        weights = np.where(
            batch.targets[~strange, 2] == 1, *(len(rare) / 10 / (rare.labels == c).sum() for c in (2, 0))
        )
        np.testing.assert_allclose(batch.weights[~strange], weights, rtol=1e-6)


def test_they_are_augmented_as_the_others_are(small_mnist):
    moved, still = (batches(small_mnist.train, outliers=0.5, rotation_deg=angle)[0].images for angle in (20.0, 0.0))
    assert (moved != still).any(axis=(1, 2, 3)).mean() > 0.9


def test_at_most_half_of_a_batch():
    with pytest.raises(UsageError, match="outliers is 0.6; a number from 0 to 0.5 was wanted"):
        TrainConfig(outliers=0.6)
