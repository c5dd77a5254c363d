"""A plan walked backwards in NumPy: how much an answer changes with each value on the way to it.

`replay.OPERATORS` says what every operator gives; BACKWARD beside it says what of a gradient every operator hands back.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import numpy as np

from inksight.errors import EngineError
from inksight.export.plan import Operation, Plan
from inksight.export.replay import erf, softmax

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def logits_place(plan: Plan) -> int:
    """The place of what softmax makes probabilities of.

    Raises:
        EngineError: the plan does not end in one.
    """
    last = plan.operations[-1]
    if last["operator"] != "softmax":
        raise EngineError(f"the network ends in {last['operator']}; a softmax was wanted. Train it with inksight.")
    return int(last["inputs"][0])


def log_odds(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How a class stands against all others, from logits and not from probabilities, so that no sureness is too much.

    Args:
        logits: float (n, classes).
        labels: int64 (n,), the class of each row.
    Returns:
        log(p / (1 - p)) float (n,), and its gradient by the logits (n, classes): 1 for the class, what the others share
        among them below 0.
    """
    rows = np.arange(len(labels))
    others = logits.copy()
    others[rows, labels] = -np.inf
    highest = others.max(axis=1, keepdims=True)
    powers = np.exp(others - highest)
    total = powers.sum(axis=1, keepdims=True)
    gradient = -powers / total
    gradient[rows, labels] = 1
    return logits[rows, labels] - (highest + np.log(total))[:, 0], gradient


def backward(plan: Plan, values: list[np.ndarray], gradient: np.ndarray, place: int) -> list[np.ndarray | None]:
    """Carries a gradient from a place back to the picture.

    Args:
        values: what `replay.walk` gives, float (n, …) each.
        gradient: by the values at `place`, of their shape.
    Returns:
        for each place up to `place` the gradient by its values, of their shape; None where nothing leads on from there.
    """
    found: list[np.ndarray | None] = [None] * place + [gradient]
    for at in range(place, 0, -1):
        operation, known = plan.operations[at - 1], found[at]
        if known is None:
            continue
        constants = {name: plan.constant(operation[name]) for name in ("kernel", "bias") if name in operation}
        inputs = [values[source] for source in operation["inputs"]]
        parts = BACKWARD[operation["operator"]](known, inputs, values[at], operation | constants)
        for source, part in zip(operation["inputs"], parts, strict=True):
            before = found[source]
            found[source] = part if before is None else before + part
    return found


Back = Callable[[np.ndarray, list[np.ndarray], np.ndarray, Operation], list[np.ndarray]]
"""(gradient by the output, inputs, output, operation) -> the gradient by each input."""


def _convolve(
    gradient: np.ndarray, inputs: list[np.ndarray], output: np.ndarray, operation: Operation
) -> list[np.ndarray]:
    kernel = operation["kernel"]
    result = np.zeros_like(inputs[0], gradient.dtype)
    for y, x in product(*map(range, kernel.shape[:2])):
        result[_window(operation, y, x)] += gradient @ kernel[y, x].T
    return [result]


def _pool(gradient: np.ndarray, inputs: list[np.ndarray], output: np.ndarray, operation: Operation) -> list[np.ndarray]:
    """The highest takes all; equals share it, so that no corner of a plain region is preferred."""
    places = [_window(operation, y, x) for y, x in product(*map(range, operation["window"]))]
    highest = [inputs[0][place] == output for place in places]
    share = gradient / np.sum(highest, axis=0)
    result = np.zeros_like(inputs[0], gradient.dtype)
    for place, is_highest in zip(places, highest, strict=True):
        result[place] += share * is_highest
    return [result]


def _window(operation: Operation, y: int, x: int) -> tuple[slice, ...]:
    """What lies under place (y, x) of the window, wherever the window stands."""
    (rows, columns, _), (down, across) = operation["shape"], operation["strides"]
    return slice(None), slice(y, y + rows * down, down), slice(x, x + columns * across, across)


def _pad(gradient: np.ndarray, inputs: list[np.ndarray], output: np.ndarray, operation: Operation) -> list[np.ndarray]:
    top, left = operation["before"]
    _, rows, columns, _ = inputs[0].shape
    return [gradient[:, top : top + rows, left : left + columns]]


def _maximum(
    gradient: np.ndarray, inputs: list[np.ndarray], output: np.ndarray, operation: Operation
) -> list[np.ndarray]:
    x = inputs[0]
    is_highest = x == _as_map(output, x)
    return [is_highest * (_as_map(gradient, x) / is_highest.sum(axis=(1, 2), keepdims=True))]


def _average(
    gradient: np.ndarray, inputs: list[np.ndarray], output: np.ndarray, operation: Operation
) -> list[np.ndarray]:
    x = inputs[0]
    return [np.broadcast_to(_as_map(gradient, x) / (x.shape[1] * x.shape[2]), x.shape)]


def _as_map(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """One value a channel, as a map of one pixel."""
    return values.reshape(len(like), 1, 1, -1)


def _concatenate(
    gradient: np.ndarray, inputs: list[np.ndarray], output: np.ndarray, operation: Operation
) -> list[np.ndarray]:
    return np.split(gradient, np.cumsum([each.shape[-1] for each in inputs])[:-1], axis=-1)


def _softmax(
    gradient: np.ndarray, inputs: list[np.ndarray], output: np.ndarray, operation: Operation
) -> list[np.ndarray]:
    p = softmax(inputs[0])
    return [p * (gradient - (gradient * p).sum(axis=-1, keepdims=True))]


def _slope(slope: Callable[..., np.ndarray]) -> Back:
    """Of a function of each value alone: its slope from its input, or from input and alpha."""
    return lambda gradient, inputs, output, operation: [
        gradient * slope(inputs[0], *([operation["alpha"]] if "alpha" in operation else []))
    ]


def _gelu(x: np.ndarray) -> np.ndarray:
    return np.asarray((1 + erf(x / math.sqrt(2))) / 2 + x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * (1 + np.tanh(x / 2)))


BACKWARD: dict[str, Back] = {
    "average": _average,
    "concatenate": _concatenate,
    "convolve": _convolve,
    "dense": lambda gradient, inputs, output, operation: [gradient @ operation["kernel"].T],
    "elu": _slope(lambda x, alpha: np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0)))),
    "flatten": lambda gradient, inputs, output, operation: [gradient.reshape(inputs[0].shape)],
    "gelu": _slope(_gelu),
    "leakyrelu": _slope(lambda x, alpha: np.where(x > 0, 1, alpha)),
    "maximum": _maximum,
    "mean": lambda gradient, inputs, output, operation: [gradient / len(inputs)] * len(inputs),
    "multiply": lambda gradient, inputs, output, operation: [gradient * inputs[1], gradient * inputs[0]],
    "pad": _pad,
    "pool": _pool,
    "relu": _slope(lambda x: x > 0),
    "scale": lambda gradient, inputs, output, operation: [gradient * operation["kernel"]],
    "selu": _slope(lambda x: SELU_SCALE * np.where(x > 0, 1, SELU_ALPHA * np.exp(np.minimum(x, 0)))),
    "sigmoid": _slope(lambda x: _sigmoid(x) * (1 - _sigmoid(x))),
    "softmax": _softmax,
    "softplus": _slope(_sigmoid),
    "tanh": _slope(lambda x: 1 - np.tanh(x) ** 2),
}
