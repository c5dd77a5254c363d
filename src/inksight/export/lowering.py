"""An ONNX graph -> a plan.

ONNX's transposes vanish, since a plan has its channels last throughout. Padding is an operation of its own, and batch
normalisation goes into the kernel before it where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from inksight.errors import EngineError
from inksight.export.plan import Operation, Plan

if TYPE_CHECKING:
    import onnx

TO_CHANNELS_FIRST, TO_CHANNELS_LAST = [0, 3, 1, 2], [0, 2, 3, 1]
LEAST = float(np.finfo(np.float32).min)  # JSON knows no infinity


@dataclass(frozen=True)
class _Node:
    """An ONNX node with one output."""

    operator: str
    inputs: list[str]
    output: str
    attributes: dict[str, Any]


def plan_of(content: bytes) -> Plan:
    """Reads a model as `export.onnx` writes it.

    Attributes that this package never writes (groups, dilations) are not looked at; a proof against ONNX Runtime
    must follow. `onnx` is imported here, so that the page of `inksight app` opens without it.

    Args:
        content: the ONNX file.
    Raises:
        EngineError: an operator that has no row in LOWERED, or a use of one that the plan has no words for.
    """
    import onnx
    from onnx.helper import get_attribute_value

    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(content))
    lowering = _Lowering(model.graph)
    for proto in model.graph.node:
        attributes = {item.name: get_attribute_value(item) for item in proto.attribute}
        node = _Node(proto.op_type, list(proto.input), proto.output[0], attributes)
        if node.operator not in LOWERED:
            raise EngineError(
                f"the ONNX operator {node.operator} has no place in the plan of a network; "
                f"known are {', '.join(sorted(LOWERED))}."
            )
        LOWERED[node.operator](lowering, node)
    return _packed(lowering.operations)


class _Lowering:
    """The plan as it grows; constants are still arrays.

    shapes: of every tensor, in ONNX's order of axes, without the batch. places: tensor -> place.
    channels_first: tensors whose axes ONNX has in that order.
    """

    def __init__(self, graph: onnx.GraphProto) -> None:
        from onnx.numpy_helper import to_array

        self.constants = {each.name: to_array(each) for each in graph.initializer}
        self.shapes = {
            value.name: [each.dim_value for each in value.type.tensor_type.shape.dim][1:]
            for value in (*graph.input, *graph.value_info, *graph.output)
        }
        self.uses = [name for node in graph.node for name in node.input]
        self.places = {graph.input[0].name: 0}
        self.channels_first: set[str] = set()
        self.operations: list[Operation] = []

    def add(self, operator: str, node: _Node, inputs: Sequence[int] | None = None, **details: Any) -> None:
        """Appends the operation that gives a node's output."""
        shape = self.shape(node.output, node.inputs[0] in self.channels_first)
        self.append(operator, self.inputs(node) if inputs is None else inputs, shape, **details)
        self.places[node.output] = len(self.operations)
        if node.inputs[0] in self.channels_first:
            self.channels_first.add(node.output)

    def append(self, operator: str, inputs: Sequence[int], shape: Sequence[int], **details: Any) -> int:
        """Appends an operation; gives its place."""
        self.operations.append({"operator": operator, "inputs": list(inputs), "shape": list(shape), **details})
        return len(self.operations)

    def same(self, node: _Node, channels_first: bool = False) -> None:
        """A node that changes nothing: its output lies where its input does."""
        self.places[node.output] = self.places[node.inputs[0]]
        if channels_first:
            self.channels_first.add(node.output)

    def inputs(self, node: _Node) -> list[int]:
        """The places of what a node reads, without its constants."""
        return [self.places[name] for name in node.inputs if name not in self.constants]

    def shape(self, name: str, channels_first: bool) -> list[int]:
        """A tensor's shape as the plan has it."""
        shape = self.shapes[name]
        return [*shape[1:], shape[0]] if channels_first and len(shape) == 3 else list(shape)


