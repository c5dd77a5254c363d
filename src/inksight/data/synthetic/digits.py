"""Digits drawn by rule from skeletons: the shapes of many school hands, with a pen's pressure, wobble and slant.

A skeleton is a list of strokes; a stroke is a list of control points (x, y) in a box one unit high, y down, through
which a smooth curve goes. Each function of SHAPES draws one digit's skeleton anew: a 1 with or without upstroke and
foot, a crossed 7, an open or a closed 4, a looped 2, and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

TILE_PX = 96
"""The height of a digit on its tile."""
_MARGIN_PX = 24
_STEPS = 12  # points of the curve between two control points
_SHIFT = 4  # fractional bits of cv2's coordinates

Stroke = np.ndarray
Skeleton = list[Stroke]


def draw_digit(label: int, generator: np.random.Generator) -> np.ndarray:
    """Draw one digit.

    Args:
        label: 0–9.
        generator: the source of all randomness.
    Returns:
        uint8 (height, width): bright ink on 0, cut to the ink, about TILE_PX high.
    """
    strokes = _in_a_hand(SHAPES[label](generator), generator)
    return _inked(strokes, generator)


def _zero(generator: np.random.Generator) -> Skeleton:
    """An ellipse whose ends meet, cross or leave a gap; some are squarish, some are slashed."""
    width = generator.uniform(0.25, 0.48)
    first = generator.uniform(-150, -30)
    closing = generator.uniform(-25, 40) if generator.random() < 0.8 else generator.uniform(40, 80)
    turn = np.deg2rad(np.linspace(first, first - 360 - closing, 14))
    egg = 1 + generator.uniform(-0.12, 0.12) * np.sin(turn)
    power = generator.uniform(0.5, 0.9) if generator.random() < 0.25 else 1.0  # of a superellipse
    across, down = (np.sign(side) * np.abs(side) ** power for side in (np.cos(turn), np.sin(turn)))
    oval = np.stack([width * egg * across, 0.5 + 0.5 * down], axis=1)
    if closing > 15:  # the end runs inside or outside the beginning
        oval[-3:] += [generator.uniform(-0.06, 0.06), generator.uniform(-0.05, 0.08)]
    strokes = [oval]
    if generator.random() < 0.08:
        reach = generator.uniform(0.7, 1.1)
        strokes.append(_line((width * reach, 0.5 - 0.42 * reach), (-width * reach, 0.5 + 0.42 * reach), generator))
    return strokes


def _one(generator: np.random.Generator) -> Skeleton:
    """A stem, mostly with an upstroke, some with a foot."""
    lean = generator.uniform(-0.08, 0.08)
    bend = generator.uniform(-0.04, 0.04)
    stem = _points((lean, 0), (lean / 2 + bend, 0.5), (0, 1))
    strokes = [stem]
    kind = generator.random()
    if kind < 0.78:
        angle = np.deg2rad(generator.uniform(18, 70))  # from the stem
        length = generator.uniform(0.12, 0.62)
        start = np.array([lean - length * np.sin(angle), length * np.cos(angle)])
        curve = start / 2 + np.array([lean / 2, 0]) + generator.uniform(-0.05, 0.05, 2)
        if generator.random() < 0.75:
            strokes = [_points(start, curve, (lean, 0)), stem]
        else:  # without lifting the pen: a rounded top
            top = generator.uniform(0.0, 0.05)
            strokes = [_points(start, curve, (lean - 0.02, top * 0.2), (lean + 0.01, top + 0.06), (bend, 0.5), (0, 1))]
    if kind < 0.26 or 0.78 < kind < 0.84:
        left, right = generator.uniform(0.1, 0.38, 2)
        strokes.append(_line((-left, 1), (right, 1), generator))
    return strokes


def _two(generator: np.random.Generator) -> Skeleton:
    """An arch, a slope, and a base that is straight, waved or begins with a loop."""
    w = generator.uniform(0.26, 0.42)
    hook = generator.uniform(0.1, 0.34)
    arch = [(-w, hook), (-0.5 * w, 0.03), (0.3 * w, 0), (w, 0.2), (0.8 * w, 0.42), (0, 0.72)]
    base_y = generator.uniform(0.92, 1.0)
    end = (w * generator.uniform(0.9, 1.5), base_y + generator.uniform(-0.08, 0.05))
    kind = generator.random()
    if kind < 0.4:  # a sharp corner
        corner = (-w * generator.uniform(0.8, 1.2), base_y)
        return [_points(*arch, corner), _points(corner, (0, base_y + generator.uniform(-0.04, 0.04)), end)]
    if kind < 0.75:  # a loop at the corner
        size = generator.uniform(0.04, 0.13)
        loop = [(-0.6 * w, 0.93), (-w - 0.4 * size, 0.97), (-w, 0.93 - size), (-0.5 * w, 0.92), (0.2 * w, 0.99)]
        return [_points(*arch, *loop, end)]
    wave = generator.uniform(0.02, 0.07)
    return [_points(*arch, (-w, base_y), (-0.3 * w, base_y - wave), (0.4 * w, base_y + wave / 2), end)]


def _three(generator: np.random.Generator) -> Skeleton:
    """Two bows, or a flat top, a slope and a bow."""
    w = generator.uniform(0.24, 0.4)
    notch = generator.uniform(-0.35, 0.45) * w
    middle = generator.uniform(0.4, 0.5)
    lower = generator.uniform(0.9, 1.2) * w
    bow = [
        (0.5 * lower, middle + 0.06),
        (lower, 0.72),
        (0.5 * lower, 0.96),
        (-0.3 * w, 1),
        (-w, generator.uniform(0.8, 0.96)),
    ]
    if generator.random() < 0.18:
        top = generator.uniform(-0.02, 0.04)
        flat = _points((-w, 0.02), (0, top), (0.9 * w, 0.01))
        return [
            flat,
            _points((0.9 * w, 0.01), (0.3 * w, 0.2), (notch * 0.3, middle - 0.04)),
            _points((notch * 0.3, middle - 0.04), *bow),
        ]
    start = (-w, generator.uniform(0.05, 0.24))
    upper = [start, (-0.3 * w, 0.01), (0.5 * w, 0.03), (0.85 * w, 0.2), (0.5 * w, middle - 0.06)]
    if generator.random() < 0.5:
        return [_points(*upper, (notch, middle)), _points((notch, middle), *bow)]
    return [_points(*upper, (notch, middle), *bow)]


def _four(generator: np.random.Generator) -> Skeleton:
    """Open at the top, closed there, or in one stroke like lightning."""
    w = generator.uniform(0.24, 0.42)
    bar = generator.uniform(0.5, 0.72)
    kind = generator.random()
    right = generator.uniform(0.1, 0.5)
    if kind < 0.6:  # open: down, across, and a stem
        lean = generator.uniform(-0.05, 0.2)
        corner = (-w, bar)
        first = generator.uniform(0.0, 0.2)
        down = _points((-w + lean, first), (-w + lean / 2, (first + bar) / 2), corner)
        stem_x = generator.uniform(0.0, 0.7) * w
        across = _line(
            corner,
            (stem_x + right * w + generator.uniform(-0.02, 0.12), bar + generator.uniform(-0.1, 0.06)),
            generator,
        )
        start = generator.uniform(0.05, bar - 0.12) if generator.random() < 0.6 else generator.uniform(0.0, 0.15)
        stem = _points((stem_x + lean / 3, start), (stem_x, 0.6), (stem_x - lean / 4, 1))
        if generator.random() < 0.4:  # a bowl instead of a corner
            bowl = _points((-w + lean, first), (-w, bar - 0.12), (-0.7 * w, bar), (stem_x + right * w, bar - 0.12))
            return [bowl, stem]
        return [down, across, stem]
    if kind < 0.88:  # closed: a slope from the top, across, and the stem
        top = generator.uniform(0.2, 0.8) * w
        stem_x = top + generator.uniform(-0.1, 0.05)
        corner = (-w, bar)
        across = _line(
            corner, (stem_x + generator.uniform(0.03, 0.5) * w + 0.03, bar + generator.uniform(-0.04, 0.04)), generator
        )
        return [
            _line((top, 0), corner, generator),
            across,
            _line((top, generator.uniform(0, 0.1)), (stem_x, 1), generator),
        ]
    top = generator.uniform(0.2, 0.7) * w
    corner, end = (-w, bar), (0.6 * w, bar - generator.uniform(0.12, 0.25))
    return [
        _points((top, 0), (-0.3 * w, bar / 2), corner),
        _line(corner, end, generator),
        _line(end, (0.1 * w, 1), generator),
    ]


def _five(generator: np.random.Generator) -> Skeleton:
    """A stem with a bowl and a bar above it that joins, crosses or floats; or all in one stroke."""
    w = generator.uniform(0.24, 0.38)
    knee = generator.uniform(0.36, 0.5)
    reach = generator.uniform(0.9, 1.2) * w
    bowl = [
        (-0.2 * w, knee - generator.uniform(0, 0.06)),
        (0.6 * reach, knee + 0.06),
        (reach, 0.7),
        (0.5 * reach, 0.95),
        (-0.2 * w, 1),
        (-w * generator.uniform(0.8, 1.2), generator.uniform(0.85, 0.98)),
    ]
    left = -w * generator.uniform(0.5, 0.9)
    top = generator.uniform(0, 0.06)
    stem = (
        _points((left + generator.uniform(-0.02, 0.12), top), (left, knee), *bowl)
        if generator.random() < 0.35
        else None
    )
    strokes = (
        [stem]
        if stem is not None
        else [_line((left + generator.uniform(0, 0.12), top), (left, knee), generator), _points((left, knee), *bowl)]
    )
    gap = generator.uniform(-0.03, 0.1) if generator.random() < 0.6 else generator.uniform(0.1, 0.22)
    rise = generator.uniform(-0.08, 0.05)
    bar_y = top - generator.uniform(0, 0.06) if gap > 0.06 else top
    strokes.append(_line((left + 0.05 + gap, bar_y), (w * generator.uniform(0.7, 1.6), bar_y + rise), generator))
    return strokes


def _six(generator: np.random.Generator) -> Skeleton:
    """A curve down into a loop that closes or not."""
    w = generator.uniform(0.22, 0.38)
    top = generator.uniform(-0.2, 0.9) * w
    height = generator.uniform(0.42, 0.62)
    end = generator.uniform(-0.9, 0.2) * w
    back = generator.uniform(0.62, 0.86)
    return [
        _points(
            (top, 0),
            (-0.6 * w, 0.28),
            (-w, 0.66),
            (-0.5 * w, 0.96),
            (0.3 * w, 0.98),
            (w * generator.uniform(0.8, 1.1), 0.8),
            (0.6 * w, height + 0.03),
            (-0.2 * w, height + 0.02),
            (end - 0.2 * w, back),
        )
    ]


def _seven(generator: np.random.Generator) -> Skeleton:
    """A bar, straight, waved or with a hook before it, and a stem; half are crossed."""
    w = generator.uniform(0.26, 0.42)
    dip = generator.uniform(-0.05, 0.07)
    bar = [(-w, generator.uniform(0.0, 0.08)), (-0.2 * w, 0.03 + dip), (w, 0)]
    kind = generator.random()
    if kind < 0.3:
        bar = [(-w - generator.uniform(-0.04, 0.04), generator.uniform(0.12, 0.26)), (-w, 0.02), *bar[1:]]
    foot = generator.uniform(-0.6, 0.3) * w
    stem = _points((w, 0), (0.45 * (w + foot) + generator.uniform(-0.1, 0.06), 0.5), (foot, 1))
    if kind < 0.3:
        strokes = [_line(bar[0], bar[1], generator), _points(*bar[1:]), stem]
    elif generator.random() < 0.3:
        strokes = [_points(*bar[:-1], (0.9 * w, 0.02), (0.85 * w, 0.12), (0.4 * (w + foot), 0.5), (foot, 1))]
    else:
        strokes = [_points(*bar), stem]
    if generator.random() < 0.5:
        y = generator.uniform(0.4, 0.62)
        x = w + (foot - w) * y
        left, right = generator.uniform(0.12, 0.34, 2)
        tilt = generator.uniform(-0.14, 0.08)
        strokes.append(_line((x - left, y - tilt), (x + right, y + tilt), generator))
    return strokes


def _eight(generator: np.random.Generator) -> Skeleton:
    """One stroke that crosses itself, or two rings."""
    upper, lower = generator.uniform(0.16, 0.3), generator.uniform(0.2, 0.36)
    waist = generator.uniform(0.4, 0.54)
    if generator.random() < 0.22:
        rings = []
        for middle, radius, half in ((waist / 2, upper, waist / 2), ((1 + waist) / 2, lower, (1 - waist) / 2)):
            turn = np.deg2rad(generator.uniform(0, 360) + np.linspace(0, 360 + generator.uniform(-15, 30), 11))
            rings.append(np.stack([radius * np.cos(turn), middle + half * np.sin(turn)], axis=1))
        return rings
    start = (upper * generator.uniform(0.2, 1.1), generator.uniform(0.02, 0.2))
    end = (upper * generator.uniform(0.1, 1.1), generator.uniform(0.0, 0.16))
    side = 1 if generator.random() < 0.75 else -1
    points = [
        start,
        (0, 0),
        (-upper, 0.2),
        (-0.4 * upper, waist - 0.08),
        (0.4 * lower, waist + 0.1),
        (lower, 0.74),
        (0.2 * lower, 1),
        (-lower, 0.78),
        (-0.5 * lower, waist + 0.1),
        (0.3 * upper, waist - 0.1),
        end,
    ]
    return [_points(*((side * x, y) for x, y in points))]


def _nine(generator: np.random.Generator) -> Skeleton:
    """A ring, closed or not, and a stem: straight, bent or with a hook at its end; some are long."""
    w = generator.uniform(0.2, 0.36)
    ring = generator.uniform(0.3, 0.58) if generator.random() < 0.85 else generator.uniform(0.2, 0.3)
    first = generator.uniform(0.02, 0.35) * ring
    loop = [
        (w * generator.uniform(0.7, 1.05), first),
        (0.1 * w, 0),
        (-0.9 * w, 0.4 * ring),
        (-0.7 * w, 0.85 * ring),
        (0, ring),
        (0.75 * w, 0.75 * ring),
    ]
    top = (w * generator.uniform(0.9, 1.05), generator.uniform(0, 0.5) * ring)
    kind = generator.random()
    foot = w * generator.uniform(-0.5, 1.0)
    if kind < 0.45:
        stem = [top, ((top[0] + foot) / 2 + generator.uniform(-0.04, 0.04), 0.6), (foot, 1)]
    elif kind < 0.65:
        stem = [top, (0.95 * w, 0.5), (0.6 * w, 0.82), (-0.1 * w, 1)]
    else:
        end = -w * generator.uniform(0.7, 1.3), generator.uniform(0.74, 0.97)
        stem = [top, (w, 0.6), (0.8 * w, 0.9), (0.1 * w, 1), end]
    if generator.random() < 0.5:
        return [_points(*loop, top), _points(*stem)]
    return [_points(*loop, *stem)]


SHAPES: tuple[Callable[[np.random.Generator], Skeleton], ...] = (
    _zero,
    _one,
    _two,
    _three,
    _four,
    _five,
    _six,
    _seven,
    _eight,
    _nine,
)


def _points(*points: Sequence[float] | np.ndarray) -> Stroke:
    return np.array(points, float)


def _line(start: Sequence[float], end: Sequence[float], generator: np.random.Generator) -> Stroke:
    """A stroke that is nearly straight."""
    first, last = np.array(start, float), np.array(end, float)
    return np.array([first, (first + last) / 2 + generator.normal(0, 0.012, 2), last])


def _smooth(points: Stroke) -> np.ndarray:
    """A Catmull–Rom curve through control points: float (n, 2)."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.linspace(0, 1, _STEPS, endpoint=False)[:, None]
    before, start, end, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(before, start, end, after, strict=True)
    ]
    return np.concatenate([*pieces, points[-1:]])


