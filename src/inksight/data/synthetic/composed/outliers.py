"""Pictures that are no digit: what a reader of digits should be unsure of."""

from __future__ import annotations

import string
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from inksight.data.synthetic.composed.canvas import (
    Lines,
    colours,
    field,
    inked,
    log_uniform,
    normalised,
    placed,
    sketch,
)
from inksight.errors import UsageError, unknown

Outlier = Callable[[np.random.Generator], np.ndarray]

SIZES_PX = 28, 600
SHARES = 0.3, 0.9
WIDTHS = 0.015, 0.12
LIKE_DIGITS = {
    "0": "OoQD",  # closed rings
    "1": "IiJjl",  # one upright stroke, maybe with a dot or a serif
    "2": "Zz",
    "4": "y",  # an open top on a stem
    "5": "Ss",
    "6": "Gb",  # a bow at the foot of a stem
    "8": "B",
    "9": "agq",  # a bow at the head of a stem; a is one in italics
}
"""Letters left out of "letters", by the digit that people take them for, alone on a page."""
LETTERS = "".join(letter for letter in string.ascii_letters if letter not in "".join(LIKE_DIGITS.values()))
FONTS = (
    "DejaVuSans",
    "DejaVuSans[-M]*",
    "DejaVuSerif",
    "DejaVuSerif-*",
    "STIXGeneral*",
    "cmr10",
    "cmb10",
    "cmss10",
    "cmti10",
    "cmtt10",
)


def outlier(kind: str, generator: np.random.Generator) -> np.ndarray:
    """A picture that shows no digit.

    Args:
        kind: one of OUTLIERS.
    Returns:
        uint8 (h, w) grey or (h, w, 3) RGB, sides of 28–600 px.
    Raises:
        UsageError: no such kind.
    """
    if kind not in OUTLIERS:
        raise UsageError(unknown("kind of outlier", kind, OUTLIERS))
    return OUTLIERS[kind](generator)


def _size(generator: np.random.Generator) -> int:
    """A picture's side, px: MNIST's own now and then."""
    return 28 if generator.random() < 0.15 else round(log_uniform(*SIZES_PX, generator))


def _shape(generator: np.random.Generator) -> tuple[int, int]:
    """A picture's height and width, px."""
    side = _size(generator)
    ratio = 1.0 if generator.random() < 0.6 else generator.uniform(0.6, 1)
    sides = max(SIZES_PX[0], round(side * ratio)), side
    return sides if generator.random() < 0.5 else sides[::-1]


# letters


@cache
def fonts() -> tuple[str, ...]:
    """The TrueType fonts of roman letters that Matplotlib brings, sorted."""
    spec = find_spec("matplotlib")
    if spec is None:
        raise ModuleNotFoundError("the letters are drawn with the fonts of Matplotlib", name="matplotlib")
    folders = [Path(place) / "mpl-data" / "fonts" / "ttf" for place in spec.submodule_search_locations or ()]
    return tuple(sorted(str(path) for folder in folders for name in FONTS for path in folder.glob(f"{name}.ttf")))


