"""What every export must show before it may stay: it answers as the run's own model does in ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inksight.data.named import load_named_part
from inksight.data.registry import MNIST
from inksight.errors import EngineError
from inksight.export.format import TOLERANCE, Format, Source, in_parts
from inksight.imaging.decode import fit_square
from inksight.metrics.calibration import with_temperature

PICTURES = 1000


@dataclass(frozen=True)
class Proof:
    """How an export compares with the run's own model.

    pictures: how many both answered. other_labels: how many of them got another label.
    largest_difference: max |Δp|, 0–1.
    """

    pictures: int
    other_labels: int
    largest_difference: float

    def __str__(self) -> str:
        """Whether it is equal, in words: not where a label differs, or a probability by more than TOLERANCE."""
        largest = f"largest difference {self.largest_difference:.1g}"
        if self.other_labels:
            labels = f"{self.other_labels:,} of {self.pictures:,} labels differ from the run's own model"
            return f"{labels} ({largest})"
        if self.largest_difference > TOLERANCE:
            return f"the same labels as the run's own model on {self.pictures:,} pictures ({largest})"
        return f"equal to the run's own model on {self.pictures:,} pictures (the same labels, {largest})"


def golden_pictures(size_px: int = 28, channels: int = 1) -> np.ndarray:
    """The pictures that exports are compared on: the first 1,000 of MNIST's test part, brought to a network's size.

    A colour network gets a different digit in each channel. What its classes are does not matter to the arithmetic.

    Returns:
        uint8 (1000, size_px, size_px, channels).
    """
    digits = load_named_part(MNIST, "test").images[:PICTURES]
    squares = np.stack([fit_square(digit, size_px) for digit in digits])
    return np.stack([np.roll(squares, channel, axis=0) for channel in range(channels)], axis=-1)


def expected_answers(source: Source, images: np.ndarray) -> np.ndarray:
    """What the run's own model says in ONNX Runtime, calibrated: float32 (n, classes)."""
    return with_temperature(ask_onnx(source.content, images), source.card.temperature)


def ask_onnx(content: bytes, images: np.ndarray) -> np.ndarray:
    """What an ONNX file says in ONNX Runtime: float32 (n, classes)."""
    from inksight.utils.onnx_session import open_session

    session = open_session(content)
    return in_parts(lambda part: np.asarray(session.run(["probabilities"], {"images": part})[0]), images)


def prove(what: str, found: np.ndarray, expected: np.ndarray, row: Format) -> Proof:
    """Compares probabilities, float32 (n, classes) each; `what` is the export in words, `row` its bounds.

    Raises:
        EngineError: more labels differ than the format allows, or a probability by more.
    """
    if found.shape != expected.shape:
        raise EngineError(f"{what} gives answers of shape {found.shape}; {expected.shape} was wanted.")
    difference = float(np.abs(found - expected).max())
    others = int((found.argmax(axis=1) != expected.argmax(axis=1)).sum())
    most = int((1 - row.least_agreeing) * len(expected))
    if others > most or not difference <= row.tolerance:
        raise EngineError(
            f"{what} differs from the run's own model by {difference:.2g} on {len(expected):,} pictures and answers "
            f"{others:,} of them otherwise; at most {row.tolerance:g} and {most or 'none'} are allowed."
        )
    return Proof(len(expected), others, difference)
