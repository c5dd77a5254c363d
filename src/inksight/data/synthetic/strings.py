"""Rows of digits as one hand writes them, apart or touching, made of single ones: what the line network learns from.

They look as `ink.strip` shows a line: ink alone, a digit's height DIGIT_PX, on a strip STRIP_PX high. Around many
is what forms and photos leave there: sides of boxes and frames, whole or broken, ends of rules, letters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from inksight.imaging.strip import DIGIT_PX, MARGIN_PX, STRIP_PX
from inksight.imaging.strokes import stroke_width

MOST_DIGITS = 7
WIDTH_PX = 128
LEAST_STEP_PX = 4  # from one middle to the next, and half as much again for equal digits: the network sees no nearer
_ZOOM = 2  # strips are drawn so many times as large, and averaged
_INK = 100
_SURROUNDED, _LETTERS = 0.45, 0.22  # rows with something around them, and which of these have letters
_ONES = 0.12  # rows with a 1 at an end
_TALLER = 1.3  # heights of a digit: sides of boxes
_PENS_PX = (-3, -2, -1, 0, 0, 1, 2, 3, 4, 6)  # what a hand's pen adds to the strokes


@dataclass(frozen=True)
class _Hand:
    """How one writer sets digits; lengths in heights of a digit."""

    slant: float
    size: float
    width: float
    pen_px: int
    gap: float
    wobble: float
    climb: float
    touching: float
    """the share of neighbours that touch"""


def strings(
    images: np.ndarray,
    labels: np.ndarray,
    count: int,
    generator: np.random.Generator,
    others: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws strips of one to MOST_DIGITS digits.

    Args:
        images: uint8 (n, 28, 28), framed digits, bright ink on 0.
        labels: int64 (n,).
        count: how many strips.
        generator: all chance enters here.
        others: uint8 (m, 28, 28), framed letters and signs that are to be left out when a row is read.
    Returns:
        uint8 (count, STRIP_PX, WIDTH_PX), and the labels from left to right, int32 (count, MOST_DIGITS), −1 behind
        the last.
    """
    strips = np.zeros((count, STRIP_PX, WIDTH_PX), np.uint8)
    texts = np.full((count, MOST_DIGITS), -1, np.int32)
    ones = np.flatnonzero(labels == 1)
    index = 0
    while index < count:
        chosen = generator.integers(0, len(images), generator.integers(1, MOST_DIGITS + 1))
        if len(ones) and generator.random() < _ONES:  # at one end, where the sides of boxes are
            chosen[generator.choice([0, -1])] = generator.choice(ones)
        found = _row(images[chosen], labels[chosen], generator)
        if found is None:
            continue
        row, places, pen_px = found
        if generator.random() < _SURROUNDED:
            if others is not None and generator.random() < _LETTERS:
                row = _with_letters(row, others, generator)
            else:
                row = _with_lines(row, places, pen_px, generator)
            if row.shape[1] > _ZOOM * (WIDTH_PX - MARGIN_PX):
                continue
        strip = _shrunk(_spoiled(row, generator), generator)
        if strip.shape[1] > WIDTH_PX:
            continue
        left = int(generator.integers(0, WIDTH_PX - strip.shape[1] + 1))
        strips[index, :, left : left + strip.shape[1]] = strip
        texts[index, : len(chosen)] = labels[chosen]
        index += 1
    return strips, texts


def _row(
    images: np.ndarray, labels: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, list[tuple[int, int]], float] | None:
    """Digits beside each other in one hand: uint8, _ZOOM times as large as a strip; the first and the last column of
    each; how thick strokes are. None where one hides another, or they do not fit on a strip."""
    hand = _hand(generator)
    high, widest = _ZOOM * STRIP_PX, _ZOOM * (WIDTH_PX - 2 * MARGIN_PX)
    row = np.zeros((high, widest), np.uint8)
    middle, end = -math.inf, 0
    places: list[tuple[int, int]] = []
    for place, image in enumerate(images):
        tile = _tile(image, hand, generator)[:high]
        down = generator.normal(0, hand.wobble) + hand.climb * (place - len(images) / 2)
        top = int(np.clip((high - len(tile)) / 2 + down * _ZOOM * DIGIT_PX, 0, high - len(tile)))
        rows = slice(top, top + len(tile))
        start = _start(row[rows, :end], tile, _gap_px(hand, generator)) if place else 0
        last, middle = middle, start + tile.shape[1] / 2
        alike = bool(place and labels[place] == labels[place - 1])
        if start + tile.shape[1] > widest or middle - last < _ZOOM * LEAST_STEP_PX * (1 + alike / 2):
            return None
        places.append((start, start + tile.shape[1]))
        part = row[rows, start : start + tile.shape[1]]
        np.maximum(part, tile, out=part)
        end = max(end, start + tile.shape[1])
    return row[:, :end], places, stroke_width(row[:, :end])


