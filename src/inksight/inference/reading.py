"""Lines of ink -> digits and signs.

The line network looks at a row as a whole and says where its digits are: what touches is cut apart between them, and
what one is broken into comes together. What a digit is, the classifier says; of digits torn apart, the line network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from inksight.imaging import digit_of_ink
from inksight.imaging.cuts import cut
from inksight.imaging.segment import Line, Piece, composite
from inksight.imaging.strip import Spot, spots_in, strip_of

# A strip, uint8 (height, width) -> probabilities float32 (columns, 1 + classes); the first is for "no digit here".
Spotter = Callable[[np.ndarray], np.ndarray]
# Inputs, uint8 (n, size, size) -> probabilities float32 (n, classes).
Judge = Callable[[np.ndarray], np.ndarray]

SIGN_HEIGHT = 0.42
CROSS_PX = 3.5
NEAR = 0.06  # digit heights to either side of a spot in which its ink is looked for
BROKEN = 0.3  # digit heights between the parts of one digit
LEAST_HIGH, LOW = 0.6, 0.45  # digit heights, of a digit that the line network does not see; of one beside one it sees
RULE_WIDE, RULE_FLAT = 0.25, 0.2  # digit heights: what is wider and flatter, and no dash, is the rest of a rule
HALF_KNOWN = 0.5  # the classifier that half of a double is one digit, beside the other half
DOUBTFUL, SURE, LIKELY = 0.9, 0.98, 0.8  # a spot; the classifier that it is one digit, beside a sure spot or none
CLEAR = 0.7  # a spot: two of them make a digit unsure that the classifier takes for one
ONE_WIDE, TWO_WIDE = 1.1, 1.35  # digit heights: no digit is wider than the second
BAR_WIDE, BEYOND, SAME = 0.2, 0.08, 0.1  # of its height; of a digit's height; between the heights of two dividers
MIDDLE = 0.25, 0.75  # of its neighbour's height: where a dash lies


@dataclass(frozen=True, eq=False)
class Glyph:
    """One thing read.

    sign: None for a digit. input: it as the classifier takes it, uint8 (size, size). spot: what the line network saw
    there. seen: where it saw none, its largest probability of one. torn: it was cut out of others, and so no longer
    looks like what it is. several: the line network saw more than one digit in it. framed: the rests of a box or a rule
    lie on its sheet. height: in heights of a digit.
    """

    piece: Piece
    sign: str | None
    input: np.ndarray
    spot: Spot | None = None
    seen: float | None = None
    torn: bool = False
    several: bool = False
    framed: bool = False
    height: float = 1.0


def read_lines(lines: Sequence[Line], judge: Judge, spotter: Spotter | None) -> list[list[Glyph]]:
    """Reads lines, each from left to right.

    Args:
        lines: pieces as `ink.segment` gives them.
        judge: the classifier.
        spotter: the line network; without it each piece is taken for one thing.
    """
    framed = any(_is_rule(piece, line) for line in lines for piece in line.pieces)
    return [[replace(glyph, framed=framed) for glyph in _read_line(line, judge, spotter)] for line in lines]


def _read_line(line: Line, judge: Judge, spotter: Spotter | None) -> list[Glyph]:
    """One line."""
    run: list[Piece] = []
    between = dividers(line)
    glyphs = [Glyph(piece, "mark", digit_of_ink(piece.ink)) for piece in between]
    line = _without(line, between)
    for piece in line.pieces:
        sign = sign_of(piece, line)
        if sign is None:
            run.append(piece)
            continue
        glyphs += _read_run(run, line.height, judge, spotter)
        run = []
        glyphs.append(Glyph(piece, sign, digit_of_ink(piece.ink)))
    glyphs += _read_run(run, line.height, judge, spotter)
    return sorted(glyphs, key=lambda glyph: glyph.piece.left) if between else glyphs


def dividers(line: Line) -> list[Piece]:
    """Strokes between digits that are no ones: two or more, straight, of one height, beyond the digits at both ends."""
    bars = [piece for piece in line.pieces if piece.width <= BAR_WIDE * piece.height and _is_straight(piece)]
    digits = [piece for piece in line.pieces if piece not in bars and piece.height >= LOW * line.height]
    if not digits:
        return []
    bars = [bar for bar in bars if _is_beyond(bar, min(digits, key=lambda digit: _apart(bar, digit)))]
    if len(bars) < 2 or max(bar.height for bar in bars) > (1 + SAME) * min(bar.height for bar in bars):
        return []
    return bars


def _is_beyond(bar: Piece, digit: Piece) -> bool:
    """Whether a bar reaches beyond a digit at both ends."""
    least = BEYOND * digit.height
    return bar.top <= digit.top - least and bar.bottom >= digit.bottom + least


def _is_straight(piece: Piece) -> bool:
    """Whether a piece is as wide at its ends as anywhere, as a ruled line is: a 1 with a flag or a foot is not."""
    widths = (piece.ink > 127).sum(axis=1)
    return bool(widths.max() <= 2 * max(float(np.median(widths)), 1.0))


def _without(line: Line, pieces: Sequence[Piece]) -> Line:
    """A line with some of its pieces taken out, and the height of the digits that stay."""
    if not pieces:
        return line
    left = tuple(piece for piece in line.pieces if piece not in pieces)
    tall = [piece.height for piece in left if piece.height >= LOW * line.height]
    return replace(line, pieces=left, height=float(np.median(tall)))


def sign_of(piece: Piece, line: Line) -> str | None:
    """Which small sign a piece is by its shape and place, "dash", "dot" or "comma"; None for what may be a digit."""
    if piece.height > SIGN_HEIGHT * line.height:
        return None
    if piece.width >= 1.8 * piece.height and piece.width >= 0.2 * line.height:
        return "dash" if _in_the_middle(piece, line) else None
    if piece.width > SIGN_HEIGHT * line.height:
        return None
    return "comma" if piece.height > 1.5 * piece.width else "dot"


def _is_rule(piece: Piece, line: Line) -> bool:
    """Whether a piece is what is left of a rule above or below the digits."""
    flat = piece.height <= RULE_FLAT * line.height and piece.width >= RULE_WIDE * line.height
    return flat and piece.width >= 2 * piece.height and not _in_the_middle(piece, line)


def _in_the_middle(piece: Piece, line: Line) -> bool:
    """Whether a flat piece lies at half the height of the nearest tall one, as a dash does; the bar of a 5 lies higher,
    the rest of a rule lower."""
    tall = [other for other in line.pieces if other.height >= LEAST_HIGH * line.height]
    if not tall:
        return True
    nearest = min(tall, key=lambda other: _apart(piece, other))
    place = (piece.top + piece.height / 2 - nearest.top) / nearest.height
    return MIDDLE[0] <= place <= MIDDLE[1]


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
    groups = _groups(pieces, height, found.spots if found else [])
    for group, spots in [part for each in groups for part in _without_strange(*each, judge)]:
        whole = composite(group)
        seen = digit_of_ink(whole.ink)
        doubtful = any(spot.probability < DOUBTFUL for _, spot in spots) and whole.width <= ONE_WIDE * height
        sure_spots = any(spot.probability >= DOUBTFUL for _, spot in spots)
        if found and not spots:
            wrong_size = whole.height < LEAST_HIGH * height or whole.width > TWO_WIDE * height
            glyphs.append(
                Glyph(whole, "mark" if wrong_size else None, seen, seen=found.most(whole), height=whole.height / height)
            )
        elif len(spots) == 1 and (several := _several(group, whole, height, spots[0], judge)):
            glyphs += several
        elif len(spots) < 2 or (doubtful and judge(seen[None]).max() >= (SURE if sure_spots else LIKELY)):
            clear = [spot for _, spot in spots if spot.probability >= CLEAR]
            glyphs.append(Glyph(whole, None, seen, spots[0][1] if len(spots) == 1 else None, several=len(clear) > 1))
        else:
            parts = cut(whole, [place for place, _ in spots])
            glyphs += [
                Glyph(part, None, digit_of_ink(part.ink), spot, torn=True)
                for part, (_, spot) in zip(parts, spots, strict=True)
                if part is not None
            ]
    return glyphs


def _without_strange(
    group: list[Piece], spots: list[tuple[float, Spot]], judge: Judge
) -> list[tuple[list[Piece], list[tuple[float, Spot]]]]:
    """A group; or its main piece and the others by themselves, where the classifier is sure of that piece only."""
    if len(group) == 1 or len(spots) > 1 or judge(digit_of_ink(composite(group).ink)[None]).max() >= SURE:
        return [(group, spots)]
    main = max(group, key=lambda piece: int(piece.ink.sum(dtype=np.int64)))
    if judge(digit_of_ink(main.ink)[None]).max() < SURE:
        return [(group, spots)]
    by_place = sorted(group, key=lambda piece: piece.left + piece.width / 2)
    return [([piece], spots if piece is main else []) for piece in by_place]


def _several(group: list[Piece], whole: Piece, height: float, found: tuple[float, Spot], judge: Judge) -> list[Glyph]:
    """The digits of a group in which the line network sees one; none where it is one.

    Two equal digits that touch look like one to the network, and it misses one beside another now and then. So where
    the classifier does not know the whole, its tall pieces or its halves are digits if it knows them all; the one that
    the network misses is no 1, which a bar may be.
    """
    column, spot = found
    parts = [piece for piece in group if piece.height >= LOW * height]
    seen = max(range(len(parts)), key=lambda index: _ink_near(parts[index], column, NEAR * height), default=0)
    halves = len(parts) == 1 and whole.width > TWO_WIDE * height
    if halves:
        cuts = cut(whole, [whole.left + share * whole.width for share in (0.25, 0.75)])
        parts = [part for part in cuts if part is not None]
    if len(parts) < 2 or judge(digit_of_ink(whole.ink)[None]).max() >= LIKELY:
        return []
    inputs = np.stack([digit_of_ink(piece.ink) for piece in parts])
    answers = judge(inputs)
    best, sure = answers.argmax(axis=1), answers.max(axis=1)
    if halves:
        known = bool((best == spot.index).all()) and sure.min() >= HALF_KNOWN and sure.max() >= LIKELY
    else:
        known = sure.min() >= LIKELY and not (np.delete(best, seen) == 1).any()
    if not known:
        return []
    return [Glyph(piece, None, each) for piece, each in zip(parts, inputs, strict=True)]


class _Found:
    """What the line network finds in a run. spots: each with its column of the sheet."""

    def __init__(self, pieces: list[Piece], height: float, spotter: Spotter) -> None:
        self._strip = strip_of(pieces, height)
        self._probabilities = spotter(self._strip.ink)
        wide = self._strip.right - self._strip.left
        self.spots = [(self._strip.left + spot.place * wide, spot) for spot in spots_in(self._probabilities)]

    def most(self, piece: Piece) -> float:
        """The largest probability of any digit over a piece, 0–1, but for columns where it sees another one."""
        scale = len(self._probabilities) / (self._strip.right - self._strip.left)
        first, last = (int((edge - self._strip.left) * scale) for edge in (piece.left, piece.right))
        columns = self._probabilities[max(first, 0) : last + 1]
        return float(columns[columns.argmax(axis=1) == 0, 1:].max(initial=0.0))


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
        tall = [other for other, each in enumerate(pieces) if each.height >= LEAST_HIGH * height]
        others = tall if piece.height < LEAST_HIGH * height else []  # a bar may be that of a 5 that is not seen either
        near = [other for other in {*homes, *others} if _one_digit(pieces[other], piece, height)]
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
