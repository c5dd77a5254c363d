"""Lines of ink -> digits and signs.

The line network looks at a row as a whole and says where its digits are: what touches is cut apart between them, and
what one is broken into comes together. What a digit is, the classifier says; of digits torn apart, the line network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inksight.ink import digit_of_ink
from inksight.ink.cuts import cut
from inksight.ink.segment import Line, Piece, composite
from inksight.ink.strip import Spot, spots_in, strip_of

# A strip, uint8 (height, width) -> probabilities float32 (columns, 1 + classes); the first is for "no digit here".
Spotter = Callable[[np.ndarray], np.ndarray]
# Inputs, uint8 (n, size, size) -> probabilities float32 (n, classes).
Judge = Callable[[np.ndarray], np.ndarray]

SIGN_HEIGHT = 0.42
CROSS_PX = 3.5
NEAR = 0.06  # digit heights to either side of a spot in which its ink is looked for
BROKEN = 0.3  # digit heights between the parts of one digit
LEAST_HIGH = 0.6  # digit heights, of a digit that the line network does not see
DOUBTFUL, SURE, LIKELY = 0.9, 0.98, 0.8  # a spot; the classifier that it is one digit, beside a sure spot or none
ONE_WIDE = 1.1  # digit heights


@dataclass(frozen=True, eq=False)
class Glyph:
    """One thing read. sign: None for a digit. input: it as the classifier takes it, uint8 (size, size). spot: what the
    line network saw there. seen: where it saw none, its largest probability of one. torn: it was cut out
    of others, and so no longer looks like what it is."""

    piece: Piece
    sign: str | None
    input: np.ndarray
    spot: Spot | None = None
    seen: float | None = None
    torn: bool = False


def read_line(line: Line, judge: Judge, spotter: Spotter | None) -> list[Glyph]:
    """Reads a line from left to right.

    Args:
        line: pieces as `ink.segment` gives them.
        judge: the classifier.
        spotter: the line network; without it each piece is taken for one thing.
    """
    glyphs: list[Glyph] = []
    run: list[Piece] = []
    for piece in line.pieces:
        sign = sign_of(piece, line)
        if sign is None:
            run.append(piece)
            continue
        glyphs += _read_run(run, line.height, judge, spotter)
        run = []
        glyphs.append(Glyph(piece, sign, digit_of_ink(piece.ink)))
    return glyphs + _read_run(run, line.height, judge, spotter)


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


def _read_run(pieces: list[Piece], height: float, judge: Judge, spotter: Spotter | None) -> list[Glyph]:
    """The digits of pieces between two signs."""
    if not pieces:
        return []
    glyphs = []
    found = _Found(pieces, height, spotter) if spotter else None
    for group, spots in _groups(pieces, height, found.spots if found else []):
        whole = composite(group)
        seen = digit_of_ink(whole.ink)
        doubtful = any(spot.probability < DOUBTFUL for _, spot in spots) and whole.width <= ONE_WIDE * height
        sure_spots = any(spot.probability >= DOUBTFUL for _, spot in spots)
        if found and not spots:
            low = whole.height < LEAST_HIGH * height
            glyphs.append(Glyph(whole, "mark" if low else None, seen, seen=found.most(whole)))
        elif len(spots) < 2 or (doubtful and judge(seen[None]).max() >= (SURE if sure_spots else LIKELY)):
            glyphs.append(Glyph(whole, None, seen, spots[0][1] if len(spots) == 1 else None))
        else:
            parts = cut(whole, [place for place, _ in spots])
            glyphs += [
                Glyph(part, None, digit_of_ink(part.ink), spot, torn=True)
                for part, (_, spot) in zip(parts, spots, strict=True)
                if part is not None
            ]
    return glyphs


class _Found:
    """What the line network finds in a run. spots: each with its column of the sheet."""

    def __init__(self, pieces: list[Piece], height: float, spotter: Spotter) -> None:
        self._strip = strip_of(pieces, height)
        self._probabilities = spotter(self._strip.ink)
        wide = self._strip.right - self._strip.left
        self.spots = [(self._strip.left + spot.place * wide, spot) for spot in spots_in(self._probabilities)]

    def most(self, piece: Piece) -> float:
        """The largest probability of any digit over a piece, 0–1."""
        scale = len(self._probabilities) / (self._strip.right - self._strip.left)
        first, last = (int((edge - self._strip.left) * scale) for edge in (piece.left, piece.right))
        return float(self._probabilities[max(first, 0) : last + 1, 1:].max())


def _groups(
    pieces: list[Piece], height: float, spots: list[tuple[float, Spot]]
) -> list[tuple[list[Piece], list[tuple[float, Spot]]]]:
    """Pieces that belong together, and the spots on each group; a piece without one goes to the group it is nearest to,
    if that is near enough."""
    found: list[list[tuple[float, Spot]]] = [[] for _ in pieces]
    for column, spot in spots:
        shares = [_ink_near(piece, column, NEAR * height) for piece in pieces]
        found[int(np.argmax(shares))].append((column, spot))
    homes = [index for index in range(len(pieces)) if found[index]]
    groups = {index: [pieces[index]] for index in homes}
    for index, piece in enumerate(pieces):
        if found[index]:
            continue
        near = [home for home in homes if _one_digit(pieces[home], piece, height)]
        home = min(near, key=lambda home: _apart(pieces[home], piece), default=index)
        groups.setdefault(home, []).append(piece)
    return [(groups[index], found[index]) for index in sorted(groups)]


def _ink_near(piece: Piece, column: float, reach: float) -> float:
    """How much of a piece's ink lies near a column of the sheet; below 0, how far away it is."""
    start, end = column - reach - piece.left, column + reach - piece.left
    near = piece.ink[:, max(0, int(start)) : max(0, int(end) + 1)]
    away = max(-end, start - piece.width, 0.0)
    return float(near.sum()) if near.any() else -1.0 - away


def _one_digit(one: Piece, other: Piece, height: float) -> bool:
    """Whether two pieces may be parts of one digit: near each other, and together not wider than one."""
    both = max(one.right, other.right) - min(one.left, other.left)
    return _apart(one, other) < BROKEN * height and both <= max(ONE_WIDE * height, one.width + 1)


def _apart(one: Piece, other: Piece) -> float:
    """Columns between two pieces; below 0 where they overlap."""
    return max(one.left - other.right, other.left - one.right)
