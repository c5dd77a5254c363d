"""A picture of one or more numbers -> lines of pieces of ink, in reading order.

A piece is what cannot be told apart without knowing what it shows: one connected mark, with the marks right above and
below it. It may be a digit, several that touch, half of one, or a sign; `reading` judges that.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from inksight.errors import PictureError
from inksight.imaging.digit import ink_box
from inksight.imaging.paper import ink_plane, light_paper, shrunk
from inksight.imaging.rules import cleared, traced, within_frame, without_rules
from inksight.imaging.strokes import Marks, around, grown_to, marks_on

FINDING_PX = 640
READING_PX = 1600
MOST_MARKS = 200
SIGN_SHARE = 0.004  # of the heaviest mark's weight: lighter ones are dust
SMALLEST_SHARE = 0.07  # of a digit's height
TALL_SHARE = 0.5
PART_SHARE = 0.65
OVERLAP = 0.5
LONG, FLAT = 1.7, 0.4  # digits' heights: what is longer and flatter is no sign but a line somebody drew
UNDERLINED, THIN_LINE = 1.3, 0.15  # digits' heights: no stroke of a digit is so long, straight and thin
FARTHEST = 3.0  # digits' heights between neighbours of a line
LEVELLED = 2.5  # digits' heights: a shorter row has no slope to tell
MIN_SLOPED, STEEPEST, UNEVEN_DEG = 3, 0.8, 25.0  # a row that climbs or falls: its digits, slope, and unevenness


@dataclass(frozen=True, eq=False)
class Piece:
    """Connected ink. left, top: of its box, in pixels of the sheet. ink: uint8 (height, width), tight, 0 elsewhere."""

    left: int
    top: int
    ink: np.ndarray

    @property
    def right(self) -> int:
        """First column behind it."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """First row below it."""
        return self.top + self.height

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.ink.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.ink.shape[1])


@dataclass(frozen=True, eq=False)
class Line:
    """Pieces from left to right, and the height of a digit among them in pixels of the sheet."""

    pieces: tuple[Piece, ...]
    height: float


@dataclass(frozen=True, eq=False)
class Sheet:
    """Lines from top to bottom, and where the sheet lies on the picture: left and top in its pixels, and the scale."""

    lines: tuple[Line, ...]
    left: int
    top: int
    scale: tuple[float, float]

    def on_picture(self, piece: Piece, scale: int = 1) -> tuple[int, int, int, int]:
        """A piece's box in pixels of the picture, or of one `scale` times as large: left, top, width, height."""
        across, down = self.scale
        left, top = round(scale * (self.left + piece.left * across)), round(scale * (self.top + piece.top * down))
        right = round(scale * (self.left + piece.right * across))
        bottom = round(scale * (self.top + piece.bottom * down))
        return left, top, max(1, right - left), max(1, bottom - top)


def segment(picture: np.ndarray) -> Sheet:
    """Finds the ink of a picture and cuts it into lines of pieces.

    The picture is looked at twice, as a single digit is: made small, to find the ink, then at the ink alone.

    Args:
        picture: uint8 (height, width) grey or (height, width, 3) RGB, as `picture.parse_picture` gives it.
    Raises:
        PictureError: the picture is blank, or holds more marks than a few numbers do.
    """
    inside = within_frame(picture)
    paper = light_paper(picture[inside]).grey
    found = marks_on(without_rules(ink_plane(shrunk(paper, FINDING_PX)))[0])
    rows, columns = around(found.only(found.of_substance()), paper.shape)
    part = paper[rows, columns]
    small = shrunk(part, READING_PX)
    near = grown_to(found.only(found.of_substance(SIGN_SHARE)), paper.shape, (rows, columns), small.shape)
    plane = without_rules(ink_plane(small))[0]
    marks = marks_on(plane)
    if (bare := _without_underlines(plane, marks)) is not None:
        marks = marks_on(bare)
    scale = (part.shape[1] / small.shape[1], part.shape[0] / small.shape[0])
    return Sheet(_lines(_pieces(marks, near)), inside[1].start + columns.start, inside[0].start + rows.start, scale)


def composite(pieces: list[Piece]) -> Piece:
    """Several pieces as one."""
    left, top = min(piece.left for piece in pieces), min(piece.top for piece in pieces)
    right, bottom = max(piece.right for piece in pieces), max(piece.bottom for piece in pieces)
    ink = np.zeros((bottom - top, right - left), np.uint8)
    for piece in pieces:
        place = ink[piece.top - top : piece.bottom - top, piece.left - left : piece.right - left]
        np.maximum(place, piece.ink, out=place)
    return Piece(left, top, ink)


