import numpy as np
import pytest

from inksight.models import build
from inksight.models.ensemble import members_of
from inksight.models.table import layer_table

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 28, 28, 1), np.uint8)


@pytest.fixture(scope="module")
def three():
    return build("compact", (28, 28, 1), 10, {}, seed=0, members=3)


def test_its_answer_is_the_mean_of_its_members_logits(three):
    logits = np.mean([np.asarray(member(IMAGES)) for member in members_of(three)], axis=0)
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(np.asarray(three(IMAGES)), expected, atol=1e-6)


def test_members_start_from_weights_of_their_own(three):
    first, second, third = (member.get_weights()[0] for member in members_of(three))
    assert not np.array_equal(first, second) and not np.array_equal(second, third)


def test_the_layer_table_has_every_members_layers(three):
    rows = layer_table(three)
    one = build("compact", (28, 28, 1), 10, {}, seed=0)
    assert sum(row.parameters for row in rows) == three.count_params() == 3 * one.count_params()
    assert sum(row.multiply_adds for row in rows) == 3 * sum(row.multiply_adds for row in layer_table(one))
    assert "member_2/convolution_3" in [row.name for row in rows]


def test_members_drop_different_units():
    model = build("strided", (28, 28, 1), 10, {"dropout": 0.5}, seed=0, members=2)
    first, second = (member.get_layer("dropout").seed_generator.state for member in members_of(model))
    assert not np.array_equal(np.asarray(first), np.asarray(second))


def test_a_single_network_is_its_own_member():
    model = build("strided", (28, 28, 1), 10, {}, seed=0)
    assert members_of(model) == [model]
