"""A plan walked in NumPy: the slow plain version beside the page's own, to prove what was written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np

from inksight.export.plan import Operation, Plan


def replay(plan: Plan, images: np.ndarray) -> np.ndarray:
    """What a plan answers.

    Args:
        images: uint8 (n, height, width, channels).
    Returns:
        float32 (n, classes).
    """
    return walk(plan, images)[-1]


def walk(plan: Plan, images: np.ndarray) -> list[np.ndarray]:
    """What is at each of a plan's places, float32 (n, …): the images first, the answer last."""
    values = [images.astype(np.float32)]
    for operation in plan.operations:
        constants = {name: plan.constant(operation[name]) for name in ("kernel", "bias") if name in operation}
        inputs = [values[place] for place in operation["inputs"]]
        result = OPERATORS[operation["operator"]](inputs, operation | constants)
        values.append(result.reshape(len(images), *operation["shape"]).astype(np.float32))
    return values


def _convolve(inputs: list[np.ndarray], operation: Operation) -> np.ndarray:
    kernel = operation["kernel"]
    flat = kernel.reshape(-1, *kernel.shape[2:])
    places = _under_window(inputs[0], operation, kernel.shape[:2])
    return np.asarray(sum(place @ weights for place, weights in zip(places, flat, strict=True)) + operation["bias"])


def _pool(inputs: list[np.ndarray], operation: Operation) -> np.ndarray:
    return np.asarray(np.max(list(_under_window(inputs[0], operation, operation["window"])), axis=0))


def _under_window(values: np.ndarray, operation: Operation, window: Sequence[int]) -> Iterator[np.ndarray]:
    """What lies under each place of a window, row by row, wherever the window stands: (n, rows, columns, channels)."""
    (rows, columns, _), (down, across) = operation["shape"], operation["strides"]
    for y, x in product(*map(range, window)):
        yield values[:, y : y + rows * down : down, x : x + columns * across : across]


def _pad(inputs: list[np.ndarray], operation: Operation) -> np.ndarray:
    x = inputs[0]
    (top, left), (rows, columns, _) = operation["before"], operation["shape"]
    around = ((0, 0), (top, rows - top - x.shape[1]), (left, columns - left - x.shape[2]), (0, 0))
    return np.pad(x, around, constant_values=operation["value"])


def _dense(inputs: list[np.ndarray], operation: Operation) -> np.ndarray:
    return np.asarray(inputs[0] @ operation["kernel"] + operation["bias"])


def softmax(x: np.ndarray) -> np.ndarray:
    """Logits -> probabilities, along the last axis."""
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def erf(x: np.ndarray) -> np.ndarray:
    """The error function, value by value."""
    from scipy import special

    return np.asarray(special.erf(x))


def _gelu(x: np.ndarray) -> np.ndarray:
    return np.asarray(x * (1 + erf(x / math.sqrt(2))) / 2)


def _selu(x: np.ndarray) -> np.ndarray:
    return 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))


def _each(function: Callable[..., np.ndarray]) -> Callable[[list[np.ndarray], Operation], np.ndarray]:
    """A function of values alone, or of values and alpha."""
    return lambda inputs, operation: function(inputs[0], *([operation["alpha"]] if "alpha" in operation else []))


OPERATORS: dict[str, Callable[[list[np.ndarray], Operation], np.ndarray]] = {
    "average": lambda inputs, operation: inputs[0].mean(axis=(1, 2)),
    "concatenate": lambda inputs, operation: np.concatenate(inputs, axis=-1),
    "convolve": _convolve,
    "dense": _dense,
    "elu": _each(lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))),
    "flatten": lambda inputs, operation: inputs[0],
    "gelu": _each(_gelu),
    "leakyrelu": _each(lambda x, alpha: np.where(x > 0, x, alpha * x)),
    "maximum": lambda inputs, operation: inputs[0].max(axis=(1, 2)),
    "mean": lambda inputs, operation: np.mean(inputs, axis=0),
    "multiply": lambda inputs, operation: inputs[0] * inputs[1],
    "pad": _pad,
    "pool": _pool,
    "relu": _each(lambda x: np.maximum(x, 0)),
    "scale": lambda inputs, operation: inputs[0] * operation["kernel"] + operation["bias"],
    "selu": _each(_selu),
    "sigmoid": _each(lambda x: 0.5 * (1 + np.tanh(x / 2))),
    "softmax": _each(softmax),
    "softplus": _each(lambda x: np.logaddexp(x, 0)),
    "tanh": _each(np.tanh),
}
