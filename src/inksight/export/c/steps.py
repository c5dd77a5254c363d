"""A plan -> the calls of a C program: fewer of them, each with less to remember."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inksight.export.plan import Operation, Plan

PICTURE = 0
LARGEST = 127
MONOTONE = frozenset({"elu", "leakyrelu", "relu", "selu", "sigmoid", "softplus", "tanh"})
"""Activations that may come after a maximum as well as before it."""


@dataclass(frozen=True, eq=False)
class Step:
    """One call. inputs, output: values by number; PICTURE is the bytes that came. shape: of the output.
    details: what the operator needs, constants as arrays."""

    operator: str
    inputs: tuple[int, ...]
    output: int
    shape: tuple[int, ...]
    details: dict[str, Any]


def steps_of(plan: Plan, picture: tuple[int, int, int], int8: bool) -> list[Step]:
    """The calls in their order; the last one's output is the answer.

    Flattening is no work, a dense layer is a convolution of one place, and a pool behind a convolution is part of it.

    Args:
        picture: height, width and channels.
        int8: kernels become bytes with one factor a filter.
    """
    steps = _with_pools(_steps(plan, picture))
    return [part for step in steps for part in _in_bytes(step)] if int8 else steps


def _steps(plan: Plan, picture: tuple[int, int, int]) -> list[Step]:
    """One call an operation; only `scale` reads bytes."""
    steps: list[Step] = []
    shapes: dict[int, tuple[int, ...]] = {PICTURE: picture}
    values = {0: PICTURE}  # place in the plan -> value

    def add(operator: str, inputs: Sequence[int], shape: Sequence[int], details: dict[str, Any]) -> int:
        output = len(steps) + 1
        shapes[output] = tuple(shape)
        steps.append(Step(operator, tuple(inputs), output, shapes[output], details))
        return output

    for place, operation in enumerate(plan.operations, 1):
        operator, details = operation["operator"], _details(plan, operation)
        inputs = [values[each] for each in operation["inputs"]]
        if PICTURE in inputs and operator != "scale":
            ones = np.ones(picture[2], np.float32)
            floats = add("scale", [PICTURE], picture, {"kernel": ones, "bias": 0 * ones})
            inputs = [each or floats for each in inputs]
        if operator == "flatten":
            values[place] = inputs[0]
            continue
        operator, details = _as_written(operator, details, shapes[inputs[0]])
        values[place] = add(operator, inputs, operation["shape"], details | {"from": [shapes[each] for each in inputs]})
    return steps


def _as_written(operator: str, details: dict[str, Any], shape: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    """Three operators as two: convolutions, each with the pool behind it, if only of one place, and pools.

    Args:
        shape: of what goes in.
    """
    if operator in ("convolve", "dense"):
        one = {"strides": [1, 1], "window": [1, 1], "window_strides": [1, 1], **details}
        return "convolve", one | ({"kernel": details["kernel"][None, None]} if operator == "dense" else {})
    if operator == "maximum":
        return "pool", {"window": shape[:2], "window_strides": [1, 1]}
    if operator == "pool":
        return "pool", {"window": details["window"], "window_strides": details["strides"]}
    return operator, details


def _details(plan: Plan, operation: Operation) -> dict[str, Any]:
    """What an operator needs, its constants as arrays."""
    found = {key: value for key, value in operation.items() if key not in ("operator", "inputs", "shape")}
    return found | {key: plan.constant(found[key]) for key in ("kernel", "bias") if key in found}


def _with_pools(steps: list[Step]) -> list[Step]:
    """Lets convolutions keep only the largest under each window of the pool behind them, an activation between or not.

    What a convolution gives is then never held at once. Windows that overlap would have it computed more than once.
    """
    uses = Counter(value for step in steps for value in step.inputs)
    result: list[Step] = []
    for step in steps:
        chain = _convolution_before(step, result, uses) if step.operator == "pool" and not _overlaps(step) else []
        if not chain:
            result.append(step)
            continue
        chain = [replace(each, shape=step.shape) for each in chain]
        pooled = chain[0].details | {key: step.details[key] for key in ("window", "window_strides")}
        chain[0] = replace(chain[0], details=pooled)
        chain[-1] = replace(chain[-1], output=step.output)
        result[-len(chain) :] = chain
    return result


def _convolution_before(pool: Step, steps: list[Step], uses: Counter[int]) -> list[Step]:
    """The convolution right before a pool, and the activation between, if nobody else reads them; or nothing."""
    chain = steps[-1:] if not steps or steps[-1].operator == "convolve" else steps[-2:]
    behind = [*chain[1:], pool]
    operators = [step.operator for step in chain]
    fits = operators == ["convolve"] or (operators[:1] == ["convolve"] and operators[-1] in MONOTONE)
    read_once = all(
        after.inputs == (before.output,) and uses[before.output] == 1
        for before, after in zip(chain, behind, strict=False)
    )
    is_plain = fits and math.prod(chain[0].details["window"]) == 1  # it may have a pool in it already
    return chain if is_plain and read_once else []


def _overlaps(pool: Step) -> bool:
    """Whether a place lies under more than one window; that of a global pool stands once."""
    return any(
        step < length for step, length in zip(pool.details["window_strides"], pool.details["window"], strict=True)
    ) and pool.shape[:2] != (1, 1)


def _in_bytes(step: Step) -> list[Step]:
    """A convolution with int8 weights, and the factors that make floats of its sums."""
    if step.operator != "convolve":
        return [step]
    kernel, bias = step.details["kernel"], step.details["bias"]
    factors, weights = quantised(kernel)
    sums = -step.output  # a value of its own
    details = step.details | {"kernel": weights, "bias": np.zeros_like(bias)}
    return [
        replace(step, output=sums, details=details),
        Step("scale", (sums,), step.output, step.shape, {"kernel": factors, "bias": bias, "from": [step.shape]}),
    ]


def quantised(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights as bytes: float32 (…, filters) -> factors float32 (filters,) and int8 (…, filters), their product it."""
    largest = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1)))
    factors = np.where(largest > 0, largest / LARGEST, 1).astype(np.float32)
    return factors, np.clip(np.rint(kernel / factors), -LARGEST, LARGEST).astype(np.int8)


def rounded(plan: Plan) -> Plan:
    """The plan with its weights as int8 leaves them: what a C file with int8 must answer."""
    weights = plan.weights.copy()
    for operation in plan.operations:
        if operation["operator"] in ("convolve", "dense"):
            factors, kernel = quantised(plan.constant(operation["kernel"]))
            offset = operation["kernel"]["offset"]
            weights[offset : offset + kernel.size] = (kernel * factors).ravel()
    return Plan(plan.operations, weights)
