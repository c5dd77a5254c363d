"""Keras -> ONNX, layer by layer, and the proof that both give the same.

Keras's own ONNX export needs TensorFlow on the JAX backend; our networks are a dozen layer types, so the graph is
written here. Inside it pictures are channels-first, as ONNX wants them; outside they stay (n, height, width, channels).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from inksight.errors import EngineError
from inksight.imaging.decode import pictures_at_once

if TYPE_CHECKING:
    import keras
    import onnx

OPSET = 20
IR_VERSION = 10
TOLERANCE = 1e-5
PROOF_IMAGES = 1000
FLOAT = 1  # onnx.TensorProto.FLOAT: LAYERS can be looked up without importing onnx, which takes half a second


class Graph:
    """The ONNX graph as it grows: nodes and weights."""

    def __init__(self) -> None:
        from onnx import helper, numpy_helper

        self._helper, self._numpy_helper = helper, numpy_helper
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Appends a node with one output; gives the output's name."""
        self.nodes.append(self._helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, value: Any) -> str:
        """Stores an array in the file; gives its name."""
        self.weights.append(self._numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def activate(self, name: str, x: str, output: str) -> str:
        """Appends an activation by its Keras name."""
        if name == "linear":
            return x
        if name == "silu":
            return self.add("Mul", [x, self.add("Sigmoid", [x], f"{output}_gate")], output)
        operator, attributes = _ACTIVATIONS[name]
        return self.add(operator, [x], output, **attributes)


# Keras activation -> ONNX operator and attributes. Keras's defaults: leaky_relu 0.2, exact gelu.
_ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "elu": ("Elu", {"alpha": 1.0}),
    "gelu": ("Gelu", {"approximate": "none"}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.2}),
    "relu": ("Relu", {}),
    "selu": ("Selu", {}),
    "sigmoid": ("Sigmoid", {}),
    "softplus": ("Softplus", {}),
    "tanh": ("Tanh", {}),
}


def to_onnx(model: keras.Model, metadata: dict[str, str]) -> onnx.ModelProto:
    """Writes a Keras model as an ONNX graph.

    Args:
        model: a functional model built of the layers in LAYERS, with one uint8 input and one output layer, named
            `probabilities`.
        metadata: key and value strings that travel in the file.
    Returns:
        a checked model: input `images` uint8 (n, height, width, channels), output `probabilities` float32 (n, classes),
        or (n, columns, classes) of the line network.
    Raises:
        EngineError: see `require_exportable`.
    """
    import onnx
    from onnx import TensorProto, helper

    require_exportable(model)
    graph = Graph()
    _write(graph, model, "")
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            model.name,
            [helper.make_tensor_value_info("images", TensorProto.UINT8, _shape(model.input, "width"))],
            [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, _shape(model.output, "columns"))],
            graph.weights,
        ),
        producer_name="inksight",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    helper.set_model_props(proto, metadata)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def require_exportable(model: keras.Model) -> None:
    """Check that each layer and activation of a model has an ONNX counterpart. Takes no time: onnx is not imported.

    Raises:
        EngineError: a layer that has no row in LAYERS, or an activation that has none in _ACTIVATIONS.
    """
    for layer in model.layers:
        kind, activation = type(layer).__name__, getattr(getattr(layer, "activation", None), "__name__", "linear")
        if kind == "Functional":  # a member of an ensemble
            require_exportable(layer)
        elif kind not in LAYERS:
            raise EngineError(
                f"the layer {layer.name} is a {kind}, which cannot be exported to ONNX. Supported layers: "
                f"{', '.join(sorted(LAYERS))}."
            )
        elif activation not in {*_ACTIVATIONS, "linear", "silu"}:
            raise EngineError(
                f"the layer {layer.name} has the activation {activation}, which cannot be exported to ONNX. Supported "
                f"activations: {', '.join(sorted({*_ACTIVATIONS, 'linear', 'silu'}))}."
            )


def _shape(tensor: Any, open_side: str) -> list[str | int]:
    """A Keras tensor's shape as ONNX writes it, its open side by name."""
    return ["n", *(open_side if side is None else int(side) for side in tensor.shape[1:])]


def _write(graph: Graph, model: keras.Model, prefix: str) -> str:
    """Appends all layers of `model`, their names after `prefix`; gives the name of the last one's output."""
    outputs: dict[str, str] = {}
    for node in model.get_config()["layers"]:
        layer = model.get_layer(node["config"]["name"])
        kind, name = type(layer).__name__, prefix + layer.name
        if kind == "Functional":  # a member of an ensemble: it reads the same pictures
            outputs[layer.name] = _write(graph, layer, f"{name}_")
            continue
        inputs = [outputs[source] for source in _sources(node["inbound_nodes"])]
        outputs[layer.name] = LAYERS[kind](graph, layer, name, inputs)
    return outputs[layer.name]


def largest_difference(expected: np.ndarray, content: bytes, images: np.ndarray) -> float:
    """max |Δp| between `expected` and what ONNX Runtime makes of the exported file.

    Args:
        expected: Keras's probabilities, float32 (n, classes).
        content: the ONNX file.
        images: uint8 (n, height, width, channels).
    Raises:
        EngineError: the two differ by more than TOLERANCE.
    """
    from inksight.utils.onnx_session import open_session

    session = open_session(content)
    step = pictures_at_once(images.shape[1])
    differences = [
        np.abs(session.run(None, {"images": images[at : at + step]})[0] - expected[at : at + step]).max()
        for at in range(0, len(images), step)
    ]
    difference = float(np.max(differences))
    if not difference <= TOLERANCE:
        raise EngineError(
            f"the exported ONNX model differs from Keras by {difference:.2g} on {len(images):,} pictures; "
            f"at most {TOLERANCE:g} is allowed. Nothing was saved; please report this with your config."
        )
    return difference


