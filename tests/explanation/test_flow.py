"""A picture through a network: the same values as ONNX Runtime's, and where they come from, tried out."""

import numpy as np
import onnx
import onnxruntime
import pytest

import inksight
from inksight.explanation.flow import flow
from inksight.export.lowering import plan_of


@pytest.fixture(scope="module")
def content() -> bytes:
    return inksight.Predictor.shipped().content


@pytest.fixture(scope="module")
def image(mnist) -> np.ndarray:
    return mnist.test.images[0][..., None]


def test_the_last_layer_is_the_networks_answer(content, image):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    layers = flow(plan_of(content), image)
    (expected,) = session.run(["probabilities"], {"images": image[None]})
    assert np.abs(layers[-1].values - expected[0]).max() <= 1e-6


def test_every_map_is_that_of_onnx_runtime(content, image):
    """The graph's own convolutions, with whatever follows them folded in or not, are among the layers' values."""
    model = onnx.load_from_string(content)
    pooled = [node.output[0] for node in model.graph.node if node.op_type in ("Relu", "MaxPool")]
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in pooled)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    layers = [layer.values for layer in flow(plan_of(content), image)]
    for values in session.run(pooled, {"images": image[None]}):
        maps = values[0].transpose(1, 2, 0)
        nearest = min(np.abs(each - maps).max() for each in layers if each.shape == maps.shape)
        assert nearest <= 1e-3


def test_a_value_depends_on_its_field_and_on_nothing_else(content, image):
    plan = plan_of(content)
    random = np.random.default_rng(0)
    before = flow(plan, image)
    for number, layer in enumerate(before):
        if layer.field is None:
            continue
        row, column = (int(random.integers(side)) for side in layer.values.shape[:2])
        top, left = (
            start + at * step
            for start, at, step in zip(layer.field.start, (row, column), layer.field.step, strict=True)
        )
        window = np.zeros((28, 28, 1), bool)
        window[max(top, 0) : top + layer.field.size[0], max(left, 0) : left + layer.field.size[1]] = True
        outside = np.where(window, image, random.integers(0, 256, image.shape)).astype(np.uint8)
        inside = np.where(window, random.integers(0, 256, image.shape), image).astype(np.uint8)
        assert np.allclose(flow(plan, outside)[number].values[row, column], layer.values[row, column], atol=1e-4)
        assert not np.allclose(flow(plan, inside)[number].values[row, column], layer.values[row, column], atol=1e-4)


def test_layers_name_what_they_read(content, image):
    layers = flow(plan_of(content), image)
    assert layers[0].inputs == (-1,)
    assert all(each < number for number, layer in enumerate(layers) for each in layer.inputs)
    assert {layer.operator for layer in layers} >= {"convolve", "relu", "pool", "dense", "softmax"}
    assert "pad" not in {layer.operator for layer in layers}
