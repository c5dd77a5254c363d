"""A digit's centre line, found by thinning, and drawn anew by any round pen on the canvas of any drawing app.

A line is a float (k, 2) array of points (x, y), y downwards; `strokes` scales a digit's lines to a height of 1.
"""

from __future__ import annotations

import cv2
import numpy as np

Lines = list[np.ndarray]
Colour = np.ndarray  # float (3,), RGB, 0–255

WIDTHS = 0.012, 0.22
"""A pen's width ÷ the digit's height: from a hairline to a marker."""
SIZES_PX = 28, 1200
"""A canvas's height."""
SHARES = 0.15, 0.95
"""The digit's height ÷ its canvas's."""

_ZOOM = 8  # a digit is thinned at 224 × 224 px
_LEAST_DIGIT_PX = 16  # a smaller one nobody reads
_LEAST_PEN_PX = 1.0
_WHITE, _BLACK = np.full(3, 255.0), np.zeros(3)


def canvas(
    digit: np.ndarray,
    generator: np.random.Generator,
    *,
    width: float | None = None,
    size: int | None = None,
    share: float | None = None,
) -> np.ndarray:
    """Draws a digit anew as people do in an app: one pen, one ground, anywhere on the canvas.

    Args:
        digit: uint8 (28, 28), bright ink on dark.
        generator: decides all that is not given.
        width: of the pen ÷ the digit's height, 0.01–0.25; a pen chosen by chance closes no loop.
        size: the canvas's height, px.
        share: the digit's height ÷ the canvas's, 0.15–0.95; less where the digit is too wide for it.
    Returns:
        uint8 (size, any width) grey or (size, any width, 3) RGB.
    """
    lines = strokes(digit)
    if width is None:
        width = open_width(lines, log_uniform(*WIDTHS, generator))
    return sketch(lines, generator, width=width, size=size, share=share)


def strokes(digit: np.ndarray) -> Lines:
    """The centre lines of a digit, smooth, its ink's middle at 0 and its height 1.

    Args:
        digit: uint8 (28, 28), bright ink on dark.
    """
    lines = [_smooth(path, 0.5 * _ZOOM) for path in _paths(thinned(_mask(digit)))]
    return normalised([line for line in lines if len(line) > 1] or lines)


def normalised(lines: Lines) -> Lines:
    """Lines moved and scaled so that their middle is 0 and their height, or where it is little their width, is 1."""
    points = np.concatenate(lines)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = high - low
    side = extent[1] if extent[1] > 0.4 * extent[0] else extent.max()
    return [(line - (low + high) / 2) / max(float(side), 1e-6) for line in lines]


def sketch(
    lines: Lines,
    generator: np.random.Generator,
    *,
    width: float | None = None,
    size: int | None = None,
    share: float | None = None,
) -> np.ndarray:
    """Lines of height 1 as a canvas of a drawing app; the arguments are those of `canvas`."""
    width = log_uniform(*WIDTHS, generator) if width is None else width
    size = _size(generator) if size is None else size
    share = float(generator.uniform(*SHARES)) if share is None else share
    wide = max(SIZES_PX[0], round(size * (1.0 if generator.random() < 0.6 else generator.uniform(0.75, 2))))
    extent = np.ptp(np.concatenate(lines), axis=0)
    digit_px = max(share * size, min(_LEAST_DIGIT_PX, 0.9 * size))
    scale = min(digit_px * (1 - width), *(0.95 * np.array([wide, size]) / (extent + width / (1 - width))))
    pen_px = max(width * scale / (1 - width), _LEAST_PEN_PX)
    tile = drawn(_by_hand(lines, generator), scale, pen_px)
    return _finished(placed(tile, (size, wide), generator), pen_px, generator)


def drawn(
    lines: Lines, scale: float, pen: float, uneven: float = 0, generator: np.random.Generator | None = None
) -> np.ndarray:
    """Lines times `scale` px under a round pen `pen` px wide, its edge anti-aliased.

    Args:
        uneven: how far the pen's width swells and shrinks along its way, as a share; it needs the generator.
    Returns:
        float32 (h, w), how much of a pixel is ink, 0–1, with a margin of 1 px or a little more around it.
    """
    points = np.concatenate(lines)
    low, high = points.min(axis=0) * scale, points.max(axis=0) * scale
    w, h = np.ceil(high - low + pen * (1 + uneven) + 3).astype(int)
    zoom = int(np.ceil(min(8, 320 / max(scale, 1))))
    offset = np.array([w, h]) / 2 - (low + high) / 2
    line_px = [np.rint(((line * scale + offset) * zoom - 0.5) * 16).astype(np.int32) for line in lines]
    blank = np.full((h * zoom, w * zoom), 255, np.uint8)
    cv2.polylines(blank, line_px, False, 0, 1, cv2.LINE_8, 4)
    away = cv2.distanceTransform(blank, cv2.DIST_L2, 5)
    radius: float | np.ndarray = pen * zoom / 2
    if uneven and generator is not None:
        radius = radius * (1 + uneven * np.clip(field(blank.shape, 40 * zoom, generator) / 2, -1, 1))
    cover = np.clip(radius + 0.5 - away, 0, 1).astype(np.float32)
    return np.asarray(cv2.resize(cover, (w, h), interpolation=cv2.INTER_AREA))


