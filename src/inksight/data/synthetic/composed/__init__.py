"""Pictures like those that people really make, from digits whose label is known, and pictures that are no digit.

They measure how well a system that finds the ink, normalises it as MNIST does and classifies it does on pictures from
elsewhere: drawings in an app, phone photographs of paper and boards, whole numbers, and what is no digit at all. All
chance comes from the generator that each function takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from inksight.data.synthetic.composed.canvas import canvas
from inksight.data.synthetic.composed.numbers import number
from inksight.data.synthetic.composed.outliers import LETTERS, LIKE_DIGITS, OUTLIERS, SYMBOLS, outlier
from inksight.data.synthetic.composed.paper import photo
from inksight.errors import UsageError, unknown

NUMBER_DIGITS = 2, 10
"""How many digits a number has."""

_ONE: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {"canvas": canvas, "photo": photo}
_PAIR = 2, 2
_ROW = {"number": (False, NUMBER_DIGITS), "touching": (True, NUMBER_DIGITS), "pair": (True, _PAIR)}
KINDS = (*_ONE, "number", "touching", *OUTLIERS, "pair")
"""What `compose` makes: one digit, a number, or no digit. A kind's place decides its chance, so new ones go last."""

__all__ = [
    "KINDS",
    "LETTERS",
    "LIKE_DIGITS",
    "NUMBER_DIGITS",
    "OUTLIERS",
    "SYMBOLS",
    "canvas",
    "compose",
    "composed",
    "number",
    "outlier",
    "photo",
]


def compose(
    kind: str, digits: np.ndarray, labels: np.ndarray, count: int, seed: int = 0
) -> tuple[list[np.ndarray], list[str]]:
    """All pictures of `composed` at once, and their texts."""
    made = list(composed(kind, digits, labels, count, seed))
    return [picture for picture, _ in made], [text for _, text in made]


def composed(
    kind: str, digits: np.ndarray, labels: np.ndarray, count: int, seed: int = 0
) -> Iterator[tuple[np.ndarray, str]]:
    """Makes pictures of one kind, one after another, and says what each shows.

    Args:
        kind: one of KINDS.
        digits: uint8 (n, 28, 28), bright ink on dark; a picture's digits are drawn from them by chance.
        labels: int (n,), 0–9.
        count: how many pictures.
        seed: with the kind and a picture's place it decides all chance.
    Returns:
        A picture, uint8 (h, w) grey or (h, w, 3) RGB of any size, and its text: "7", "4021", or "" for no digit.
    Raises:
        UsageError: no such kind.
    """
    if kind not in KINDS:
        raise UsageError(unknown("kind of picture", kind, KINDS))
    chances = (np.random.default_rng([seed, KINDS.index(kind), place]) for place in range(count))
    return (_composed(kind, digits, labels, chance) for chance in chances)


def _composed(
    kind: str, digits: np.ndarray, labels: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, str]:
    """One picture and its text."""
    if kind in OUTLIERS:
        return outlier(kind, generator), ""
    touching, (least, most) = _ROW.get(kind, (False, (1, 1)))
    length = 1 if kind in _ONE else int(generator.integers(least, most + 1))
    chosen = generator.integers(0, len(digits), length)
    text = "".join(str(label) for label in labels[chosen])
    if kind in _ONE:
        return _ONE[kind](digits[chosen[0]], generator), text
    return number(digits[chosen], generator, touching=touching), text
