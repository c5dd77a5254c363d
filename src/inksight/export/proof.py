"""What every export must show before it may stay: it answers as ONNX Runtime does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inksight.data.named import load_named_part
from inksight.data.registry import MNIST
from inksight.errors import EngineError
from inksight.picture import fit_square

PICTURES = 100
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Proof:
    """How equal an export is. pictures: how many both answered. largest_difference: max |Δp|, 0–1."""

    pictures: int
    largest_difference: float


def golden_pictures(size_px: int = 28, channels: int = 1) -> np.ndarray:
    """The pictures that exports are compared on: the first 100 of MNIST's test part, brought to a network's size.

    A colour network gets a different digit in each channel. What its classes are does not matter to the arithmetic.

    Returns:
        uint8 (100, size_px, size_px, channels).
    """
    digits = load_named_part(MNIST, "test").images[:PICTURES]
    squares = np.stack([fit_square(digit, size_px) for digit in digits])
    return np.stack([np.roll(squares, channel, axis=0) for channel in range(channels)], axis=-1)


def prove(what: str, found: np.ndarray, expected: np.ndarray) -> Proof:
    """Compares probabilities, float32 (n, classes) each; `what` is the export in words.

    Raises:
        EngineError: a label differs, or a probability by more than TOLERANCE.
    """
    difference = float(np.abs(found - expected).max())
    labels = int((found.argmax(axis=1) != expected.argmax(axis=1)).sum())
    if labels or not difference <= TOLERANCE:
        raise EngineError(
            f"{what} differs from ONNX Runtime by {difference:.2g} on {len(expected)} pictures and answers "
            f"{labels} of them otherwise; at most {TOLERANCE:g} and none are allowed. Nothing was written; "
            "please report this with your config.json."
        )
    return Proof(len(expected), difference)
