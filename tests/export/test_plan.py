"""The plan and its plain walk in NumPy, against ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from inksight.errors import EngineError
from inksight.export.lowering import plan_of
from inksight.export.onnx import to_onnx
from inksight.export.replay import replay
from inksight.models import ACTIVATIONS, NETS, build

RANDOM = np.random.default_rng(0)


def difference(model, shape) -> float:
    """max |Δp| between ONNX Runtime and the plan of a Keras model."""
    content = to_onnx(model, {}).SerializeToString()
    images = RANDOM.integers(0, 256, (8, *shape), np.uint8)
    (expected,) = onnxruntime.InferenceSession(content).run(None, {"images": images})
    return float(np.abs(replay(plan_of(content), images) - expected).max())


@pytest.mark.parametrize("net", NETS)
def test_every_network_has_a_plan(net):
    assert difference(build(net, (28, 28, 1), 10, {}, seed=0), (28, 28, 1)) <= 1e-6


def test_an_ensemble_has_a_plan():
    assert difference(build("compact", (28, 28, 1), 10, {}, seed=0, members=2), (28, 28, 1)) <= 1e-6


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_has_a_place(activation):
    knobs = {"activation": activation, "dense_units": 16, "dense_activation": activation}
    assert difference(build("compact", (20, 20, 3), 5, knobs, seed=0), (20, 20, 3)) <= 1e-6


@pytest.mark.parametrize(("size", "stride"), [(13, 1), (14, 2), (15, 3)])
def test_padding_to_the_same_size(size, stride):
    from keras import Input, Model, layers

    images = Input((size, size, 2), dtype="uint8", name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(images)
    x = layers.Conv2D(4, 4, strides=stride, padding="same")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    x = layers.Dense(3)(layers.Flatten()(layers.ZeroPadding2D(((1, 0), (2, 1)))(x)))
    assert difference(Model(images, layers.Softmax(name="probabilities")(x)), (size, size, 2)) <= 1e-6


def test_batch_normalisation_goes_into_the_convolution_before_it():
    plan = plan_of(to_onnx(build("compact", (28, 28, 1), 10, {}, seed=0), {}).SerializeToString())
    operators = [operation["operator"] for operation in plan.operations]
    assert operators.count("scale") == 2  # of the pixels, and the one behind the pool
    assert "transpose" not in operators


def graph(*nodes) -> bytes:
    """A model of some nodes from `images` to `probabilities`."""
    ends = [
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 4, 4, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, None)],
    ]
    proto = helper.make_graph(nodes, "odd", *ends)
    return helper.make_model(proto, opset_imports=[helper.make_opsetid("", 20)]).SerializeToString()


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        (
            [helper.make_node("Ceil", ["images"], ["probabilities"])],
            "the ONNX operator Ceil has no place in the plan of a network; known are Add, BatchNormalization, Cast",
        ),
        (
            [helper.make_node("Transpose", ["images"], ["probabilities"], perm=[0, 2, 1, 3])],
            "the transpose .0, 2, 1, 3. of probabilities has no place in a plan",
        ),
        (
            [
                helper.make_node("Transpose", ["images"], ["first"], perm=[0, 3, 1, 2]),
                helper.make_node("Flatten", ["first"], ["probabilities"]),
            ],
            "probabilities flattens with channels first, which has no place in a plan",
        ),
        (
            [helper.make_node("Concat", ["images", "images"], ["probabilities"], axis=2)],
            "probabilities joins along axis 2, which has no place in a plan",
        ),
        (
            [helper.make_node("Add", ["images", "images"], ["probabilities"])],
            "probabilities is Add of more than a number, which has no place in a plan",
        ),
    ],
)
def test_what_has_no_place_is_named(nodes, text):
    with pytest.raises(EngineError, match=text):
        plan_of(graph(*nodes))


def test_onnx_knows_every_operator_of_the_table():
    from inksight.export.lowering import LOWERED

    assert all(onnx.defs.has(operator) for operator in LOWERED)
