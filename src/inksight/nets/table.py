"""The layer table: what each layer gives, learns and costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
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
    """One row a layer, in the order in which a picture passes them."""
    return [
        LayerRow(
            layer.name,
            type(layer).__name__,
            tuple(int(side) for side in layer.output.shape[1:]),
            int(layer.count_params()),
            _multiply_adds(layer),
        )
        for layer in model.layers
    ]


def _multiply_adds(layer: keras.Layer) -> int:
    """A kernel is applied once at every output position; everything else is counted as free."""
    kernel = getattr(layer, "kernel", None)
    if kernel is None:
        return 0
    positions = math.prod(layer.output.shape[1:-1])
    return int(positions * math.prod(kernel.shape))
