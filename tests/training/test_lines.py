"""The line network: its loss against a count of all ways, and that it learns."""

from itertools import groupby, product

import numpy as np
import pytest

from inksight.imaging.strip import STRIP_PX, spots_in
from inksight.models import engine


@pytest.fixture(scope="module", autouse=True)
def keras():
    engine.prepare("jax")
    engine.load_keras()
    import keras

    return keras


def all_ways(text, probabilities):
    """−log of the chance that columns, each drawn on its own, spell `text`: every way of them is tried."""
    columns, classes = probabilities.shape
    total = 0.0
    for way in product(range(classes), repeat=columns):
        if [index - 1 for index, _ in groupby(way) if index] == text:
            total += float(np.prod(probabilities[np.arange(columns), way]))
    return -np.log(total)


def test_the_loss_counts_all_ways_to_write_a_text():
    from inksight.training.lines import order_loss

    generator = np.random.default_rng(0)
    logits = generator.normal(0, 1.5, (4, 6, 4)).astype(np.float32)
    texts = [[0], [2, 1], [1, 1], [0, 2, 0]]
    padded = np.array([text + [-1] * (3 - len(text)) for text in texts], np.int32)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    wanted = np.mean([all_ways(text, rows) for text, rows in zip(texts, probabilities, strict=True)])
    assert float(order_loss(padded, logits)) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.slow
def test_it_learns_and_takes_strips_of_any_width(mnist):
    from inksight.training.lines import fit_line

    losses = []
    chosen = mnist.train.labels[:3000] < 2
    images, labels = mnist.train.images[:3000][chosen], mnist.train.labels[:3000][chosen]
    network = fit_line(images, labels, 200, seed=0, told=lambda step, loss: losses.append(loss))
    assert len(losses) == 2 and losses[1] < 0.6 * losses[0]
    for width in (60, 301):
        rows = network.predict(np.zeros((1, STRIP_PX, width, 1), np.uint8), verbose=0)[0]
        assert rows.shape == (-(-width // 2), 3)
        assert rows.sum(axis=1) == pytest.approx(1, abs=1e-5) and spots_in(rows) == []
