"""Digits written by real pens on real paper, or on a board, and photographed by a phone.

Ink comes as a tile: float32 (h, w), 0–1, how much of a pixel is covered. Lengths on the paper are in heights of the
tile, its middle is 0; a 3 × 3 map takes them to the photograph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from inksight.data.synthetic.composed.canvas import Colour, Lines, drawn, field, log_uniform, open_width, strokes

SIDES_PX = 200, 3000
"""A photograph's longer side."""
SHARES = 0.08, 0.8
"""The digit's height ÷ its photograph's."""
TILE_PX = 480
"""The height at which one digit is drawn before the camera sees it."""


_REACH = 1.6  # of the photograph's longer side: farther than its edge from anywhere on it


class Pen(NamedTuple):
    """What a pen does: its width ÷ the digit's height, how much light its ink stops, its grain and its swelling."""

    width: tuple[float, float]
    opacity: tuple[float, float]
    grain: float
    uneven: float
    inks: tuple[str, ...]


PENS = {
    "ballpoint": Pen((0.022, 0.045), (0.75, 0.95), 0.15, 0.1, ("black", "blue", "blue", "red", "green")),
    "gel": Pen((0.035, 0.07), (0.9, 1.0), 0, 0.05, ("black", "blue", "red", "green", "violet")),
    "fountain": Pen((0.035, 0.1), (0.75, 0.95), 0, 0.3, ("black", "blue", "blue", "violet")),
    "pencil": Pen((0.03, 0.075), (0.6, 0.9), 0.5, 0.2, ("lead",)),
    "marker": Pen((0.09, 0.2), (0.8, 1.0), 0.05, 0.05, ("black", "black", "blue", "red", "green")),
}
BOARD_PENS = {
    "whiteboard": Pen((0.05, 0.11), (0.75, 1.0), 0.1, 0.1, ("black", "blue", "red", "green")),
    "chalkboard": Pen((0.05, 0.12), (0.65, 0.95), 0.5, 0.2, ("chalk", "chalk", "yellow", "rose")),
}
INKS = {
    "black": (28, 27, 32),
    "blue": (32, 48, 150),
    "red": (185, 32, 40),
    "green": (20, 110, 62),
    "violet": (84, 40, 130),
    "lead": (62, 62, 66),
    "chalk": (238, 238, 232),
    "yellow": (240, 225, 130),
    "rose": (240, 170, 180),
}
PAPERS = {
    "white": (246, 246, 244),
    "bright": (252, 253, 255),
    "yellowish": (245, 236, 208),
    "recycled": (205, 202, 194),
    "kraft": (190, 150, 106),
}
BOARDS = {"whiteboard": [(236, 239, 240)], "chalkboard": [(40, 74, 58), (48, 52, 52), (30, 42, 66)]}
RULES = {"blue": (168, 190, 226), "grey": (186, 186, 188), "reddish": (228, 176, 172)}
TABLES = [(92, 62, 40), (44, 40, 38), (120, 88, 60), (62, 66, 72), (24, 24, 26)]


@dataclass(frozen=True)
class Scene:
    """One writer's pen and ground, and how much care the photographer takes."""

    pen: Pen
    width: float
    """÷ the digit's height"""
    ink: Colour
    ground: Colour
    rough: float
    """the ground's texture, as a share of its brightness"""
    paper: bool
    """not a board"""
    haste: float
    """0 a scanner, 1 a hurried phone"""


