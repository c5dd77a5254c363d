"""A small real model: random features of MNIST and least squares on them, written as ONNX. About 92 % right."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from inksight.runs import ModelCard, write_model

FEATURES = 700
DIGITS = tuple("0123456789")


def linear_classifier(images, labels, classes):
    """Fits ridge regression on random ReLU features: weights for a graph of two matrix products."""
    generator = np.random.default_rng(0)
    flat = images.reshape(len(images), -1).astype(np.float32)
    lift = generator.normal(size=(flat.shape[1], FEATURES)).astype(np.float32) / 4000
    shift = generator.uniform(-0.5, 0.5, FEATURES).astype(np.float32)
    features = np.c_[np.maximum(flat @ lift + shift, 0), np.ones(len(flat), np.float32)]
    gram = features.T @ features + 0.1 * np.eye(FEATURES + 1, dtype=np.float32)
    weights = np.linalg.solve(gram, features.T @ np.eye(classes, dtype=np.float32)[labels])
    return lift, shift, 8 * weights[:-1], 8 * weights[-1]


def to_onnx(weights, size_px, channels):
    lift, shift, weight, bias = weights
    tensors = {"lift": lift, "shift": shift, "weight": weight, "bias": bias}
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["pixels"], ["flat"], axis=1),
        helper.make_node("Gemm", ["flat", "lift", "shift"], ["lifted"]),
        helper.make_node("Relu", ["lifted"], ["features"]),
        helper.make_node("Gemm", ["features", "weight", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", size_px, size_px, channels])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", len(bias)])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


@pytest.fixture(scope="session")
def digit_run(mnist, tmp_path_factory):
    """The folder of a grey digit model."""
    weights = linear_classifier(mnist.train.images[:12000], mnist.train.labels[:12000], 10)
    folder = tmp_path_factory.mktemp("digits")
    write_model(
        folder,
        to_onnx(weights, 28, 1),
        ModelCard(DIGITS, 28, 1, "digits", 1.0, 0.4, provenance={"data": {"source": "mnist"}, "seed": 0}),
    )
    return folder


@pytest.fixture(scope="session")
def colour_run(tmp_path_factory):
    """The folder of a colour model of 16×16 pixels that tells red from green from blue."""
    generator = np.random.default_rng(1)
    labels = np.arange(600) % 3
    images = generator.integers(0, 100, (600, 16, 16, 3))
    images[np.arange(600), :, :, labels] += 150
    folder = tmp_path_factory.mktemp("colours")
    card = ModelCard(("red", "green", "blue"), 16, 3, "resize", 2.0, 0.5)
    write_model(folder, to_onnx(linear_classifier(images, labels, 3), 16, 3), card)
    return folder