def _same(lowering: _Lowering, node: _Node) -> None:
    """Bytes become floats when they are copied into the picture's array."""
    lowering.same(node, node.inputs[0] in lowering.channels_first)


def _transpose(lowering: _Lowering, node: _Node) -> None:
    """Only ONNX has its channels first."""
    first = node.inputs[0] in lowering.channels_first
    if node.attributes["perm"] != (TO_CHANNELS_LAST if first else TO_CHANNELS_FIRST):
        raise EngineError(f"the transpose {node.attributes['perm']} of {node.output} has no place in a plan.")
    lowering.same(node, channels_first=not first)


def _flatten(lowering: _Lowering, node: _Node) -> None:
    """The values are in order already."""
    name = node.inputs[0]
    if name in lowering.channels_first and max(lowering.shapes[name][1:]) > 1:
        raise EngineError(f"{node.output} flattens with channels first, which has no place in a plan.")
    lowering.append("flatten", [lowering.places[name]], lowering.shapes[node.output])
    lowering.places[node.output] = len(lowering.operations)


def _convolution(lowering: _Lowering, node: _Node) -> None:
    kernel = lowering.constants[node.inputs[1]].transpose(2, 3, 1, 0)
    bias = lowering.constants[node.inputs[2]] if len(node.inputs) > 2 else np.zeros(kernel.shape[-1], np.float32)
    strides = node.attributes.get("strides", [1, 1])
    place = _padded(lowering, node, kernel.shape[:2], strides, 0.0)
    lowering.add("convolve", node, [place], strides=list(strides), kernel=kernel, bias=bias)


def _max_pooling(lowering: _Lowering, node: _Node) -> None:
    window, strides = node.attributes["kernel_shape"], node.attributes.get("strides", [1, 1])
    place = _padded(lowering, node, window, strides, LEAST)
    lowering.add("pool", node, [place], strides=list(strides), window=list(window))


