"""The layer table: what each layer gives, learns and costs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class LayerRow:
    """One layer. shape: of one picture's output. multiply_adds: for one picture; only products with weights count."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


def layer_table(model: keras.Model) -> list[LayerRow]:
    """One row a layer, in the order in which a picture passes them; an ensemble's members one after the other."""
    return [row for layer in model.layers for row in _rows(layer)]


def _rows(layer: keras.Layer) -> list[LayerRow]:
    """Of one layer, or of the layers inside it."""
    inner = getattr(layer, "layers", None)
    if inner is not None:
        return [replace(row, name=f"{layer.name}/{row.name}") for row in layer_table(layer)]
    shape = tuple(int(side) for side in layer.output.shape[1:])
    return [LayerRow(layer.name, type(layer).__name__, shape, int(layer.count_params()), _multiply_adds(layer))]


def _multiply_adds(layer: keras.Layer) -> int:
    """A kernel is applied once at every output position; everything else is counted as free."""
    kernel = getattr(layer, "kernel", None)
    if kernel is None:
        return 0
    positions = math.prod(layer.output.shape[1:-1])
    return int(positions * math.prod(kernel.shape))