def open_width(lines: Lines, width: float) -> float:
    """The pen's width, made less until it closes no loop and no gap that a thin pen leaves."""
    wanted = _loops(lines, 0.03)
    while width > 0.04 and _loops(lines, 1.3 * width) != wanted:
        width *= 0.85
    return width


def field(shape: tuple[int, ...], cell: float, generator: np.random.Generator) -> np.ndarray:
    """Smooth noise with hills about `cell` px wide: float32 (h, w), mean 0, deviation about 0.7."""
    small = [int(np.ceil(side / cell)) + 2 for side in shape[:2]]
    noise = generator.standard_normal(small, np.float32)
    h, w = shape[:2]
    wide = cv2.resize(noise, (int(small[1] * cell) + 1, int(small[0] * cell) + 1), interpolation=cv2.INTER_CUBIC)
    return np.asarray(wide[:h, :w])


def log_uniform(low: float, high: float, generator: np.random.Generator) -> float:
    """A number between two, every doubling as likely."""
    return float(np.exp(generator.uniform(np.log(low), np.log(high))))


def colours(generator: np.random.Generator) -> tuple[Colour, Colour]:
    """A pen and a ground that differ by 70 levels of brightness or more."""
    chance = generator.random()
    if chance < 0.5:
        return (_BLACK, _WHITE) if chance < 0.3 else (_WHITE, _BLACK)
    while True:
        pen, ground = (_grey_or_colour(generator) for _ in "pg")
        if abs(float((pen - ground) @ [0.299, 0.587, 0.114])) > 70:
            return pen, ground


def inked(cover: np.ndarray, pen: Colour, ground: Colour, generator: np.random.Generator) -> np.ndarray:
    """Ink on a ground: uint8, RGB, or grey where the colours are grey and chance will have it."""
    if np.ptp(pen) == 0 and np.ptp(ground) == 0 and generator.random() < 0.6:
        pen, ground = pen[:1], ground[:1]
    planes = [np.rint(under + cover * np.float32(over - under)) for over, under in zip(pen, ground, strict=True)]
    return np.asarray(cv2.merge(planes)).astype(np.uint8)


def thinned(mask: np.ndarray) -> np.ndarray:
    """The centre line of a shape, 1 px wide: bool (h, w) in and out. Zhang & Suen 1984."""
    shape = mask.astype(np.uint8)
    while True:
        before = int(shape.sum())
        for stays in _STAYS:
            shape &= stays[cv2.filter2D(shape, -1, _RING, borderType=cv2.BORDER_CONSTANT)]
        if shape.sum() == before:
            return shape > 0


def _ring_tables() -> list[np.ndarray]:
    """For both passes, whether a pixel stays (1) or goes (0), by its eight neighbours as bits: uint8 (256,) each."""
    ring = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little").astype(int)
    count, rises = ring.sum(axis=1), ((ring == 0) & (np.roll(ring, -1, axis=1) == 1)).sum(axis=1)
    north, east, south, west = ring[:, 0], ring[:, 2], ring[:, 4], ring[:, 6]
    goes = (count >= 2) & (count <= 6) & (rises == 1)
    first = goes & (north * east * south == 0) & (east * south * west == 0)
    second = goes & (north * east * west == 0) & (north * south * west == 0)
    return [1 - first.astype(np.uint8), 1 - second.astype(np.uint8)]


_STAYS = _ring_tables()
_RING = np.array([[128, 1, 2], [64, 0, 4], [32, 16, 8]], np.float32)


def _mask(digit: np.ndarray) -> np.ndarray:
    """A digit enlarged smoothly, loops that are almost closed opened, and cut at its middle grey: bool."""
    grey = np.pad(digit, 2).astype(np.float32)
    sharp = grey + 0.6 * (grey - cv2.GaussianBlur(grey, (0, 0), 1.5))
    wide = cv2.resize(sharp, None, fx=_ZOOM, fy=_ZOOM, interpolation=cv2.INTER_CUBIC)
    mask = cv2.GaussianBlur(wide, (0, 0), 0.4 * _ZOOM) > 0.36 * np.percentile(digit[digit > 0], 90)
    return _with_loops_open(~_without_specks(~_without_specks(mask, 3), 1))


