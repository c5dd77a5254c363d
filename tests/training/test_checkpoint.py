"""A training that goes on from a checkpoint is the one that never stopped."""

from dataclasses import replace

import numpy as np
import pytest

from inksight.config import TrainConfig
from inksight.errors import RunError
from inksight.training.checkpoint import parse
from inksight.training.fit import fit
from inksight.training.session import build_model

EVERYTHING = TrainConfig(
    net="compact",
    filters=8,
    first_layer="whitened",
    members=2,
    optimizer="adamw",
    weight_decay=0.01,
    schedule="one_cycle",
    dropout=0.2,
    weight_averaging=0.9,
    rotation_deg=10.0,
    strokes=0.5,
    outliers=0.1,
    epochs=4,
    plain_epochs=1,
    batch_size=100,
)
PLAIN = TrainConfig(net="tutorial", filters=8, dropout=0.5, epochs=3, batch_size=100, optimizer="sgd", momentum=0.9)

STOPPING = replace(PLAIN, batch_size=20, epochs=20, early_stopping=2, learning_rate=0.05)  # best at 75, over at 125


class Memory:
    """A Checkpointer of every step's checkpoint, as bytes."""

    notes = ()

    def __init__(self, newest=None):
        self.newest = newest
        self.kept = {}

    def is_due(self):
        return True

    def keep(self, checkpoint):
        self.kept[checkpoint.step] = checkpoint.to_bytes()


def trained(data, config, backend, newest=None):
    model, checkpointer = build_model(data, config), Memory(newest)
    fitted = fit(model, data, config, backend, checkpointer=checkpointer)
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in fitted.history]
    return model.get_weights(), rows, checkpointer.kept


@pytest.mark.parametrize(
    "config, backend, step",
    [
        pytest.param(
            EVERYTHING, "jax", 16, marks=pytest.mark.slow
        ),  # plain batches are asked for after step 15, and come from the 18th on
        pytest.param(
            replace(EVERYTHING, net="strided", first_layer="learned"), "keras's own trainer", 7, marks=pytest.mark.slow
        ),
        (PLAIN, "keras's own trainer", 6),
        (STOPPING, "jax", 110),  # one epoch of its patience is spent, and the next row is half full
    ],
)
def test_it_goes_on_as_if_it_had_never_stopped(small_mnist, config, backend, step):
    data = replace(small_mnist, train=first(small_mnist.train, 500))
    weights, rows, kept = trained(data, config, backend)
    again, rows_again, kept_again = trained(data, config, backend, parse(kept[step]))
    assert all(np.array_equal(a, b) for a, b in zip(weights, again, strict=True))
    assert rows == rows_again
    assert set(kept_again) == {number for number in kept if number > step}


def first(split, count):
    return replace(split, images=split.images[:count], labels=split.labels[:count])


def test_a_checkpoint_that_was_cut_short_or_changed_is_known(small_mnist):
    _, _, kept = trained(small_mnist, replace(PLAIN, epochs=1), "jax")
    content = kept[3]
    assert parse(content).step == 3
    generator = np.random.default_rng(0)
    for length in (0, 1, 31, 32, 33, *generator.integers(34, len(content) - 1, 20), len(content) - 1):
        with pytest.raises(RunError, match="cut short or changed"):
            parse(content[:length])
    for place in generator.integers(0, len(content), 50):
        changed = bytearray(content)
        changed[place] ^= 1 << int(generator.integers(8))
        with pytest.raises(RunError, match="cut short or changed"):
            parse(bytes(changed))
