"""Where the values of a program lie: those that never live at once share their place."""

from __future__ import annotations

import math
from dataclasses import dataclass

from inksight.export.c.steps import PICTURE, Step

IN_PLACE = frozenset(
    {"elu", "gelu", "leakyrelu", "mean", "multiply", "relu", "scale", "selu", "sigmoid", "softmax", "softplus", "tanh"}
)
"""Operators that write a value only after they have read the one it replaces."""


@dataclass
class _Room:
    """Some floats for the values that follow each other in place; first, last: the steps between which they live."""

    size: int
    first: int
    last: int
    offset: int = 0


@dataclass(frozen=True)
class Memory:
    """One array of floats. offsets: value -> where it begins; None for the answer, which its reader holds.
    size: of the array, in floats."""

    offsets: dict[int, int | None]
    size: int


def memory_of(steps: list[Step]) -> Memory:
    """Lays values out, the largest first, each as low as it may."""
    last_use = {value: at for at, step in enumerate(steps) for value in step.inputs}
    rooms: dict[int, _Room] = {}
    for at, step in enumerate(steps):
        size = math.prod(step.shape)
        dying = [value for value in step.inputs if value != PICTURE and last_use[value] == at]
        if step.operator in IN_PLACE and dying:
            rooms[step.output] = rooms[dying[0]]
        else:
            rooms[step.output] = _Room(size, at, at)
        rooms[step.output].last = last_use.get(step.output, at)
    answer = rooms[steps[-1].output]
    placed: list[_Room] = []
    distinct = {id(room): room for room in rooms.values() if room is not answer}.values()
    for room in sorted(distinct, key=lambda room: -room.size):
        room.offset = _lowest(room, placed)
        placed.append(room)
    offsets = {value: None if room is answer else room.offset for value, room in rooms.items()}
    return Memory(offsets, max((room.offset + room.size for room in placed), default=0))


def _lowest(room: _Room, placed: list[_Room]) -> int:
    """The lowest offset at which a room is in nobody's way."""
    beside = [other for other in placed if other.first <= room.last and room.first <= other.last]
    offset = 0
    for other in sorted(beside, key=lambda other: other.offset):
        if other.offset >= offset + room.size:
            break
        offset = max(offset, other.offset + other.size)
    return offset
