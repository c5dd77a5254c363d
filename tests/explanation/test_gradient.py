"""Gradients of the plan: against JAX through Keras for whole networks, against finite differences for each operator."""

import numpy as np
import pytest

import inksight
from inksight.errors import EngineError
from inksight.explanation.gradient import BACKWARD, backward, log_odds, logits_place
from inksight.export.lowering import plan_of
from inksight.export.onnx import to_onnx
from inksight.export.plan import Plan
from inksight.export.replay import OPERATORS, walk
from inksight.models import NETS, build

RANDOM = np.random.default_rng(0)
MAP = {"shape": [3, 3, 2], "strides": [2, 1]}

# What each operator needs beside one input of 7 × 5 pixels and 2 channels.
DETAILS = {
    "convolve": {**MAP, "shape": [3, 3, 4], "kernel": RANDOM.normal(size=(3, 3, 2, 4)), "bias": RANDOM.normal(size=4)},
    "pool": {**MAP, "window": [3, 3]},
    "pad": {"before": [1, 0], "value": 0.5, "shape": [9, 6, 2]},
    "dense": {"kernel": RANDOM.normal(size=(2, 3)), "bias": RANDOM.normal(size=3)},
    "scale": {"kernel": RANDOM.normal(size=2), "bias": RANDOM.normal(size=2)},
    "elu": {"alpha": 0.7},
    "leakyrelu": {"alpha": 0.2},
}
NUM_INPUTS = {"concatenate": 2, "mean": 3, "multiply": 2}


def test_every_operator_has_its_way_back():
    assert BACKWARD.keys() == OPERATORS.keys()


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_against_finite_differences(name):
    operation = {"shape": [7, 5, 2], **DETAILS.get(name, {})}
    inputs = [RANDOM.normal(size=(2, 7, 5, 2)) for _ in range(NUM_INPUTS.get(name, 1))]
    output = OPERATORS[name](inputs, operation)
    weights = RANDOM.normal(size=output.shape)
    parts = BACKWARD[name](weights, inputs, output, operation)
    assert [part.shape for part in parts] == [each.shape for each in inputs]
    for which, part in enumerate(parts):
        direction = RANDOM.normal(size=part.shape) * 1e-6
        ahead, behind = (
            [each + sign * direction if at == which else each for at, each in enumerate(inputs)] for sign in (1, -1)
        )
        change = ((OPERATORS[name](ahead, operation) - OPERATORS[name](behind, operation)) * weights).sum() / 2
        assert change == pytest.approx((part * direction).sum(), rel=1e-6, abs=1e-11)


def keras_gradients(model, images, labels):
    """Of the log-odds by the picture; taken behind the rescaling, since whole numbers have no gradient."""
    import jax
    import keras

    rest = keras.Model(model.get_layer("rescale").output, model.get_layer("logits").output)

    def score(inputs):
        logits = rest(inputs, training=False)
        own = jax.numpy.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
        others = jax.numpy.where(jax.nn.one_hot(labels, logits.shape[1]) > 0, -jax.numpy.inf, logits)
        return (own - jax.nn.logsumexp(others, axis=1)).sum()

    return np.asarray(jax.grad(score)(images.astype(np.float32) / 255)) / 255


@pytest.mark.parametrize(
    ("net", "activation"),
    [
        ("strided", "relu"),
        *(pytest.param(net, "relu", marks=pytest.mark.slow) for net in NETS if net != "strided"),
        pytest.param("compact", "gelu", marks=pytest.mark.slow),
    ],
)
def test_a_network_against_jax(net, activation):
    model = build(net, (20, 20, 3), 5, {"activation": activation}, seed=1)
    images, labels = RANDOM.integers(0, 256, (4, 20, 20, 3), np.uint8), np.array([0, 4, 2, 2])
    expected = keras_gradients(model, images, labels)
    plan = plan_of(to_onnx(model, {}).SerializeToString())
    values, place = walk(plan, images), logits_place(plan)
    (by_picture, *_) = backward(plan, values, log_odds(values[place], labels)[1], place)
    assert np.abs(by_picture - expected).max() <= 1e-4 * np.abs(expected).max()


def test_members_of_an_ensemble_share_the_gradient():
    model = build("strided", (12, 12, 1), 3, {}, seed=0, members=2)
    images, labels = RANDOM.integers(0, 256, (3, 12, 12, 1), np.uint8), np.array([0, 1, 2])
    plan = plan_of(to_onnx(model, {}).SerializeToString())
    values, place = walk(plan, images), logits_place(plan)
    scores, seed = log_odds(values[place], labels)
    by_picture = backward(plan, values, seed, place)[0]
    step = (1e-2 * np.sign(by_picture)).astype(np.float32)
    moved = log_odds(walk(plan, images + step)[place].astype(np.float64), labels)[0]
    assert moved - scores == pytest.approx((by_picture * step).sum(axis=(1, 2, 3)), rel=0.02)


def test_what_does_not_lead_to_the_place_has_no_gradient(mnist):
    plan = plan_of(inksight.Predictor.shipped().content)
    values = walk(plan, mnist.test.images[:2, ..., None])
    last = [operation["operator"] for operation in plan.operations].index("maximum") + 1
    found = backward(plan, values, np.ones_like(values[last]), last)
    assert len(found) == last + 1
    assert all(each is not None and each.shape == value.shape for each, value in zip(found, values, strict=False))
    side = [operation["operator"] for operation in plan.operations].index("average") + 1
    assert backward(plan, values, np.ones_like(values[side]), side)[last] is None


def test_log_odds_of_the_surest_answer_still_have_a_gradient():
    """Probabilities of 1 and 0 in float32 are flat; log-odds are not."""
    scores, gradient = log_odds(np.array([[200.0, 0, 50]], np.float32), np.array([0]))
    assert scores[0] == pytest.approx(150)
    assert gradient[0] == pytest.approx([1, 0, -1], abs=1e-6)


def test_a_network_that_ends_otherwise_is_named():
    with pytest.raises(EngineError, match="the network ends in relu; a softmax was wanted"):
        logits_place(Plan([{"operator": "relu", "inputs": [0], "shape": [3]}], np.empty(0, np.float32)))