def _in_a_hand(strokes: Skeleton, generator: np.random.Generator) -> list[np.ndarray]:
    """Curves through the strokes, with the hand's wobble, width, turn and slant: float (n, 2) each, in TILE_PX."""
    jitter = abs(generator.normal(0, 0.016))
    width = np.exp(generator.normal(0, 0.16))
    slant = generator.normal(0.12, 0.18)
    angle = np.deg2rad(generator.normal(0, 5))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.array([[1, -slant], [0, 1]]) @ np.diag([width, 1])
    waves = generator.normal(0, 0.012, (2, 3))
    phases = generator.uniform(0, 2 * np.pi, (2, 3))
    curves = []
    for stroke in strokes:
        curve = _smooth(stroke + generator.normal(0, jitter, stroke.shape))
        for axis in (0, 1):
            other = curve[:, 1 - axis, None] * np.array([4.0, 7.0, 11.0])
            curve[:, axis] += (waves[axis] * np.sin(other + phases[axis]) / np.array([1.0, 1.6, 3.0])).sum(axis=1)
        curves.append(curve @ linear.T * TILE_PX)
    return curves


def _inked(curves: list[np.ndarray], generator: np.random.Generator) -> np.ndarray:
    """The curves drawn with a pen whose pressure changes along the way: uint8, cut to the ink."""
    pen = TILE_PX * np.exp(generator.uniform(np.log(0.03), np.log(0.17 if generator.random() < 0.8 else 0.26)))
    pressure = generator.uniform(0, 0.35)
    every = np.concatenate(curves)
    corner = every.min(axis=0) - pen - _MARGIN_PX / 2
    size = np.ceil(every.max(axis=0) + pen + _MARGIN_PX / 2 - corner).astype(int)
    tile = np.zeros((size[1], size[0]), np.uint8)
    for curve in curves:
        level = 1 + pressure * np.sin(generator.uniform(0, 6.3) + np.linspace(0, generator.uniform(2, 9), len(curve)))
        places = np.rint((curve - corner) * 2**_SHIFT).astype(int)
        for start, end, width in zip(places[:-1].tolist(), places[1:].tolist(), level, strict=False):
            cv2.line(tile, start, end, 255, max(1, round(pen * width)), cv2.LINE_AA, _SHIFT)
    return tight(tile)


def tight(tile: np.ndarray, above: int = 0) -> np.ndarray:
    """The tile, uint8 (height, width), without the rows and columns around its pixels above a level."""
    rows, columns = np.flatnonzero((tile > above).any(axis=1)), np.flatnonzero((tile > above).any(axis=0))
    return tile[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