def _sources(inbound: Any) -> list[str]:
    """Names of the layers that feed a node, from a functional model's config."""
    if isinstance(inbound, dict):
        history = inbound.get("config", {}).get("keras_history") if isinstance(inbound.get("config"), dict) else None
        return [history[0]] if history else [name for value in inbound.values() for name in _sources(value)]
    if isinstance(inbound, (list, tuple)):
        return [name for value in inbound for name in _sources(value)]
    return []


def _input(graph: Graph, layer: Any, name: str, inputs: list[str]) -> str:
    x = graph.add("Cast", ["images"], f"{name}_float", to=FLOAT)
    return graph.add("Transpose", [x], f"{name}_channels_first", perm=[0, 3, 1, 2])


def _rescaling(graph: Graph, layer: Any, name: str, inputs: list[str]) -> str:
    scale = graph.constant(f"{name}_scale", np.float32(layer.scale))
    x = graph.add("Mul", [inputs[0], scale], f"{name}_scaled")
    if not layer.offset:
        return x
    return graph.add("Add", [x, graph.constant(f"{name}_offset", np.float32(layer.offset))], name)


def _convolution(graph: Graph, layer: Any, name: str, inputs: list[str]) -> str:
    kernel = np.asarray(layer.get_weights()[0]).transpose(3, 2, 0, 1)
    operands = [inputs[0], graph.constant(f"{name}_kernel", kernel)]
    if layer.use_bias:
        operands.append(graph.constant(f"{name}_bias", layer.get_weights()[1]))
    x = graph.add("Conv", operands, name, strides=list(layer.strides), **_padding(layer))
    return graph.activate(layer.activation.__name__, x, f"{name}_activation")


def _batch_normalization(graph: Graph, layer: Any, name: str, inputs: list[str]) -> str:
    roles = ("gamma", "beta", "mean", "variance")
    operands = [graph.constant(f"{name}_{role}", value) for role, value in zip(roles, layer.get_weights(), strict=True)]
    return graph.add("BatchNormalization", [inputs[0], *operands], name, epsilon=layer.epsilon)


def _dense(graph: Graph, layer: Any, name: str, inputs: list[str]) -> str:
    kernel, bias = layer.get_weights()
    operands = [inputs[0], graph.constant(f"{name}_kernel", kernel), graph.constant(f"{name}_bias", bias)]
    x = graph.add("Gemm", operands, name)
    return graph.activate(layer.activation.__name__, x, f"{name}_activation")


def _max_pooling(graph: Graph, layer: Any, name: str, inputs: list[str]) -> str:
    window = {"kernel_shape": list(layer.pool_size), "strides": list(layer.strides)}
    return graph.add("MaxPool", inputs, name, **window, **_padding(layer))


def _zero_padding(graph: Graph, layer: Any, name: str, inputs: list[str]) -> str:
    (top, bottom), (left, right) = layer.padding
    pads = graph.constant(f"{name}_pads", np.array([0, 0, top, left, 0, 0, bottom, right], np.int64))
    return graph.add("Pad", [inputs[0], pads], name)


def _global_pooling(operator: str) -> Callable[[Graph, Any, str, list[str]], str]:
    def convert(graph: Graph, layer: Any, name: str, inputs: list[str]) -> str:
        x = graph.add(operator, inputs, f"{name}_square")
        return graph.add("Flatten", [x], name)

    return convert


def _flatten(graph: Graph, layer: Any, name: str, inputs: list[str]) -> str:
    """Keras flattens channels-last; the weights behind expect that order."""
    x = graph.add("Transpose", inputs, f"{name}_channels_last", perm=[0, 2, 3, 1])
    return graph.add("Flatten", [x], name)


def _reshape(graph: Graph, layer: Any, name: str, inputs: list[str]) -> str:
    """Keras reshapes channels-last."""
    x = graph.add("Transpose", inputs, f"{name}_channels_last", perm=[0, 2, 3, 1])
    shape = graph.constant(f"{name}_shape", np.array([0, *layer.target_shape], np.int64))
    return graph.add("Reshape", [x, shape], name)


def _concatenate(graph: Graph, layer: Any, name: str, inputs: list[str]) -> str:
    return graph.add("Concat", inputs, name, axis=1)


def _average(graph: Graph, layer: Any, name: str, inputs: list[str]) -> str:
    return graph.add("Mean", inputs, name)


def _activation(graph: Graph, layer: Any, name: str, inputs: list[str]) -> str:
    return graph.activate(layer.activation.__name__, inputs[0], name)


def _softmax(graph: Graph, layer: Any, name: str, inputs: list[str]) -> str:
    return graph.add("Softmax", inputs, name, axis=-1)


def _padding(layer: Any) -> dict[str, str]:
    return {"auto_pad": "SAME_UPPER" if layer.padding == "same" else "VALID"}


LAYERS: dict[str, Callable[[Graph, Any, str, list[str]], str]] = {
    "InputLayer": _input,
    "Rescaling": _rescaling,
    "Conv2D": _convolution,
    "BatchNormalization": _batch_normalization,
    "Activation": _activation,
    "MaxPooling2D": _max_pooling,
    "ZeroPadding2D": _zero_padding,
    "GlobalMaxPooling2D": _global_pooling("GlobalMaxPool"),
    "GlobalAveragePooling2D": _global_pooling("GlobalAveragePool"),
    "Concatenate": _concatenate,
    "Average": _average,
    "Flatten": _flatten,
    "Dense": _dense,
    "Reshape": _reshape,
    "Dropout": lambda graph, layer, name, inputs: inputs[0],
    "Softmax": _softmax,
}
