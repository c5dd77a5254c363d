"""Lines of ink -> digits and signs: several ways to cut and join are tried, and the classifier judges them.

Atoms are pieces, and parts of pieces where digits may touch. Every short run of neighbouring atoms is a candidate; the
best way to cover the line with candidates is found by dynamic programming.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inksight.ink import digit_of_ink
from inksight.ink.cuts import cut
from inksight.ink.segment import Line, Piece, composite

# Inputs uint8 (n, size, size) -> float32 (n, classes): probabilities, lower where it is no digit at all.
Judge = Callable[[np.ndarray], np.ndarray]

MOST_ATOMS = 8  # in one digit
WIDEST = 1.7  # digit heights
NARROW = 0.4  # in digit heights: a piece that is narrower is not cut
SURE, SURELY_ONE = 0.98, 1.7  # nor one that is surely a digit and no wider than this
CUT_COST, INK_COST = 0.1, 2.0  # in logarithms of probability: for a cut, and for each digit height of ink it crosses
GAP_COST, JOIN_COST = 8.0, 3.0  # for each digit height of paper inside one digit, and for joining at all
SHORT_COST = 6.0  # for what a digit lacks of the line's height
TOO_SHORT = 0.75
WIDE_COST = 8.0  # for each digit height that a digit is wider than the following
WIDE, WIDE_CUT = 1.2, 0.8  # the second where it could be cut
SIGN_HEIGHT = 0.42
CROSS_PX = 3.5
LEAST_LOG = -12.0
SURENESS = 3.0  # how much the classifier's word counts against all these


@dataclass(frozen=True, eq=False)
class Glyph:
    """One thing read. sign: None for a digit. input: it as the classifier takes it, uint8 (size, size)."""

    piece: Piece
    sign: str | None
    input: np.ndarray


@dataclass(frozen=True, eq=False)
class _Candidate:
    """Atoms first … last - 1 as one digit."""

    first: int
    last: int
    piece: Piece
    cost: float


def read_line(line: Line, judge: Judge) -> list[Glyph]:
    """Reads a line from left to right.

    Args:
        line: pieces as `ink.segment` gives them.
        judge: the classifier.
    """
    signs = {index: sign for index, piece in enumerate(line.pieces) if (sign := sign_of(piece, line))}
    glyphs: list[Glyph] = []
    run: list[Piece] = []
    for index, piece in enumerate(line.pieces):
        if index not in signs:
            run.append(piece)
            continue
        glyphs += _read_run(run, line.height, judge)
        run = []
        glyphs.append(Glyph(piece, signs[index], digit_of_ink(piece.ink)))
    return glyphs + _read_run(run, line.height, judge)


def sign_of(piece: Piece, line: Line) -> str | None:
    """Which small sign a piece is by its shape and place, "dash", "dot" or "comma"; None for what may be a digit."""
    if piece.height > SIGN_HEIGHT * line.height:
        return None
    if piece.width >= 1.8 * piece.height and piece.width >= 0.2 * line.height:
        return "dash"
    if piece.width > SIGN_HEIGHT * line.height:
        return None
    return "comma" if piece.height > 1.5 * piece.width else "dot"


def is_cross(image: np.ndarray) -> bool:
    """Whether a framed picture, uint8 (28, 28), shows × or +: all ink on two lines through the middle."""
    ink = image > 127
    rows, columns = np.nonzero(ink)
    if not len(rows):
        return False
    y, x = rows - rows.mean(), columns - columns.mean()
    for one, other in ((x, y), (x - y, x + y)):
        first, second = np.abs(one) <= CROSS_PX, np.abs(other) <= CROSS_PX
        arms = [(first & (side > CROSS_PX)).sum() for side in (other, -other)]
        arms += [(second & (side > CROSS_PX)).sum() for side in (one, -one)]
        if (first | second).mean() > 0.9 and min(arms) > 0.1 * len(rows):
            return True
    return False


def _read_run(pieces: list[Piece], height: float, judge: Judge) -> list[Glyph]:
    """The likeliest digits of pieces between two signs."""
    if not pieces:
        return []
    sure = judge(np.stack([digit_of_ink(piece.ink) for piece in pieces])).max(axis=1) >= SURE
    atoms, joints = _atoms(pieces, sure, height)
    candidates = _candidates(atoms, joints, height)
    inputs = np.stack([digit_of_ink(candidate.piece.ink) for candidate in candidates])
    rows = judge(inputs)
    costs = [
        candidate.cost - SURENESS * max(math.log(max(float(row.max()), 1e-30)), LEAST_LOG)
        for candidate, row in zip(candidates, rows, strict=True)
    ]
    return [
        Glyph(candidates[index].piece, None, inputs[index]) for index in _cheapest_cover(candidates, costs, len(atoms))
    ]


@dataclass(frozen=True)
class _Joint:
    """Between two atoms: the ink that a cut there crosses, None where they do not touch; and the paper between them.
    Both in digit heights."""

    crossed: float | None
    gap: float


def _atoms(pieces: list[Piece], sure: np.ndarray, height: float) -> tuple[list[Piece], list[_Joint]]:
    """The atoms and the joints between them; what is surely one digit, and no wider than one, is not cut."""
    atoms: list[Piece] = []
    joints: list[_Joint] = []
    for piece, whole in zip(pieces, sure, strict=True):
        may_be_two = piece.width > (SURELY_ONE if whole else NARROW) * height
        parts, crossed = cut(piece, height) if may_be_two else ([piece], [])
        if atoms:
            joints.append(_Joint(None, max(0.0, (piece.left - atoms[-1].right) / height)))
        atoms += parts
        joints += [_Joint(ink, 0.0) for ink in crossed]
    return atoms, joints


def _candidates(atoms: list[Piece], joints: list[_Joint], height: float) -> list[_Candidate]:
    """Every short run of atoms, and what it costs to take it for one digit, whatever it looks like."""
    found: list[_Candidate] = []
    for first in range(len(atoms)):
        cost, cuttable = 0.0, False
        for last in range(first + 1, min(first + MOST_ATOMS, len(atoms)) + 1):
            if last - first > 1:
                joint = joints[last - 2]
                cost += 0.0 if joint.crossed is not None else JOIN_COST + GAP_COST * joint.gap
                cuttable |= joint.crossed is not None
            piece = composite(atoms[first:last])
            if piece.width > WIDEST * height and last - first > 1:
                break
            behind = joints[last - 1].crossed if last < len(atoms) else None
            split = CUT_COST + INK_COST * behind if behind is not None else 0.0
            short = SHORT_COST * max(0.0, TOO_SHORT - piece.height / height)
            wide = WIDE_COST * max(0.0, piece.width / height - (WIDE_CUT if cuttable else WIDE))
            found.append(_Candidate(first, last, piece, cost + split + short + wide))
    return found


def _cheapest_cover(candidates: list[_Candidate], costs: list[float], count: int) -> list[int]:
    """Indices of the candidates that cover all atoms in order at the least cost."""
    best = [0.0] + [math.inf] * count
    through = [-1] * (count + 1)
    for index, (candidate, cost) in enumerate(zip(candidates, costs, strict=True)):
        if best[candidate.first] + cost < best[candidate.last]:
            best[candidate.last], through[candidate.last] = best[candidate.first] + cost, index
    chosen: list[int] = []
    place = count
    while place:
        chosen.append(through[place])
        place = candidates[through[place]].first
    return chosen[::-1]