def photo(digit: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """One digit, redrawn with a pen or with the soft edge that it has, on paper or on a board, photographed.

    Args:
        digit: uint8 (28, 28), bright ink on dark.
    Returns:
        uint8 (h, w, 3) RGB or, now and then, (h, w) grey; the longer side 200–3000 px.
    """
    look = new_look(generator)
    own_greys = generator.random() < 0.5
    tile = _enlarged(digit, generator) if own_greys else written(strokes(digit), look, TILE_PX, generator)
    return photographed(grained(tile, look, generator), look, generator)


def new_look(generator: np.random.Generator) -> Scene:
    """A pen, an ink, a ground and a photographer."""
    board = str(generator.choice(list(BOARDS))) if generator.random() < 0.15 else None
    pen = BOARD_PENS[board] if board else PENS[str(generator.choice(list(PENS)))]
    ink = np.array(INKS[str(generator.choice(pen.inks))], float)
    grounds = BOARDS[board] if board else list(PAPERS.values())
    ground = np.array(grounds[generator.integers(len(grounds))], float) + generator.uniform(-6, 3, 3)
    if board != "chalkboard":
        ink = ink * (0.35 + 0.65 * ground / 255)  # the ground shines through
    rough = float(generator.choice([0.004, 0.01, 0.03]))
    return Scene(pen, log_uniform(*pen.width, generator), ink, ground, rough, board is None, float(generator.random()))


def written(lines: Lines, look: Scene, height_px: int, generator: np.random.Generator) -> np.ndarray:
    """Lines of height 1 under the look's pen, no loop closed: a tile."""
    pen = open_width(lines, look.width)
    return drawn(lines, height_px * (1 - pen), height_px * pen, look.pen.uneven, generator)


def grained(tile: np.ndarray, look: Scene, generator: np.random.Generator) -> np.ndarray:
    """A tile as its ink lies on the ground: as opaque as the pen is, with the grain of lead and chalk."""
    opacity = generator.uniform(*look.pen.opacity)
    if not look.pen.grain:
        return np.asarray(tile * np.float32(opacity))
    grain = field(tile.shape, generator.uniform(2.5, 5), generator) + 0.6 * field(tile.shape, 14, generator)
    return np.asarray(tile * np.float32(opacity) * (1 - look.pen.grain * np.clip(0.6 * grain + 0.3, 0, 1)))


def photographed(tile: np.ndarray, look: Scene, generator: np.random.Generator, digit_px: int = TILE_PX) -> np.ndarray:
    """What a phone makes of ink on a ground.

    Args:
        tile: float32 (h, w), 0–1, how much of the ground's colour is ink's.
        digit_px: a digit's height on the tile.
    Returns:
        uint8 (h, w, 3) RGB or (h, w) grey.
    """
    shape, to_photo, scale = _viewpoint(tile.shape, look, generator, digit_px)
    pen_px = look.width * scale * digit_px / tile.shape[0]
    picture = _ground(shape, look, scale, generator)
    if look.paper and generator.random() < 0.45:
        _rule(picture, to_photo, scale, generator)
    picture += _seen(tile, to_photo, scale, shape) * (_planes(look.ink) - picture)
    if look.paper and generator.random() < 0.2:
        _add_table(picture, tile.shape[1] / tile.shape[0], to_photo, scale, generator)
    picture *= _light(shape, look.haste, generator)
    return _developed(_blurred(picture, pen_px, look.haste, generator), look.haste, generator)


def _enlarged(digit: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The digit's own greys enlarged smoothly, their edge a little steeper: a tile."""
    rows, columns = (np.flatnonzero(digit.max(axis=axis) > 40) for axis in (1, 0))
    cut = np.pad(digit, 1)[rows[0] : rows[-1] + 3, columns[0] : columns[-1] + 3].astype(np.float32) / 255
    zoom = TILE_PX / (len(cut) - 2)
    wide = cv2.resize(cut, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
    wide = cv2.GaussianBlur(wide, (0, 0), 0.3 * zoom)
    return np.asarray(np.clip((wide - 0.45) * generator.uniform(1.2, 4) + 0.5, 0, 1))


def _viewpoint(
    tile: tuple[int, ...], look: Scene, generator: np.random.Generator, digit_px: int
) -> tuple[tuple[int, int], np.ndarray, float]:
    """Where the phone stands: the photograph's shape, the map from the paper to it, and a tile's height in px."""
    aspect, tall = tile[1] / tile[0], tile[0] / digit_px
    shape = _frame(aspect, generator)
    least = max(24.0 if aspect < 2 else 18.0, 1.3 / look.width) * tall
    scale = max(log_uniform(*SHARES, generator) * shape[0], least)
    angle = np.deg2rad(generator.uniform(-12, 12) * min(1, 0.2 + look.haste))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    lean = generator.uniform(-0.25, 0.25, 2) * look.haste * scale / max(shape)
    corners = np.array([[x, y] for x in (-aspect / 2, aspect / 2) for y in (-0.5, 0.5)])
    seen = corners @ turn.T / (1 + corners @ lean)[:, None]
    extent = np.ptp(seen, axis=0)
    fit = float(min(1.0, 0.92 * shape[1] / extent[0], 0.92 * shape[0] / extent[1]))
    if fit * scale < least:  # a long number on a small picture: the picture grows
        shape = (round(shape[0] * least / (fit * scale)), round(shape[1] * least / (fit * scale)))
        fit = least / scale
    turn, seen = turn * fit, seen * fit
    low, high = -seen.min(axis=0), np.array(shape[::-1]) - seen.max(axis=0)
    margin = 0.02 * min(shape)
    place = generator.uniform(np.minimum(low + margin, (low + high) / 2), np.maximum(high - margin, (low + high) / 2))
    return shape, np.block([[turn + np.outer(place, lean), place[:, None]], [lean, np.ones(1)]]), scale * fit


def _frame(aspect: float, generator: np.random.Generator) -> tuple[int, int]:
    """A photograph's height and width: those of a phone, or cut by hand, lying when a number is long."""
    side = log_uniform(*SIDES_PX, generator)
    ratio = float(generator.choice([3 / 4, 3 / 4, 9 / 16, 2 / 3, 1.0, generator.uniform(0.5, 1)]))
    lying = generator.random() < (0.4 if aspect < 2 else 0.85)
    return (round(side * ratio), round(side)) if lying else (round(side), round(side * ratio))


def _ground(shape: tuple[int, int], look: Scene, scale: float, generator: np.random.Generator) -> np.ndarray:
    """The ground before anything lies on it: float32 (3, h, w), 0–255."""
    half = (-(-shape[0] // 2), -(-shape[1] // 2))
    fibres = field(half, max(1.0, 0.006 * scale), generator) if look.rough > 0.005 else np.zeros(half, np.float32)
    clouds = field(half, max(4.0, 0.3 * scale), generator)
    texture = 1 + np.float32(look.rough) * (fibres + 0.6 * clouds)
    if not look.paper:  # what was wiped away
        wiped = cv2.blur(field(half, 0.4 * scale + 6, generator), (1 + half[1] // 8, 3))
        texture += np.float32(generator.uniform(0, 0.03)) * wiped
    texture = cv2.resize(texture, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(texture * _planes(look.ground))


def _planes(colour: Colour | tuple[float, ...]) -> np.ndarray:
    """A colour to calculate with three planes: float32 (3, 1, 1)."""
    return np.asarray(colour, np.float32)[:, None, None]


def _projected(points: np.ndarray, to_photo: np.ndarray) -> np.ndarray:
    """Points (k, 2) on the paper as sixteenths of a photograph's pixel, as OpenCV draws them: int32 (k, 2)."""
    mapped = np.c_[points, np.ones(len(points))] @ to_photo.T
    return np.asarray(np.rint(np.clip(mapped[:, :2] / np.maximum(mapped[:, 2:], 0.1), -2e4, 2e4) * 16), np.int32)


def _rule(picture: np.ndarray, to_photo: np.ndarray, scale: float, generator: np.random.Generator) -> None:
    """Prints a ruled or a squared sheet's lines."""
    squared = generator.random() < 0.5
    spacing = generator.uniform(0.45, 1.2) if squared else generator.uniform(1.05, 2.0)
    if spacing * scale < 7:
        return
    names = list(RULES)
    colour = _planes(RULES[names[generator.integers(len(names))]]) / 250
    printed = np.zeros(picture.shape[1:], np.uint8)
    thick = max(1, round(spacing * scale * generator.uniform(0.012, 0.03)))
    reach = _REACH * max(picture.shape) / scale
    first = generator.uniform(0, spacing) if squared else 0.5 + generator.uniform(-0.08, 0.12)
    places = first + spacing * np.arange(-np.ceil(reach / spacing), np.ceil(reach / spacing))
    for place in places:
        ends = np.array([[-reach, place], [reach, place]])
        for each in (ends, ends[:, ::-1]) if squared else (ends,):
            start, end = _projected(each, to_photo)
            cv2.line(printed, start.tolist(), end.tolist(), 255, thick, cv2.LINE_AA, 4)
    picture *= 1 - printed * np.float32(generator.uniform(0.45, 1.0) / 255) * (1 - colour)


def _seen(tile: np.ndarray, to_photo: np.ndarray, scale: float, shape: tuple[int, int]) -> np.ndarray:
    """The ink as it falls on the photograph's pixels: float32 of the shape, 0–1."""
    shrink = scale / tile.shape[0]
    if shrink < 1:
        sides = [max(2, round(side * shrink)) for side in tile.shape]
        tile = cv2.resize(tile, (sides[1], sides[0]), interpolation=cv2.INTER_AREA)
    h, w = tile.shape
    to_paper = np.array([[1 / h, 0, -(w - 1) / 2 / h], [0, 1 / h, -(h - 1) / 2 / h], [0, 0, 1]])
    return np.asarray(cv2.warpPerspective(tile, to_photo @ to_paper, (shape[1], shape[0]), flags=cv2.INTER_LINEAR))


def _add_table(
    picture: np.ndarray, aspect: float, to_photo: np.ndarray, scale: float, generator: np.random.Generator
) -> None:
    """Lays a dark table beyond one edge of the paper, clear of the ink."""
    away = (0.5 if (upright := generator.random() < 0.5) else aspect / 2) + generator.uniform(0.25, 1.2)
    side, far = float(generator.choice([-1, 1])), _REACH * max(picture.shape) / scale + 2
    corners = np.array([[-far, away * side], [far, away * side], [far, far * side], [-far, far * side]])
    mask = np.zeros(picture.shape[1:], np.uint8)
    cv2.fillPoly(mask, [_projected(corners if upright else corners[:, ::-1], to_photo)], 255, cv2.LINE_AA, 4)
    h, w = picture.shape[1:]
    streaks = 1 + 0.12 * cv2.resize(field((h, 64), 6, generator), (w, h))
    picture += mask * np.float32(1 / 255) * (_planes(TABLES[generator.integers(len(TABLES))]) * streaks - picture)


def _light(shape: tuple[int, int], haste: float, generator: np.random.Generator) -> np.ndarray:
    """How much light falls on each pixel, and its colour: float32 (3, h, w), 0–1.1."""
    small = (max(8, shape[0] // 8), max(8, shape[1] // 8))
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in small)
    x, y = np.meshgrid(x, y)
    angle = generator.uniform(0, 2 * np.pi)
    gain = 1 + 0.3 * haste * generator.random() * (np.cos(angle) * x + np.sin(angle) * y - 0.7)
    gain -= 0.2 * haste * generator.random() * (x**2 + y**2)
    if generator.random() < 0.5 * haste + 0.1:
        gain *= _shadow(x, y, generator)
    gain *= generator.uniform(0.7, 1.05) if generator.random() < 0.7 else 1.0
    warm, tint = generator.normal(0, 0.06 * haste), generator.normal(0, 0.015)
    wide = cv2.resize(np.asarray(gain, np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(wide * _planes((1 + warm, 1 + tint, 1 - 1.5 * warm)))


def _shadow(x: np.ndarray, y: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The soft shadow of a hand (a wavy edge) or of the phone (a corner): a gain from 0.5 to 1."""
    angle, place = generator.uniform(0, 2 * np.pi), generator.uniform(-0.6, 0.8)
    soft = log_uniform(0.02, 0.3, generator)
    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    if generator.random() < 0.5:
        wave = 0.15 * np.sin(generator.uniform(1, 4) * across + generator.uniform(0, 6))
        inside = along - place + wave
    else:
        inside = np.minimum(along - place, across - generator.uniform(-0.9, 0.2))
    return np.asarray(1 - generator.uniform(0.1, 0.45) / (1 + np.exp(-np.clip(inside / soft, -30, 30))))


def _blurred(picture: np.ndarray, pen_px: float, haste: float, generator: np.random.Generator) -> np.ndarray:
    """Out of focus, or moved, by less than what would hide a line of the pen's width."""
    most = min(0.6 * pen_px + 0.3, 0.004 * max(picture.shape) + 0.5)
    sigma = max(0.45, haste * generator.random() * most)
    picture = np.stack([cv2.GaussianBlur(plane, (0, 0), sigma) for plane in picture])
    length = round(2.5 * most * haste * generator.random())
    if length < 2 or generator.random() < 0.7:
        return picture
    kernel, angle = np.zeros((2 * length + 1, 2 * length + 1), np.uint8), generator.uniform(0, np.pi)
    away = np.rint(16 * length / 2 * np.array([np.cos(angle), np.sin(angle)])).astype(int)
    start, end = ((16 * length + sign * away).tolist() for sign in (-1, 1))
    cv2.line(kernel, start, end, 255, 1, cv2.LINE_AA, 4)
    return np.stack([cv2.filter2D(plane, -1, kernel / np.float32(kernel.sum())) for plane in picture])


def _developed(picture: np.ndarray, haste: float, generator: np.random.Generator) -> np.ndarray:
    """Sensor noise and JPEG of quality 40–95: uint8."""
    h, w = picture.shape[1:]
    noise = np.float32(generator.uniform(0.3, 1.5 + 5 * haste))
    picture += noise * generator.standard_normal((h, w), np.float32)
    spots = 0.6 * noise * generator.standard_normal((3, -(-h // 3), -(-w // 3)), np.float32)
    planes = [plane + cv2.resize(each, (w, h)) for plane, each in zip(picture, spots, strict=True)]
    pixels = np.clip(cv2.merge(planes[::-1]), 0, 255).astype(np.uint8)  # BGR, as OpenCV writes it
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(generator.integers(40, 96))]
    grey = generator.random() < 0.1
    file = cv2.imencode(".jpg", pixels, quality)[1]
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR_RGB))