def tight(piece: Piece) -> Piece | None:
    """The piece without empty rows and columns at its edges; None without any ink."""
    if not piece.ink.any():
        return None
    top, left, height, width = ink_box(piece.ink)
    return Piece(piece.left + left, piece.top + top, piece.ink[top : top + height, left : left + width])


def _pieces(marks: Marks, near: np.ndarray) -> list[Piece]:
    """The marks that may be read, as far as they lie on `near`, bool like the plane; those above each other joined."""
    marks = marks.within(near)
    kept = np.flatnonzero(marks.of_substance(SIGN_SHARE))
    if len(kept) > MOST_MARKS:
        raise PictureError(
            f"too much to read: {len(kept):,} marks, at most {MOST_MARKS}. Cut the number out of the picture."
        )
    boxes = marks.boxes[kept]
    height = _digit_height(boxes, marks.weights[kept])
    wide, tall = boxes[:, 2] / height, boxes[:, 3] / height
    kept = kept[(np.maximum(wide, tall) >= SMALLEST_SHARE) & ~((wide > LONG) & (tall < FLAT))]
    groups: list[list[int]] = []
    for mark in kept[np.argsort(-marks.boxes[kept, 3])]:  # the tallest first: small ones join them
        home = next((group for group in groups if _joins(marks.boxes[mark], marks.boxes[group], height)), None)
        if home is None:
            groups.append([mark])
        else:
            home.append(mark)
    return [composite([_cut_out(marks, mark) for mark in group]) for group in groups]


def _without_underlines(plane: np.ndarray, marks: Marks) -> np.ndarray | None:
    """The plane without lines that run along below or above digits and touch them; None where there is none."""
    kept = np.flatnonzero(marks.of_substance(SIGN_SHARE))
    height = _digit_height(marks.boxes[kept], marks.weights[kept])
    reach = max(3, round(UNDERLINED * height))
    found = False
    for mark in kept[marks.boxes[kept, 2] >= reach]:
        piece = _cut_out(marks, mark)
        straight = cv2.morphologyEx((piece.ink > 127).astype(np.uint8), cv2.MORPH_OPEN, np.ones((1, reach), np.uint8))
        count, number, boxes, _ = cv2.connectedComponentsWithStats(straight)
        for each in range(1, count):
            left, _, wide, tall, _ = boxes[each].tolist()
            if tall > THIN_LINE * height:
                continue
            rows, columns = np.nonzero(number == each)
            slope, level = np.polyfit(columns, rows, 1)
            ends = np.array([left, level + slope * left, left + wide - 1, level + slope * (left + wide - 1)])
            line = ends + np.array([piece.left, piece.top] * 2)
            if (places := traced(plane, line, max(THIN_LINE * height, 3.0), to_border=False)) is not None:
                plane, found = cleared(plane, places), True
    return plane if found else None


def _digit_height(boxes: np.ndarray, weights: np.ndarray) -> float:
    """How tall a digit is: the median of the tall marks, each as often as it weighs; drawn lines do not count."""
    heights = boxes[:, 3].astype(float)
    drawn = boxes[:, 2] * FLAT > heights * LONG
    weights = weights * (~drawn | drawn.all())
    tall = heights >= TALL_SHARE * heights[weights >= 0.3 * weights.max()].max()
    order = np.argsort(heights[tall])
    share = np.cumsum(weights[tall][order]) / weights[tall].sum()
    return float(heights[tall][order][np.searchsorted(share, 0.5)])


def _joins(box: np.ndarray, others: np.ndarray, height: float) -> bool:
    """Whether a mark lies above or below a group's marks, near enough to be a part of the same digit."""
    left, top, width, tall = box
    start, end = others[:, 0].min(), (others[:, 0] + others[:, 2]).max()
    above, below = others[:, 1].min(), (others[:, 1] + others[:, 3]).max()
    shared = min(left + width, end) - max(left, start)
    gap = max(top - below, above - (top + tall))
    whole = max(top + tall, below) - min(top, above)
    if min(tall, below - above) > PART_SHARE * height:  # two tall marks are two digits, even when a slant crosses them
        return False
    return bool(shared >= OVERLAP * min(width, end - start) and gap <= 0.25 * height and whole <= 1.35 * height)


