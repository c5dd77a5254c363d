from itertools import islice

import numpy as np
import pytest

from inksight.data.dataset import Split
from inksight.training.batches import Batches
from inksight.training.config import TrainConfig
from inksight.training.pruning import Pruning

LOSSES = np.array([0.1] * 60 + [0.2] * 20 + [3.0] * 20, np.float32)  # the mean is 0.7: eighty are easy


def informed(skip_easy: float, losses: np.ndarray = LOSSES) -> Pruning:
    pruning = Pruning(len(losses), skip_easy)
    pruning.learn(np.arange(len(losses)), losses)
    return pruning


def test_all_hard_pictures_are_shown_and_a_share_of_the_easy():
    shown, weights = informed(0.75).choose(np.random.default_rng(0))
    assert set(range(80, 100)) <= set(shown)
    assert len(shown) == len(set(shown)) == 20 + 20
    assert weights[shown].mean() == pytest.approx(1)
    assert weights[0] / weights[99] == pytest.approx(4)


def test_the_gradient_keeps_its_direction():
    """Over many draws every picture, easy or hard, weighs the same."""
    totals = np.zeros(100)
    generator = np.random.default_rng(0)
    for _ in range(2000):
        shown, weights = informed(0.5).choose(generator)
        totals[shown] += weights[shown]
    assert totals[:80].mean() == pytest.approx(totals[80:].mean(), rel=0.01)
    assert totals.std() / totals.mean() < 0.05


def test_what_was_not_seen_is_not_easy():
    pruning = Pruning(100, 0.9)
    everything, weights = pruning.choose(np.random.default_rng(0))
    assert sorted(everything) == list(range(100)) and set(weights) == {1.0}
    pruning.learn(np.arange(50), np.r_[np.zeros(40), np.ones(10)])
    shown, _ = pruning.choose(np.random.default_rng(0))
    assert set(range(40, 100)) <= set(shown) and len(shown) == 64


def test_an_epoch_has_a_whole_batch_at_least():
    shown, _ = informed(0.9, np.r_[np.zeros(99), 1.0]).choose(np.random.default_rng(0), least=64)
    assert len(shown) == 64


def marked_batches(config: TrainConfig, losses) -> Batches:
    images = np.zeros((100, 8, 8), np.uint8)
    images[:, 0, 0] = np.arange(100)
    return Batches(Split(images, np.arange(100) % 3), 3, config, losses)


def test_batches_ask_for_the_losses_of_what_they_gave():
    given: list[int] = []

    def losses() -> np.ndarray:
        taken = LOSSES[given]
        given.clear()
        return taken

    shown = np.zeros(100)
    weights = np.zeros(100)
    for number, batch in enumerate(islice(marked_batches(TrainConfig(batch_size=10, skip_easy=0.75), losses), 200)):
        pictures = batch.images[:, 0, 0, 0].astype(int)
        given.extend(pictures)
        if number >= 10:  # the first epoch shows everything
            shown[pictures] += 1
            weights[pictures] = batch.weights
    assert shown[80:].mean() > 2.5 * shown[:80].mean()
    assert weights[:80] / weights[80:].mean() == pytest.approx(np.full(80, 4), rel=0.1)


def test_pruning_can_be_switched_off_on_the_way():
    batches = marked_batches(TrainConfig(batch_size=10, skip_easy=0.9), lambda: np.zeros(0, np.float32))
    batches.pruning = False
    pictures = np.concatenate([batch.images[:, 0, 0, 0] for batch in islice(batches, 20)])
    assert (np.bincount(pictures, minlength=100) == 2).all()