def _hand(generator: np.random.Generator) -> _Hand:
    """A writer: in four of nine all digits touch, in a few some, in the others none."""
    return _Hand(
        slant=float(generator.normal(0.05, 0.15)),
        size=float(np.clip(np.exp(generator.normal(0, 0.13)), 0.7, 1.4)),
        width=float(np.exp(generator.uniform(-0.28, 0.26))),
        pen_px=int(generator.choice(_PENS_PX)),
        gap=float(np.exp(generator.uniform(-3, -0.5 if generator.random() < 0.7 else 0.4))),
        wobble=float(generator.uniform(0, 0.06)),
        climb=float(generator.uniform(-0.02, 0.02)),
        touching=float(generator.choice([0.0, 0.4, 1.0], p=[0.25, 0.3, 0.45])),
    )


def _tile(image: np.ndarray, hand: _Hand, generator: np.random.Generator) -> np.ndarray:
    """One digit as the hand writes it, cut to its ink: uint8."""
    size = _ZOOM * DIGIT_PX / 20 * hand.size * np.exp(generator.normal(0, 0.06))
    angle = np.deg2rad(generator.normal(0, 4))
    shear = hand.slant + generator.normal(0, 0.08)
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = np.array([[1, -shear], [0, 1]]) @ turned
    linear = size * linear @ np.diag([hand.width * np.exp(generator.normal(0, 0.08)), 1])
    side = 5 * _ZOOM * STRIP_PX // 4
    middle = side / 2 - linear @ np.full(2, (len(image) - 1) / 2)
    tile = cv2.warpAffine(image, np.column_stack([linear, middle]), (side, side), flags=cv2.INTER_LINEAR)
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (abs(hand.pen_px) + 1,) * 2)
    thinner = cv2.erode(tile, pen)
    tile = cv2.dilate(tile, pen) if hand.pen_px > 0 else thinner if thinner.max() > _INK else tile
    rows, columns = np.flatnonzero((tile > _INK).any(axis=1)), np.flatnonzero((tile > _INK).any(axis=0))
    return np.asarray(tile[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def _gap_px(hand: _Hand, generator: np.random.Generator) -> int:
    """The paper to the next digit's ink; 0 and below where they touch."""
    if generator.random() < hand.touching:
        return -int(generator.integers(0, 7))
    return max(1, int(_ZOOM * DIGIT_PX * hand.gap * np.exp(generator.normal(0, 0.3))))


def _start(left: np.ndarray, right: np.ndarray, gap_px: int) -> int:
    """Where the right plane begins on the left one, so that `gap_px` are between their ink where they are nearest."""
    ink, other = (left > _INK).astype(np.uint8), right > _INK
    if gap_px > 0:
        ink = cv2.dilate(ink, np.ones((2 * gap_px + 1, 1), np.uint8))
    both = ink.any(axis=1) & other.any(axis=1)
    if not both.any():
        return max(0, int(left.shape[1]) + gap_px)
    ends = left.shape[1] - ink[both, ::-1].argmax(axis=1)
    nearest = int((ends - other[both].argmax(axis=1)).max())
    return max(0, nearest + gap_px)


def _with_lines(
    row: np.ndarray, places: list[tuple[int, int]], pen_px: float, generator: np.random.Generator
) -> np.ndarray:
    """A row with what a form leaves of its lines, wider and as high: sides of a box around it or of one for each digit,
    whole, dashed or in scraps, and rules below digits.

    No such side is like a 1: it is clearly taller than a digit or a scrap, or many scraps in one line.
    """
    high = len(row)
    digit = _ZOOM * DIGIT_PX
    before, behind = (int(digit * generator.uniform(0.15, 1.0)) for _ in "lr")
    row = np.pad(row, ((0, 0), (before, behind)))
    wide = row.shape[1]
    slant = generator.normal(0, 0.02)
    thick = max(1, round(pen_px * float(np.exp(generator.uniform(-1.5, 0.3)))))
    rows = np.flatnonzero(row.any(axis=1))
    top, bottom = rows[0] - digit * generator.uniform(0.1, 0.5), rows[-1] + digit * generator.uniform(0.1, 0.5)
    bottom = max(bottom, top + _TALLER * digit)
    left, right = generator.uniform(0, 0.6) * before, wide - 1 - generator.uniform(0, 0.6) * behind
    ends = [(left, right) if generator.random() < 0.6 else sorted(generator.uniform(0, wide, 2)) for _ in "tb"]
    lines = [
        ((first, y - slant * wide / 2), (last, y + slant * wide / 2))
        for y, (first, last) in zip((top, bottom), ends, strict=True)
        if generator.random() < 0.5
    ]
    upright = [x for x in (left, right) if generator.random() < 0.7]
    if generator.random() < 0.25:
        upright += [
            before + (start + end) / 2
            for (_, end), (start, _) in pairwise(places)
            if start - end > thick + _ZOOM * 2 and generator.random() < 0.9
        ]
    lines += [((x + slant * high / 2, top), (x - slant * high / 2, bottom)) for x in upright]
    way = generator.random()
    dash = digit * generator.uniform(0.08, 0.35), digit * generator.uniform(0.06, 0.3)
    over = np.zeros_like(row)
    level = int(generator.integers(90, 256))
    for first_end, last_end in lines:
        start, end = np.array(first_end), np.array(last_end)
        for here, there in _parts(float(np.hypot(*(end - start))), digit, dash, way, generator):
            ends_px = [np.rint(16 * (start + at * (end - start))).astype(int).tolist() for at in (here, there)]
            cv2.line(over, ends_px[0], ends_px[1], level, thick, cv2.LINE_AA, shift=4)
    if generator.random() < 0.15:  # a rule close below some digits
        y, (first, last) = int(rows[-1] + generator.integers(-4, 8)), sorted(generator.integers(0, wide, 2).tolist())
        cv2.line(over, (first, y), (last, round(y + slant * (last - first))), level, thick, cv2.LINE_AA)
    if generator.random() < 0.2:  # uneven print
        light = generator.uniform(0.1, 1, (6, max(2, wide // 12))).astype(np.float32)
        over = (over * cv2.resize(light, (wide, high))).astype(np.uint8)
    return np.asarray(np.maximum(row, over))


def _parts(
    length: float, digit: float, dash: tuple[float, float], way: float, generator: np.random.Generator
) -> list[tuple[float, float]]:
    """What is left of a line, from 0 to 1: all of it, dashes, some scraps of it, or one."""
    if way < 0.45:
        return [(0.0, 1.0)]
    if way < 0.65:
        starts = np.arange(-generator.uniform(0, dash[0]), length, sum(dash))
        return [(max(0.0, float(at) / length), min(1.0, (float(at) + dash[0]) / length)) for at in starts]
    count = int(generator.integers(1, 2 + int(length / digit))) if way < 0.85 else 1
    starts, lengths = generator.uniform(0, 1, count), digit * generator.uniform(0.04, 0.45, count) / length
    return [(float(at), min(1.0, float(at + part))) for at, part in zip(starts, lengths, strict=True)]


def _with_letters(row: np.ndarray, others: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A row with one to three letters or signs before or behind it, apart from it."""
    hand = _hand(generator)
    before = generator.random() < 0.5
    for image in others[generator.integers(0, len(others), generator.integers(1, 4))]:
        tile = _tile(image, hand, generator)[: len(row)]
        top = (len(row) - len(tile)) // 2
        tall = np.pad(tile, ((top, len(row) - top - len(tile)), (0, 0)))
        gap = np.zeros((len(row), int(_ZOOM * DIGIT_PX * generator.uniform(0.15, 0.8))), np.uint8)
        row = np.concatenate([tall, gap, row] if before else [row, gap, tall], axis=1)
    return row


def _spoiled(row: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """What finding the ink leaves: gaps where a rule was, dust, the rest of a rule, uneven ink; half are clean."""
    margin = int(generator.integers(_ZOOM * MARGIN_PX // 4, _ZOOM * MARGIN_PX + 1))
    row = np.pad(row, ((0, 0), (margin, margin)))
    high, wide = row.shape
    y, x = int(generator.integers(10, high - 10)), int(generator.integers(0, wide))
    level = int(generator.integers(60, 256))
    kind = generator.random()
    if kind < 0.15:
        row[y : y + int(generator.integers(1, 5))] = 0
    elif kind < 0.25:
        cv2.circle(row, (x, y), int(generator.integers(1, 4)), level, -1)
    elif kind < 0.35:
        end = x + int(generator.integers(10, 60)), y + int(generator.integers(-3, 4))
        cv2.line(row, (x, y), end, level, int(generator.integers(1, 3)))
    elif kind < 0.5:
        light = generator.uniform(0.3, 1, (6, max(2, wide // 12))).astype(np.float32)
        row = (row * cv2.resize(light, (wide, high))).astype(np.uint8)
    return row


def _shrunk(row: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A row -> a strip: a third out of focus, a quarter of few pixels, half with strokes that are full of ink."""
    if generator.random() < 0.3:
        row = cv2.GaussianBlur(row, (0, 0), float(np.exp(generator.uniform(-0.5, 0.8))))
    if generator.random() < 0.25:
        share = generator.uniform(0.25, 0.6)
        small = cv2.resize(row, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        way = cv2.INTER_CUBIC if generator.random() < 0.6 else cv2.INTER_LINEAR
        row = cv2.resize(small, (row.shape[1], len(row)), interpolation=way)
    strip = cv2.resize(row, (row.shape[1] // _ZOOM, STRIP_PX), interpolation=cv2.INTER_AREA)
    if generator.random() < 0.5:
        strip = cv2.convertScaleAbs(strip, alpha=float(generator.uniform(1, 1.8)))
    return np.asarray(strip)