def _cut_out(marks: Marks, mark: int) -> Piece:
    """One mark as a piece."""
    left, top, width, height = (int(value) for value in marks.boxes[mark])
    window = (slice(top, top + height), slice(left, left + width))
    return Piece(left, top, np.where(marks.number[window] == mark, marks.ink[window], 0))


def _lines(pieces: list[Piece]) -> tuple[Line, ...]:
    """Chains of neighbours along the rows' slope; small pieces go to the line they lie nearest to."""
    height = float(np.median([piece.height for piece in pieces if piece.height >= TALL_SHARE * _tallest(pieces)]))
    tall = [piece for piece in pieces if piece.height >= TALL_SHARE * height]
    slope = _slope(tall, height)
    chains = _chains(tall, height, slope)
    for piece in [chain[0] for chain in chains if len(chain) == 1]:  # what stands in a row, though not behind its last
        rows = [chain for chain in chains if len(chain) > 1]
        home = _nearest(rows, piece) if rows else []
        if any(_beside(other, piece, height, slope) for other in home):
            chains = [chain for chain in chains if chain != [piece]]
            home.append(piece)
    for piece in pieces:
        if piece.height < TALL_SHARE * height and chains:
            _nearest(chains, piece).append(piece)
    chains.sort(key=lambda chain: float(np.mean([_level(piece, slope) for piece in chain])))
    return tuple(
        Line(
            tuple(sorted(chain, key=lambda piece: piece.left + piece.width / 2)),
            float(np.median([piece.height for piece in chain if piece.height >= TALL_SHARE * height])),
        )
        for chain in chains
    )


def _level(piece: Piece, slope: float) -> float:
    """The row of a piece's middle if the sheet were turned so that rows are level."""
    return piece.top + piece.height / 2 - slope * (piece.left + piece.width / 2)


def _slope(tall: list[Piece], height: float) -> float:
    """How far rows fall for each pixel to the right: 0, unless along another slope all digits are one even row."""
    if len(tall) < MIN_SLOPED or len(_chains(tall, height, 0.0)) == 1:
        return 0.0
    across = np.array([piece.left + piece.width / 2 for piece in tall])
    down = np.array([piece.top + piece.height / 2 for piece in tall])
    if np.ptp(across) < LEVELLED * height:
        return 0.0
    order = np.argsort(across)
    slope = float(np.polyfit(across, down, 1)[0])
    steps = np.rad2deg(np.arctan2(np.diff(down[order]), np.diff(across[order])))
    even = np.abs(steps - np.rad2deg(np.arctan(slope))).max() <= UNEVEN_DEG
    one = len(_chains(tall, height, slope)) == 1
    return slope if even and one and abs(slope) <= STEEPEST else 0.0


def _chains(tall: list[Piece], height: float, slope: float) -> list[list[Piece]]:
    """Tall pieces that stand behind each other, from left to right."""
    chains: list[list[Piece]] = []
    for piece in sorted(tall, key=lambda piece: piece.left):
        fitting = [chain for chain in chains if _continues(chain[-1], piece, height, slope)]
        if fitting:
            max(fitting, key=lambda chain: _shared_rows(chain[-1], piece, slope)).append(piece)
        else:
            chains.append([piece])
    return chains


def _tallest(pieces: list[Piece]) -> int:
    return max(piece.height for piece in pieces)


def _shared_rows(one: Piece, other: Piece, slope: float) -> float:
    """Rows that both cover, along the slope; below 0 the rows between them."""
    apart = abs(_level(one, slope) - _level(other, slope))
    return min((one.height + other.height) / 2 - apart, one.height, other.height)


def _continues(last: Piece, piece: Piece, height: float, slope: float) -> bool:
    """Whether a piece may stand behind the last one of a line."""
    near = piece.left - last.right <= FARTHEST * height
    return near and _shared_rows(last, piece, slope) >= 0.4 * min(last.height, piece.height)


def _beside(one: Piece, other: Piece, height: float, slope: float) -> bool:
    """Whether two pieces may be neighbours of a line."""
    first, second = sorted((one, other), key=lambda piece: piece.left)
    return _continues(first, second, height, slope)


def _nearest(chains: list[list[Piece]], piece: Piece) -> list[Piece]:
    """The line whose nearest tall piece is closest to a small one."""

    def away(other: Piece) -> float:
        across = max(other.left - piece.right, piece.left - other.right, 0)
        down = max(other.top - piece.bottom, piece.top - other.bottom, 0)
        return across + 2 * down

    return min(chains, key=lambda chain: min(away(other) for other in chain))
