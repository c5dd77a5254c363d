"""Products in bfloat16, half the bytes and what a GPU's matrix units are made for; all else stays float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

_PRODUCTS = ("Conv2D", "Dense")
_EXACT = "logits"  # what the loss reads


@contextmanager
def computing_in(model: keras.Model, precision: str) -> Iterator[None]:
    """Inside, the convolutions and dense layers of `model` before its logits compute in `precision`.

    A compiled function keeps what held when it was traced, so that only training steps are meant: what measures,
    exports and saves a model is traced outside, in float32.

    Args:
        precision: one of PRECISIONS; all but "bfloat16" leave float32.
    """
    chosen = [layer for layer in model.layers if type(layer).__name__ in _PRODUCTS and layer.name != _EXACT]
    layers = chosen if precision == "bfloat16" else []
    try:
        for layer in layers:
            layer.dtype_policy = "mixed_bfloat16"
        yield
    finally:
        for layer in layers:
            layer.dtype_policy = "float32"