def _letters(generator: np.random.Generator) -> np.ndarray:
    """One printed letter, a little turned."""
    letter, font = LETTERS[generator.integers(len(LETTERS))], fonts()[generator.integers(len(fonts()))]
    cover = letter_cover(letter, font, generator.uniform(-12, 12))
    size = _size(generator)
    zoom = max(generator.uniform(0.3, 0.9) * size, 14) / max(cover.shape)
    sides = (max(4, round(cover.shape[1] * zoom)), max(4, round(cover.shape[0] * zoom)))
    small = cv2.resize(cover, sides, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
    return inked(placed(small, (size, size), generator), *colours(generator), generator)


def letter_cover(letter: str, font: str, degrees: float = 0) -> np.ndarray:
    """A printed letter, cut at its ink: float32 (h, w), 0–1, about 300 px high."""
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("L", (640, 640))
    ImageDraw.Draw(page).text((320, 320), letter, fill=255, font=ImageFont.truetype(font, 380), anchor="mm")
    turned = page.rotate(degrees, Image.Resampling.BILINEAR)
    return np.asarray(turned.crop(turned.getbbox()), np.float32) / 255


# scribbles


def _scribble(generator: np.random.Generator) -> np.ndarray:
    """A long aimless stroke, hatching, or coils."""
    makers = (_wander, _hatching, _coils)
    lines = makers[generator.integers(len(makers))](generator)
    return _sketched(lines, generator, log_uniform(0.012, 0.07, generator), SHARES)


def _sketched(lines: Lines, generator: np.random.Generator, width: float, shares: tuple[float, float]) -> np.ndarray:
    """Lines on a canvas, as high as one of the shares of it."""
    return sketch(normalised(lines), generator, width=width, size=_size(generator), share=generator.uniform(*shares))


def _wander(generator: np.random.Generator) -> Lines:
    """One smooth stroke through 16–50 places, or a few such strokes."""
    return [_curve(generator.random((generator.integers(16, 50), 2))) for _ in range(generator.integers(1, 3))]


def _hatching(generator: np.random.Generator) -> Lines:
    """A zigzag of 7–20 turns across an area, sometimes crossed by another."""
    zigzags = []
    for turn in (0.0, float(generator.uniform(0.6, 1.6)))[: int(generator.integers(1, 3))]:
        count = int(generator.integers(14, 40))
        places = np.stack([np.linspace(0, 1, count), np.arange(count) % 2.0], axis=1)
        places += generator.normal(0, 0.03, places.shape)
        angle = generator.uniform(-0.3, 0.3) + turn
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        zigzags.append((places - 0.5) @ rotation.T)
    return zigzags


def _coils(generator: np.random.Generator) -> Lines:
    """Five to twelve coils that drift along, as people try a pen."""
    turns = int(generator.integers(5, 13))
    angle = np.linspace(0, 2 * np.pi * turns, 40 * turns)
    radius = 1 + 0.25 * np.interp(angle, np.arange(0, angle[-1] + 2, 2), generator.normal(0, 1, int(angle[-1] / 2) + 2))
    drift = generator.uniform(0.25, 0.7) * angle / (2 * np.pi)
    return [np.stack([radius * np.cos(angle) + drift, radius * np.sin(angle) * generator.uniform(0.5, 1.2)], axis=1)]


def _curve(places: np.ndarray, between: int = 16) -> np.ndarray:
    """A smooth line by way of some places: float (k, 2) -> (16 k, 2)."""
    at = np.linspace(0, len(places) - 1, between * len(places))
    line = np.stack([np.interp(at, np.arange(len(places)), each) for each in places.T], axis=1)
    return np.asarray(cv2.GaussianBlur(line, (1, 0), 0, sigmaY=between / 2, borderType=cv2.BORDER_REPLICATE))


# symbols


def _ring(radius: float, x: float = 0, y: float = 0, start: float = 0, end: float = 2 * np.pi) -> np.ndarray:
    """An arc around (x, y)."""
    angle = np.linspace(start, end, 60)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)


def _corners(*points: tuple[float, float]) -> np.ndarray:
    """Straight pieces by way of some points, with places between them."""
    at = np.linspace(0, len(points) - 1, 30 * len(points))
    return np.stack([np.interp(at, np.arange(len(points)), each) for each in np.array(points, float).T], axis=1)


_TURN = np.linspace(0, 2 * np.pi, 90)
_TIPS = [(float(np.sin(0.8 * np.pi * k)), float(-np.cos(0.8 * np.pi * k))) for k in range(6)]
SYMBOLS: dict[str, Lines] = {
    "cross": [_corners((-1, -1), (1, 1)), _corners((-1, 1), (1, -1))],
    "plus": [_corners((-1, 0), (1, 0)), _corners((0, -1), (0, 1))],
    "tick": [_corners((-1, 0.1), (-0.4, 0.8), (1, -0.9))],
    "star": [_corners(*_TIPS)],
    "asterisk": [_corners((-np.cos(a), -np.sin(a)), (np.cos(a), np.sin(a))) for a in np.pi * np.arange(3) / 3],
    "dash": [_corners((-1, 0), (1, 0))],
    "equals": [_corners((-1, -0.4), (1, -0.4)), _corners((-1, 0.4), (1, 0.4))],
    "dots": [_ring(0.05, x) for x in (-1, 0, 1)],
    "dot": [np.concatenate([_ring(radius) for radius in np.linspace(0, 1, 60)])],  # filled
    "arrow": [_corners((-1, 0), (1, 0)), _corners((0.4, -0.5), (1, 0), (0.4, 0.5))],
    "heart": [np.stack([np.sin(_TURN) ** 3, -(13 * np.cos(_TURN) - 5 * np.cos(2 * _TURN)) / 16], axis=1)],
    "triangle": [_corners((-1, 0.8), (0, -0.9), (1, 0.8), (-1, 0.8))],
    "smiley": [_ring(1), _ring(0.06, -0.35, -0.3), _ring(0.06, 0.35, -0.3), _ring(0.55, 0, 0.05, 0.4, np.pi - 0.4)],
    "hash": [_corners(*ends) for at in (-0.35, 0.35) for ends in (((-1, at), (1, at)), ((at, -1), (at, 1)))],
}
"""Signs that are no digit, by their strokes."""