def _padded(lowering: _Lowering, node: _Node, window: Sequence[int], strides: Sequence[int], value: float) -> int:
    """The place of a node's first input with the rows and columns around it that SAME_UPPER asks for."""
    place = lowering.places[node.inputs[0]]
    if node.attributes.get("auto_pad", b"VALID") != b"SAME_UPPER":
        return place
    channels, *sides = lowering.shapes[node.inputs[0]]
    missing = [
        max((-(-side // stride) - 1) * stride + reach - side, 0)
        for side, stride, reach in zip(sides, strides, window, strict=True)
    ]
    return _pad(lowering, place, [*sides, channels], [each // 2 for each in missing], missing, value)


def _pad(lowering: _Lowering, place: int, shape: list[int], before: list[int], missing: list[int], value: float) -> int:
    """Appends rows and columns, `missing` of them in all, if there are any; gives the place."""
    if not any(missing):
        return place
    grown = [shape[0] + missing[0], shape[1] + missing[1], shape[2]]
    return lowering.append("pad", [place], grown, before=before, value=value)


def _zero_padding(lowering: _Lowering, node: _Node) -> None:
    top, left, bottom, right = lowering.constants[node.inputs[1]][[2, 3, 6, 7]].tolist()
    shape = lowering.shape(node.inputs[0], channels_first=True)
    place = lowering.places[node.inputs[0]]
    lowering.places[node.output] = _pad(lowering, place, shape, [top, left], [top + bottom, left + right], 0.0)
    lowering.channels_first.add(node.output)


def _batch_normalization(lowering: _Lowering, node: _Node) -> None:
    gamma, beta, mean, variance = (lowering.constants[name].astype(np.float64) for name in node.inputs[1:])
    kernel = gamma / np.sqrt(variance + node.attributes["epsilon"])
    _scale(lowering, node, kernel, beta - mean * kernel)


def _multiply(lowering: _Lowering, node: _Node) -> None:
    """By one number, or two arrays value by value."""
    if node.inputs[1] not in lowering.constants:
        lowering.add("multiply", node)
        return
    kernel = _one_number(lowering, node)
    _scale(lowering, node, kernel, np.zeros_like(kernel))


def _add(lowering: _Lowering, node: _Node) -> None:
    bias = _one_number(lowering, node)
    _scale(lowering, node, np.ones_like(bias), bias)


def _one_number(lowering: _Lowering, node: _Node) -> np.ndarray:
    """A node's scalar constant, once for each channel."""
    value = lowering.constants.get(node.inputs[1])
    if value is None or value.size != 1:
        raise EngineError(f"{node.output} is {node.operator} of more than a number, which has no place in a plan.")
    channels = lowering.shape(node.inputs[0], node.inputs[0] in lowering.channels_first)[-1]
    return np.full(channels, value.item(), np.float64)


def _scale(lowering: _Lowering, node: _Node, kernel: np.ndarray, bias: np.ndarray) -> None:
    """x · kernel + bias by channel: part of the operation before, if that is linear and nobody else reads it."""
    name = node.inputs[0]
    before = lowering.operations[lowering.places[name] - 1] if lowering.places[name] else {}
    if before.get("operator") in ("convolve", "dense", "scale") and lowering.uses.count(name) == 1:
        before["kernel"] = before["kernel"] * kernel
        before["bias"] = before["bias"] * kernel + bias
        _same(lowering, node)
    else:
        lowering.add("scale", node, kernel=kernel, bias=bias)


def _dense(lowering: _Lowering, node: _Node) -> None:
    kernel, bias = (lowering.constants[name] for name in node.inputs[1:])
    lowering.add("dense", node, kernel=kernel, bias=bias)


def _global_pooling(operator: str) -> Callable[[_Lowering, _Node], None]:
    return lambda lowering, node: lowering.add(operator, node)


def _concatenate(lowering: _Lowering, node: _Node) -> None:
    """Axis 1 is the channels, or the values."""
    if node.attributes["axis"] != 1:
        raise EngineError(f"{node.output} joins along axis {node.attributes['axis']}, which has no place in a plan.")
    lowering.add("concatenate", node)


def _activation(lowering: _Lowering, node: _Node) -> None:
    details = {"alpha": node.attributes["alpha"]} if "alpha" in node.attributes else {}
    lowering.add(node.operator.lower(), node, **details)


LOWERED: dict[str, Callable[[_Lowering, _Node], None]] = {
    "Add": _add,
    "BatchNormalization": _batch_normalization,
    "Cast": _same,
    "Concat": _concatenate,
    "Conv": _convolution,
    "Elu": _activation,
    "Flatten": _flatten,
    "Gelu": _activation,
    "Gemm": _dense,
    "GlobalAveragePool": _global_pooling("average"),
    "GlobalMaxPool": _global_pooling("maximum"),
    "LeakyRelu": _activation,
    "MaxPool": _max_pooling,
    "Mean": lambda lowering, node: lowering.add("mean", node),
    "Mul": _multiply,
    "Pad": _zero_padding,
    "Relu": _activation,
    "Selu": _activation,
    "Sigmoid": _activation,
    "Softmax": _activation,
    "Softplus": _activation,
    "Tanh": _activation,
    "Transpose": _transpose,
}


def _packed(operations: list[Operation]) -> Plan:
    """Moves the arrays of all operations into one."""
    arrays: list[np.ndarray] = []
    offset = 0
    packed = []
    for operation in operations:
        entry: Operation = {}
        for key, value in operation.items():
            entry[key] = value
            if isinstance(value, np.ndarray):
                entry[key] = {"offset": offset, "shape": list(value.shape)}
                arrays.append(np.asarray(value, np.float32).ravel())
                offset += value.size
        packed.append(entry)
    return Plan(packed, np.concatenate([np.empty(0, np.float32), *arrays]))
