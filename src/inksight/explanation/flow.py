"""A picture flowing through a network: what every layer gives, and which pixels each value was made of."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from inksight.export.plan import Operation, Plan
from inksight.export.replay import walk

WHOLE = frozenset({"average", "maximum"})  # a value comes from all of the map before
SILENT = frozenset({"pad", "flatten"})  # nothing to see that is not in the layer before

DETAILS: tuple[str, ...] = ("strides", "window")


@dataclass(frozen=True)
class Field:
    """Which pixels of the picture a value of a map comes from, along rows and columns.

    The value at (row, column) sees `size` pixels from `start` + (row, column) · `step` on; what of that lies outside
    the picture is padding.
    """

    start: tuple[int, int]
    step: tuple[int, int]
    size: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Layer:
    """One operation of a network.

    inputs: the numbers of the layers it reads; -1 is the picture. values: float32 (height, width, channels) or
    (values,), what it gives for this picture. field: None where a value comes from the whole picture.
    kernel: float32 (height, width, channels in, channels out) of a convolution, (values in, values out) of a fully
    connected layer, else None. details: strides and window, where it has them.
    """

    operator: str
    inputs: tuple[int, ...]
    values: np.ndarray
    field: Field | None
    details: dict[str, list[int]]
    kernel: np.ndarray | None

    def __repr__(self) -> str:
        return f"Layer {self.operator}: {'×'.join(map(str, self.values.shape))}"


def flow(plan: Plan, image: np.ndarray) -> list[Layer]:
    """Walks a plan with one picture.

    Args:
        image: uint8 (height, width, channels), as the network takes it.
    Returns:
        the layers in order, without those that only pass values on; the last gives the probabilities.
    """
    values = walk(plan, image[None])
    fields = _fields(plan)
    numbers = {0: -1}
    layers: list[Layer] = []
    for place, operation in enumerate(plan.operations, start=1):
        if operation["operator"] in SILENT:
            numbers[place] = numbers[operation["inputs"][0]]
            continue
        numbers[place] = len(layers)
        inputs = tuple(numbers[each] for each in operation["inputs"])
        kernel = plan.constant(operation["kernel"]) if operation["operator"] in ("convolve", "dense") else None
        details = {name: operation[name] for name in DETAILS if name in operation}
        layers.append(Layer(operation["operator"], inputs, values[place][0], fields[place], details, kernel))
    return layers


def _fields(plan: Plan) -> list[Field | None]:
    """The field of every place of a plan."""
    fields: list[Field | None] = [Field((0, 0), (1, 1), (1, 1))]
    for operation in plan.operations:
        before = [fields[place] for place in operation["inputs"]]
        known = [each for each in before if each is not None]
        is_whole = len(known) < len(before) or len(operation["shape"]) == 1 or operation["operator"] in WHOLE
        fields.append(None if is_whole else _after(operation, known))
    return fields


def _after(operation: Operation, before: list[Field]) -> Field:
    """The field behind an operation, from those before it."""
    (start, step, size) = (np.array(part) for part in astuple(before[0]))
    if operation["operator"] == "pad":
        return _field(start - np.array(operation["before"]) * step, step, size)
    if operation["operator"] in ("convolve", "pool"):
        window = operation["window"] if "window" in operation else operation["kernel"]["shape"][:2]
        return _field(start, step * operation["strides"], size + (np.array(window) - 1) * step)
    starts = np.array([each.start for each in before])
    ends = starts + [each.size for each in before]
    return _field(starts.min(axis=0), step, ends.max(axis=0) - starts.min(axis=0))


def _field(start: np.ndarray, step: np.ndarray, size: np.ndarray) -> Field:
    """Out of arrays of two."""
    (top, left), (down, across), (height, width) = start.tolist(), step.tolist(), size.tolist()
    return Field((top, left), (down, across), (height, width))