def _with_loops_open(mask: np.ndarray) -> np.ndarray:
    """A shape with a hole in each blob that is 1.4 times as thick as its strokes and has no hole near it already."""
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    stroke = 2 * float(np.median(inside[mask]))
    _, paper = cv2.connectedComponents((~mask).astype(np.uint8), connectivity=4)
    holes = (paper > 0) & (paper != paper[0, 0])
    from_hole = cv2.distanceTransform((~holes).astype(np.uint8), cv2.DIST_L2, 5)
    count, cores = cv2.connectedComponents((inside > 1.4 * stroke).astype(np.uint8))
    filled = [core for core in range(1, count) if from_hole[cores == core].min() > 2 * stroke]
    big = [core for core in filled if (cores == core).sum() > 0.5 * _ZOOM**2]
    return np.asarray(mask & ~np.isin(cores, big))


def _without_specks(mask: np.ndarray, least: float) -> np.ndarray:
    """Pieces of fewer than `least` MNIST pixels taken away, unless they are all there is."""
    _, marks, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    big = stats[:, cv2.CC_STAT_AREA] >= least * _ZOOM**2
    big[0] = False
    return np.asarray(big[marks]) if big.any() else mask


def _paths(line: np.ndarray) -> Lines:
    """A centre line 1 px wide as strokes: each goes as straight on as it can and ends where nothing is left."""
    left = {(int(x), int(y)) for y, x in np.argwhere(line)}
    everything = set(left)
    ends = sorted(left, key=lambda point: (len(_around(point, everything)) != 1, point[1], point[0]))
    paths: Lines = []
    for start in ends:
        if start not in left:
            continue
        path = [start]
        left.discard(start)
        while following := _around(path[-1], left):
            path.append(_straightest(path, following))
            left.discard(path[-1])
        path = _joined(path, everything)
        if len(path) > 3 or not paths:
            paths.append(np.array(path, float))
    return paths


