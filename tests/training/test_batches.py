from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from inksight.config import TrainConfig, preset
from inksight.data.dataset import Split
from inksight.training.batches import Batches, class_weights, with_moves
from inksight.training.session import chosen
from inksight.training.together import Alone


def marked(count: int) -> Split:
    """Pictures whose pixels spell their own index."""
    images = np.zeros((count, 8, 8), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.arange(count) % 256, np.arange(count) // 256
    return Split(images, np.arange(count) % 3)


def indices(batch) -> np.ndarray:
    return batch.images[:, 0, 0, 0].astype(int) + 256 * batch.images[:, 0, 1, 0].astype(int)


def test_an_epoch_shows_each_picture_once_with_its_own_label():
    batches = Batches(marked(600), 3, TrainConfig(batch_size=50))
    epoch = list(islice(batches, batches.per_epoch))
    seen = np.concatenate([indices(batch) for batch in epoch])
    assert sorted(seen) == list(range(600))
    assert all(np.array_equal(batch.targets.argmax(1), indices(batch) % 3) for batch in epoch)


def test_each_epoch_has_its_own_order():
    batches = Batches(marked(100), 3, TrainConfig(batch_size=100))
    first, second = islice(batches, 2)
    assert not np.array_equal(indices(first), indices(second))


def test_the_seed_decides_order_and_augmentation(small_mnist):
    def stream(seed):
        return list(islice(Batches(small_mnist.train, 10, TrainConfig(seed=seed, batch_size=64, rotation_deg=9.0)), 3))

    first, again, other = stream(1), stream(1), stream(2)
    assert all(np.array_equal(a.images, b.images) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].images, other[0].images)


def test_augmentation_can_be_switched_off_on_the_way(small_mnist):
    batches = Batches(small_mnist.train, 10, preset("standard"))
    originals = {image.tobytes() for image in small_mnist.train.images}
    stream = iter(batches)
    assert not all(image.tobytes() in originals for image in next(stream).images)
    batches.end_augmentation()
    late = list(islice(stream, 10))[-1]
    assert all(image.tobytes() in originals for image in late.images)


class OneOfFour(Alone):
    """As one of four processes sees a batch."""

    def __init__(self, rank):
        self.rank, self.count = rank, 4

    def share(self, count):
        return slice(self.rank * count // 4, (self.rank + 1) * count // 4)


@pytest.mark.parametrize("recipe", ["quick", "standard", "robust"])
def test_the_parts_of_a_batch_make_the_whole(small_mnist, recipe):
    config = preset(recipe)
    whole = list(islice(Batches(small_mnist.train, 10, config), 3))
    parts = [list(islice(Batches(small_mnist.train, 10, config, OneOfFour(rank)), 3)) for rank in range(4)]
    for number, batch in enumerate(whole):
        mine = [stream[number] for stream in parts]
        assert [len(part.images) for part in mine] == [32] * 4
        for name in ("images", "targets", "weights"):
            joined = np.concatenate([getattr(part, name) for part in mine])
            np.testing.assert_array_equal(joined, getattr(batch, name))


def test_a_small_set_that_is_repeated_is_moved_and_no_other(small_mnist):
    """2,000 pictures of 100 a step: 80 steps show each four times."""
    base = TrainConfig(batch_size=100, small_sets="moved")

    def changed(**choices):
        batches = Batches(small_mnist.train, 10, replace(base, **choices))
        plain = Batches(small_mnist.train, 10, replace(base, **choices, small_sets="plain"))
        return any(
            not np.array_equal(one.images, other.images) for one, other in islice(zip(batches, plain, strict=False), 3)
        )

    assert changed(epochs=1, least_steps=80)
    assert not changed(epochs=1, least_steps=79)
    assert changed(epochs=4) and not changed(epochs=3)
    assert not changed(epochs=4, shift_px=1.0)  # who chooses an augmentation has that one
    quick = preset("quick")
    assert with_moves(quick, 11_263) is not quick and with_moves(quick, 11_264) is quick
    assert with_moves(replace(quick, epochs=10), 51_000).augments is False  # all of MNIST comes as it did
    assert chosen(quick, {"rotation_deg": 0.0}).small_sets == "plain"


def test_a_batch_is_never_larger_than_the_set():
    batches = Batches(marked(10), 3, TrainConfig(batch_size=256))
    assert (batches.batch_size, batches.per_epoch) == (10, 1)


def test_balanced_weights_give_every_class_the_same_say():
    labels = np.array([0] * 90 + [1] * 9 + [2])
    weights = class_weights(labels, 3, "balanced")
    totals = [weights[c] * (labels == c).sum() for c in range(3)]
    assert totals == pytest.approx([100 / 3] * 3)
    assert class_weights(labels, 3, "none").tolist() == [1, 1, 1]


def test_half_of_the_pictures_of_no_class_are_those_that_the_set_brings():
    others = np.full((3, 8, 8), 77, np.uint8)
    split = Split(np.zeros((64, 8, 8), np.uint8), np.arange(64) % 4)
    config = TrainConfig(batch_size=32, outliers=0.25)
    batch = next(iter(Batches(split, 4, config, others=others)))
    brought = (batch.images == 77).all(axis=(1, 2, 3))
    assert brought.sum() == 4
    evenly = (batch.targets == 0.25).all(axis=1)
    assert evenly.sum() == 8 and evenly[brought].all()
