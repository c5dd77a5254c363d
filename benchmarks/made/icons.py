"""Colour icons, 32×32, of twelve classes, the most common twenty times as frequent as the rarest.

Two of them, `left` and `right`, are mirror images, and `right` is the rarer one.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from made.picture import Picture

Points = list[tuple[float, float]]
Colour = tuple[int, int, int]

COMMONEST, RAREST = 500, 25  # training pictures
EACH = {"train": 1, "val": 2, "test": 2}  # times as many
SIZE_PX, FINE = 32, 4  # drawn FINE times as large, then made small


def circle(radius: float, x: float = 0, y: float = 0, begin: float = 0, end: float = 360) -> Points:
    """Points on an arc; degrees run clockwise from the right."""
    angles = np.deg2rad(np.linspace(begin, end, 40))
    return [(x + radius * float(np.cos(angle)), y + radius * float(np.sin(angle))) for angle in angles]


def star() -> Points:
    """Five points."""
    return [
        (float(radius * np.sin(turn)), float(-radius * np.cos(turn)))
        for turn, radius in zip(np.arange(10) * np.pi / 5, [1, 0.45] * 5, strict=True)
    ]


def gear() -> Points:
    """Eight teeth."""
    steps = np.arange(32)
    radii = np.where(steps // 2 % 2 == 0, 1, 0.72)
    return [
        (float(radius * np.cos(turn)), float(radius * np.sin(turn)))
        for turn, radius in zip(steps * np.pi / 16, radii, strict=True)
    ]


def heart() -> Points:
    """The parametric one."""
    t = np.linspace(0, 2 * np.pi, 60)
    x, y = 16 * np.sin(t) ** 3, 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return [(float(a) / 16, float(-b) / 16) for a, b in zip(x, y, strict=True)]


ARROW = [(-1.0, -0.3), (0.1, -0.3), (0.1, -0.8), (1.0, 0.0), (0.1, 0.8), (0.1, 0.3), (-1.0, 0.3)]
CROSS = [(-0.95, -0.6), (-0.6, -0.95), (0, -0.35), (0.6, -0.95), (0.95, -0.6), (0.35, 0)]
CHECK = [(-1.0, 0.1), (-0.65, -0.2), (-0.3, 0.2), (0.65, -0.8), (1.0, -0.5), (-0.3, 0.8)]
BOLT = [(0.15, -1.0), (-0.6, 0.15), (-0.05, 0.15), (-0.25, 1.0), (0.6, -0.25), (0.05, -0.25), (0.45, -1.0)]
KEYHOLE = circle(0.12, 0, 0.3)
HOUSE = [(0, -1.0), (1.0, 0), (0.7, 0), (0.7, 0.9), (-0.7, 0.9), (-0.7, 0), (-1.0, 0)]

# Filled outlines and, after them, holes in the colour of the ground; coordinates from −1 to 1, y downwards.
SHAPES: dict[str, Callable[[], tuple[list[Points], list[Points]]]] = {
    "left": lambda: ([[(-x, y) for x, y in ARROW]], []),
    "star": lambda: ([star()], []),
    "heart": lambda: ([heart()], []),
    "house": lambda: ([HOUSE], [[(-0.2, 0.9), (-0.2, 0.3), (0.2, 0.3), (0.2, 0.9)]]),
    "check": lambda: ([CHECK], []),
    "gear": lambda: ([gear()], [circle(0.35)]),
    "cross": lambda: ([CROSS + [(-x, -y) for x, y in CROSS]], []),
    "moon": lambda: ([[*circle(0.95, 0, 0, 20, 280), *circle(0.8, 0.45, -0.25, 224, 78)]], []),
    "right": lambda: ([ARROW], []),
    "drop": lambda: ([[(0, -1.0), *circle(0.62, 0, 0.33, -30, 210)]], []),
    "lock": lambda: (
        [circle(0.6, 0, -0.3), [(-0.8, -0.2), (0.8, -0.2), (0.8, 0.9), (-0.8, 0.9)]],
        [KEYHOLE],
    ),
    "bolt": lambda: ([BOLT], []),
}


def pictures(share: float = 1.0) -> Iterator[Picture]:
    """Icons of any colour on any ground, turned, shifted, with something beside them, blurred and noisy.

    Args:
        share: of the pictures, 0–1; a class keeps two of each part.
    """
    generator = np.random.default_rng(2)
    for name, count in zip(SHAPES, np.geomspace(COMMONEST, RAREST, len(SHAPES)), strict=True):
        for part, times in EACH.items():
            for _ in range(max(2, round(share * times * count))):
                yield Picture(part, name, icon(name, generator))


def icon(name: str, generator: np.random.Generator) -> Image.Image:
    """One icon."""
    side = SIZE_PX * FINE
    ground, ink = colours(generator)
    image = Image.new("RGB", (side, side), ground)
    draw = ImageDraw.Draw(image)
    for _ in range(generator.integers(0, 3)):  # something beside it
        clutter(draw, side, generator)
    angle, scale = np.deg2rad(generator.normal(0, 14)), side / 2 * generator.uniform(0.45, 0.85)
    stretch = generator.uniform(0.8, 1.2)
    x0, y0 = side / 2 + generator.normal(0, side * 0.07, 2)

    def placed(points: Points) -> Points:
        return [
            (
                x0 + scale * (np.cos(angle) * x * stretch - np.sin(angle) * y),
                y0 + scale * (np.sin(angle) * x * stretch + np.cos(angle) * y),
            )
            for x, y in points
        ]

    filled, holes = SHAPES[name]()
    outlined = generator.random() < 0.3
    for points in filled:
        draw.polygon(placed(points), fill=ground if outlined else ink, outline=ink, width=FINE * 2)
    for points in holes:
        draw.polygon(placed(points), fill=ground, outline=ink if outlined else ground, width=FINE)
    if generator.random() < 0.3:
        clutter(draw, side, generator)
    image = image.filter(ImageFilter.GaussianBlur(FINE * generator.uniform(0, 0.8)))
    small = np.asarray(image.resize((SIZE_PX, SIZE_PX), Image.Resampling.BOX), float)
    noisy = small + generator.normal(0, generator.uniform(3, 22), small.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype("u1"))


def colours(generator: np.random.Generator) -> tuple[Colour, Colour]:
    """Ground and ink, at least a little apart in lightness."""
    while True:
        pair = [
            tuple(round(255 * part) for part in colorsys.hls_to_rgb(hue, lightness, saturation))
            for hue, lightness, saturation in generator.uniform((0, 0.1, 0.1), (1, 0.95, 1), (2, 3))
        ]
        greys = [0.3 * red + 0.59 * green + 0.11 * blue for red, green, blue in pair]
        if abs(greys[0] - greys[1]) > 40:
            return pair[0], pair[1]


def clutter(draw: ImageDraw.ImageDraw, side: int, generator: np.random.Generator) -> None:
    """A line or a spot of any colour."""
    colour = tuple(int(part) for part in generator.integers(0, 256, 3))
    ends = generator.uniform(0, side, 4)
    if generator.random() < 0.5:
        draw.line(list(ends), fill=colour, width=int(generator.integers(1, 2 * FINE)))
    else:
        radius = generator.uniform(1, 4) * FINE
        draw.ellipse((ends[0] - radius, ends[1] - radius, ends[0] + radius, ends[1] + radius), fill=colour)