def _around(point: tuple[int, int], points: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those of the eight neighbours that are in the set, the four straight ones first."""
    x, y = point
    steps = ((0, -1), (1, 0), (0, 1), (-1, 0), (1, -1), (1, 1), (-1, 1), (-1, -1))
    return [(x + dx, y + dy) for dx, dy in steps if (x + dx, y + dy) in points]


def _straightest(path: list[tuple[int, int]], following: list[tuple[int, int]]) -> tuple[int, int]:
    """The next point that turns least from the way of the last pixels."""
    here, before = np.array(path[-1]), np.array(path[max(0, len(path) - 2 * _ZOOM)])
    way = here - before
    return max(following, key=lambda point: float((point - here) @ way) / float(np.hypot(*(point - here))))


def _joined(path: list[tuple[int, int]], everything: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """A path whose ends reach what lies beside them: the stroke it leaves, or its own other end."""
    own = set(path[-4:]) | set(path[:4]) if len(path) > 8 else set(path)
    for _ in "se":
        path.reverse()
        beside = [point for point in _around(path[-1], everything) if point not in own]
        if beside:
            path.append(beside[0])
    if len(path) > 8 and max(abs(path[0][0] - path[-1][0]), abs(path[0][1] - path[-1][1])) <= 1:
        path.append(path[0])
    return path


def _smooth(path: np.ndarray, sigma: float) -> np.ndarray:
    """A path smoothed along its way, its ends held, or, where it is closed, smoothed over them."""
    if len(path) < 5:
        return path
    reach = min(int(3 * sigma), len(path) - 2)
    if np.array_equal(path[0], path[-1]):
        long = np.concatenate([path[-reach - 1 : -1], path, path[1 : reach + 1]])
    else:
        long = np.concatenate([2 * path[0] - path[reach:0:-1], path, 2 * path[-1] - path[-2 : -reach - 2 : -1]])
    kernel = cv2.getGaussianKernel(2 * reach + 1, sigma)[:, 0]
    return np.stack([np.convolve(each, kernel, "valid") for each in long.T], axis=1)


def _loops(lines: Lines, width: float) -> int:
    """How many closed areas a pen of this width makes."""
    paper = drawn(lines, 64, 64 * width) < 0.5
    count, _, stats, _ = cv2.connectedComponentsWithStats(np.pad(paper, 1, constant_values=True).astype(np.uint8))
    return int((stats[1:count, cv2.CC_STAT_AREA] > 3).sum())


def _size(generator: np.random.Generator) -> int:
    """A canvas's height, px: that of an app half of the time."""
    if generator.random() < 0.5:
        return int(generator.choice([28, 64, 100, 140, 200, 256, 280, 280, 300, 320, 400, 400, 500, 600, 800, 1080]))
    return round(log_uniform(*SIZES_PX, generator))


def _by_hand(lines: Lines, generator: np.random.Generator) -> Lines:
    """As smooth as they come, or in the straight pieces of a slow app, or with the tremble of a mouse."""
    chance = generator.random()
    if chance < 0.55:
        return lines
    if chance < 0.8:
        chord = generator.uniform(0.04, 0.12)
        return [line[_every(line, chord)] for line in lines]
    far = generator.uniform(0.002, 0.008)
    return [line + _tremble(line, far, generator) for line in lines]


def _way(line: np.ndarray) -> np.ndarray:
    """How far along the line each of its points is: float (k,)."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])


def _every(line: np.ndarray, chord: float) -> np.ndarray:
    """The points that are about a chord's length from each other, and both ends: their places."""
    way = _way(line)
    return np.unique(np.append(np.searchsorted(way, np.arange(0, way[-1], chord)), len(line) - 1))


def _tremble(line: np.ndarray, far: float, generator: np.random.Generator) -> np.ndarray:
    """How far a hand that trembles is from each point of a line: float (k, 2)."""
    at = _way(line) / 0.03
    noise = generator.normal(0, far, (int(at[-1]) + 2, 2))
    return np.stack([np.interp(at, np.arange(len(noise)), each) for each in noise.T], axis=1)


def placed(tile: np.ndarray, shape: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    """A tile anywhere on a canvas of the shape, in its middle two times of five: float32 (h, w)."""
    cover = np.zeros(shape, np.float32)
    h, w = (min(tile.shape[axis], shape[axis]) for axis in (0, 1))
    if generator.random() < 0.4:
        top, left = (shape[0] - h) // 2, (shape[1] - w) // 2
    else:
        top, left = (int(generator.integers(0, shape[axis] - side + 1)) for axis, side in enumerate((h, w)))
    cover[top : top + h, left : left + w] = tile[:h, :w]
    return cover


def _finished(cover: np.ndarray, pen_px: float, generator: np.random.Generator) -> np.ndarray:
    """Ink in colour on its ground, hard, as anti-aliased or soft as the app makes it, maybe framed: uint8."""
    chance = generator.random()
    if chance < 0.2:
        cover = (cover > 0.4).astype(np.float32)
    elif chance > 0.93:
        cover = cv2.GaussianBlur(cover, (0, 0), generator.uniform(0.1, 0.25) * pen_px + 0.2)
    if generator.random() < 0.1:
        _add_stray_dot(cover, generator)
    picture = inked(cover, *colours(generator), generator)
    if generator.random() < 0.15:
        _add_frame(picture, generator)
    return picture


def _add_stray_dot(cover: np.ndarray, generator: np.random.Generator) -> None:
    """Draws a small dot into the canvas, where no ink is near."""
    h, w = cover.shape
    ink_h = int(np.ptp(np.flatnonzero(cover.max(axis=1) > 0.3))) + 1
    near = cv2.dilate(cover, np.ones((ink_h // 8 + 3, ink_h // 8 + 3), np.uint8))
    for x, y in generator.integers(0, (w, h), (20, 2)):
        if near[y, x] < 0.1:
            cv2.circle(cover, (int(x), int(y)), int(ink_h * generator.uniform(0, 0.04)), 1.0, -1, cv2.LINE_AA)
            return


def _add_frame(picture: np.ndarray, generator: np.random.Generator) -> None:
    """Draws the thin border of a canvas along the picture's edge."""
    h, w = picture.shape[:2]
    ground = picture[0, 0].astype(int)
    away = int(generator.integers(30, 200))
    colour = np.atleast_1d(np.where(ground > 127, np.maximum(ground - away, 0), np.minimum(ground + away, 255)))
    thick = 1 if h < 150 else int(generator.integers(1, 3))
    cv2.rectangle(picture, (0, 0), (w - 1, h - 1), [int(c) for c in colour], thick)


def _grey_or_colour(generator: np.random.Generator) -> Colour:
    """Any grey, or any colour."""
    if generator.random() < 0.4:
        return np.full(3, float(generator.integers(0, 256)))
    return generator.integers(0, 256, 3).astype(float)