def _symbols(generator: np.random.Generator) -> np.ndarray:
    """One sign, drawn by hand: a little turned, slanted and bent."""
    names = list(SYMBOLS)
    name = names[generator.integers(len(names))]
    angle, slant = generator.normal(0, 0.12, 2)
    turn = np.array([[np.cos(angle), slant - np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn = turn @ np.diag(generator.uniform(0.8, 1.2, 2))
    bend = generator.normal(0, 0.04, (2, 2))
    bent = [line @ turn.T + np.sin(2 * line[:, ::-1] + bend[0]) * bend[1] for line in SYMBOLS[name]]
    shares = (0.05, 0.4) if name == "dot" else SHARES
    return _sketched(bent, generator, log_uniform(*WIDTHS, generator), shares)


# noise, textures and nothing


def _noise(generator: np.random.Generator) -> np.ndarray:
    """White, coarse, or salt and pepper, grey or coloured."""
    shape = _shape(generator)
    full = (*shape, 3) if generator.random() < 0.3 else shape
    kind = generator.integers(4)
    if kind == 0:
        return generator.integers(0, 256, full, np.uint8)
    if kind == 1:
        values = generator.uniform(60, 200) + generator.uniform(15, 60) * generator.standard_normal(full)
    elif kind == 2:
        level, share = generator.uniform(0, 255), generator.uniform(0.02, 0.3)
        values = np.where(generator.random(full) < share, 255.0 * (generator.random(full) < 0.5), level)
    else:
        small = generator.uniform(0, 255, (int(generator.integers(5, 25)), int(generator.integers(5, 25)), *full[2:]))
        way = cv2.INTER_NEAREST if generator.random() < 0.5 else cv2.INTER_LINEAR
        values = cv2.resize(small, (shape[1], shape[0]), interpolation=way)
    return np.clip(values, 0, 255).astype(np.uint8)


def _texture(generator: np.random.Generator) -> np.ndarray:
    """Wood, cloth, a gradient, a checkerboard, stripes or plasma between two colours."""
    makers = (_wood, _cloth, _gradient, _checkerboard, _stripes, _plasma)
    values = makers[generator.integers(len(makers))](_shape(generator), generator)
    values = (values - values.min()) / max(float(np.ptp(values)), 1e-6)
    return inked(np.asarray(values, np.float32), *colours(generator), generator)


def _grid(shape: tuple[int, int], generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Turned coordinates, 0–1 along the longer side: two float (h, w)."""
    y, x = np.indices(shape) / max(shape)
    angle = generator.uniform(0, np.pi)
    return np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x


def _wood(shape: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    along, across = _grid(shape, generator)
    warp = 0.05 * field(shape, max(shape) / 3, generator) + 0.004 * field(shape, 3, generator)
    return np.sin(2 * np.pi * generator.uniform(5, 18) * (across + 0.1 * along + warp)) + 0.3 * field(
        shape, 2, generator
    )


def _cloth(shape: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    along, across = _grid(shape, generator)
    count = 2 * np.pi * generator.uniform(8, 30)
    return np.sin(count * along) * np.sin(count * across) + 0.2 * field(shape, 2, generator)


def _gradient(shape: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    along, across = _grid(shape, generator)
    return along if generator.random() < 0.5 else np.hypot(along - along.mean(), across - across.mean())


def _checkerboard(shape: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    along, across = _grid(shape, generator)
    count = generator.uniform(4, 14)
    return (np.floor(count * along) + np.floor(count * across)) % 2


def _stripes(shape: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    waves = np.sin(2 * np.pi * generator.uniform(4, 14) * _grid(shape, generator)[0])
    return waves if generator.random() < 0.5 else (waves > 0).astype(float)


def _plasma(shape: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    cells = [max(shape) / 2**octave for octave in range(1, 7) if max(shape) / 2**octave >= 1]
    return np.asarray(np.sum([cell * field(shape, cell, generator) for cell in cells], axis=0))


def _blank(generator: np.random.Generator) -> np.ndarray:
    """An even ground, with a faint gradient, faint grain, or both: no 16 levels from one end to the other."""
    shape = _shape(generator)
    along = _grid(shape, generator)[0]
    slope = generator.uniform(0, 9) * (generator.random() < 0.5)
    grain = generator.uniform(0, 1.5) * (generator.random() < 0.5)
    level = float(generator.choice([0, 255, generator.uniform(0, 255)]))
    values = level + slope * (along - along.mean()) + grain * generator.standard_normal(shape)
    pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return np.repeat(pixels[..., None], 3, axis=2) if generator.random() < 0.3 else pixels


OUTLIERS: dict[str, Outlier] = {
    "letters": _letters,
    "scribble": _scribble,
    "noise": _noise,
    "texture": _texture,
    "blank": _blank,
    "symbols": _symbols,
}
"""Makers of pictures that are no digit, by their kind."""
