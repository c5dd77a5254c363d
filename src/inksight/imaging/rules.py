"""What is printed or drawn round the ink and is none: the frame of a canvas, the rules of paper."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress

import cv2
import numpy as np

from inksight.imaging.paper import quantile, shrunk

FRAME_SHARE = 0.07  # of the shorter side: frames are no wider
SAME = 12  # grey levels
SMALLEST_PX = 40
LEAST_RULED_PX = 100
LOOK_PX = 512
LONG_SHARE = 0.45  # of the shorter side
AT_BORDER, EDGE = 0.08, 0.04
UPRIGHT_DEG = 20.0
PARALLEL_DEG = 5.0
FAMILY = 3
THICKEST = 0.022
THICK_SIDE = 0.1  # of a box's shorter side
SMALLEST_BOX_PX = 12
TILTED_BOX_DEG = 12.0
RECTANGULAR = 0.9  # of its own rectangle; an ellipse covers 0.79
FILLED_SHARE = 0.2  # of a box's side
LEFT_SHARE = 0.15
CLEARLY_DARKER = 1.6


def within_frame(picture: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns inside an even frame all round the picture; all of them where there is none.

    Args:
        picture: uint8 (height, width) or (height, width, 3).
    """
    rows, columns = slice(0, picture.shape[0]), slice(0, picture.shape[1])
    widest = int(FRAME_SHARE * min(picture.shape[:2])) + 1
    ring, share = _ring(picture)
    if share < 0.95 or _is_even(picture, widest + 1, ring):
        return rows, columns
    for depth in range(1, widest + 1):
        inner = picture[depth:-depth, depth:-depth]
        if min(inner.shape[:2]) < 8:
            break
        colour, share = _ring(inner)
        if share > 0.6 and np.abs(colour - ring).max() > SAME:
            depth += 1  # the frame's soft edge
            return slice(depth, rows.stop - depth), slice(depth, columns.stop - depth)
    return rows, columns


def _is_even(picture: np.ndarray, depth: int, colour: np.ndarray) -> bool:
    """Whether all within `depth` pixels of the border is like a colour: there is no frame."""
    bands = (picture[:depth], picture[-depth:], picture[:, :depth], picture[:, -depth:])
    return all(
        bool((cv2.absdiff(band, np.broadcast_to(colour, band.shape).astype(np.uint8)) <= SAME).all()) for band in bands
    )


def _ring(picture: np.ndarray) -> tuple[np.ndarray, float]:
    """The median colour of the outermost pixels, and the share of them that is like it."""
    pixels = np.concatenate([picture[0], picture[-1], picture[1:-1, 0], picture[1:-1, -1]]).astype(np.int16)
    colour = np.median(pixels, axis=0)
    away = np.abs(pixels - colour)
    like = (away if away.ndim == 1 else away.max(axis=1)) <= SAME
    return colour, float(like.mean())


@dataclass(frozen=True, eq=False)
class Rule:
    """A straight line that is no digit's. start, end: float (2,), x and y in pixels of the plane."""

    start: np.ndarray
    end: np.ndarray

    @property
    def upright(self) -> bool:
        """Whether it runs down rather than across."""
        along = np.abs(self.end - self.start)
        return bool(along[1] > along[0])

    def beyond(self, points: np.ndarray) -> np.ndarray:
        """How far points, float (n, 2), lie to the right of the line or below it, in pixels: float (n,)."""
        along = (self.end - self.start) / np.hypot(*(self.end - self.start))
        normal = np.array([-along[1], along[0]])
        normal = normal * np.sign(normal[0] if self.upright else normal[1])
        return np.asarray((points - self.start) @ normal)


def without_rules(plane: np.ndarray) -> tuple[np.ndarray, list[Rule]]:
    """Takes away long straight lines: of boxes and tables, of ruled and squared paper, and the paper's own edge.

    A line counts as a rule when it is a side of a box, or thin and either from border to border or one of a family.
    Where a stroke crosses it or lies on it, the stroke stays.

    Args:
        plane: uint8 (height, width), bright ink, as `paper.ink_plane` gives it.
    Returns:
        uint8 of the same shape, and the lines taken away.
    """
    if min(plane.shape) < SMALLEST_PX:
        return plane, []
    small = shrunk(plane, LOOK_PX)
    local = cv2.subtract(small, cv2.blur(small, (min(small.shape) // 16 | 1,) * 2))
    _, mask = cv2.threshold(local, max(5.0, 0.2 * quantile(local, 0.99)), 1, cv2.THRESH_BINARY)
    scale = np.array([plane.shape[1] / small.shape[1], plane.shape[0] / small.shape[0]] * 2)
    unruled, ruled = _without_lines(plane, mask, scale) if min(plane.shape) >= LEAST_RULED_PX else (plane, [])
    unboxed, boxed = _without_boxes(plane, unruled, mask, scale)
    return unboxed, ruled + boxed


def _without_lines(plane: np.ndarray, mask: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, list[Rule]]:
    """The plane without the thin lines of a mask that is smaller by `scale`, and those lines."""
    rules: list[Rule] = []
    edge = round(EDGE * max(mask.shape)) + 1
    if not any(band.any() for band in (mask[:edge], mask[-edge:], mask[:, :edge], mask[:, -edge:])):
        return plane, rules  # every rule goes on to the border
    for line in _long_lines(mask):
        line = (line + 0.5) * scale - 0.5
        if (places := traced(plane, line, max(THICKEST * min(plane.shape), 3.0), to_border=True)) is not None:
            plane = cleared(plane, places)
            rules.append(Rule(line[:2], line[2:]))
    return plane, rules


def _without_boxes(
    plane: np.ndarray, unruled: np.ndarray, mask: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, list[Rule]]:
    """`unruled` without the sides of boxes, and those sides; whether a side is a line is seen on the whole plane, where
    no other line is missing yet."""
    result, rules, least = unruled, [], float(min(plane.shape))
    for box, size in _boxes(mask):
        sides = [(side + 0.5) * scale - 0.5 for side in box]
        thickest = max(THICK_SIDE * size * scale[0], 3.0)
        real = [traced(plane, side, thickest, to_border=False) is not None for side in sides]
        if not _is_frame(sides, real):
            continue
        least = min(least, size * scale[0])
        for side in compress(sides, real):
            rules.append(Rule(side[:2], side[2:]))
            if (places := traced(result, side, thickest, to_border=False)) is not None:
                result = cleared(result, places)
    if rules and not _ink_is_left(plane, result, LEFT_SHARE * least):  # a digit that is itself like a box
        return unruled, []
    return result, rules


def _is_frame(sides: list[np.ndarray], real: list[bool]) -> bool:
    """Whether the sides of a box that are lines make it one: two that meet, or an upper and a lower one."""
    level = [abs(side[2] - side[0]) > abs(side[3] - side[1]) for side in sides]
    if all(there for there, across in zip(real, level, strict=True) if across):
        return True
    return any(real[index] and real[(index + 1) % 4] for index in range(4))


def _ink_is_left(before: np.ndarray, after: np.ndarray, tall: float) -> bool:
    """Whether more than scraps remain: a mark more than `tall` pixels high, as clear as there was ink."""
    level = quantile(before[before > 0], 0.9) if before.any() else 0.0
    _, _, boxes, _ = cv2.connectedComponentsWithStats((after > 0.3 * level).astype(np.uint8))
    return bool((boxes[1:, 3] > tall).any())


def _long_lines(mask: np.ndarray) -> np.ndarray:
    """Lines on a mask, 0 or 1, from border to border or of a family: float (lines, 4), x0, y0, x1, y1 in its pixels."""
    side = min(mask.shape)
    long = LONG_SHARE * side
    lines = cv2.HoughLinesP(mask, 1, np.pi / 360, int(0.6 * long), minLineLength=long, maxLineGap=0.05 * side)
    if lines is None:
        return np.empty((0, 4))
    found = lines.reshape(-1, 4).astype(float)
    angles = np.rad2deg(np.arctan2(found[:, 3] - found[:, 1], found[:, 2] - found[:, 0])) % 180
    tilt = np.minimum(angles, 180 - angles)
    upright = np.minimum(tilt, 90 - tilt) <= UPRIGHT_DEG
    apart = np.abs(angles[:, None] - angles)
    parallel = np.minimum(apart, 180 - apart) <= PARALLEL_DEG
    kept = upright & (_goes_through(found, mask.shape) | (_families(found, angles, parallel, side) >= FAMILY))
    return np.asarray(found[kept])


def _boxes(mask: np.ndarray) -> list[tuple[list[np.ndarray], float]]:
    """Boxes on a mask of ink, 0 or 1: the sides of each, x0, y0, x1, y1 along its inner edge, and its shorter side.

    A box is a hole in the ink that is a rectangle, if there is ink in it or in another one of about its size. An empty
    one alone may be a 0. The picture's border closes what it cuts.
    """
    bounded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    contours, tree = cv2.findContours(bounded, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    found = []
    for contour, (_, _, _, parent) in zip(contours, tree[0], strict=True):
        if parent < 0 or len(contour) < 4 * (SMALLEST_BOX_PX - 2):
            continue
        middle, size, angle = cv2.minAreaRect(contour)
        area = cv2.contourArea(cv2.convexHull(contour))
        tilt = min(angle % 90, 90 - angle % 90)
        if min(size) < SMALLEST_BOX_PX or tilt > TILTED_BOX_DEG or area < RECTANGULAR * size[0] * size[1]:
            continue
        corners = cv2.boxPoints((middle, size, angle)).astype(float) - 1
        sides = [np.concatenate([corners[index], corners[(index + 1) % 4]]) for index in range(4)]
        found.append((sides, min(size), _height_within(bounded, contour) / min(size)))
    return [
        (sides, size)
        for sides, size, _ in found
        if any(filled >= FILLED_SHARE and 0.6 < other / size < 1.6 for _, other, filled in found)
    ]


def _height_within(mask: np.ndarray, contour: np.ndarray) -> float:
    """How tall the ink inside a hole is, in pixels: what the hole's outline shuts in or what reaches into it."""
    left, top, width, height = cv2.boundingRect(contour)
    hole = np.zeros((height, width), np.uint8)
    cv2.fillPoly(hole, [cv2.convexHull(contour) - (left, top)], 1)
    rim = 2 * max(1, round(0.06 * min(height, width))) + 1
    inner = cv2.erode(hole, np.ones((rim, rim), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    rows = np.flatnonzero((mask[top : top + height, left : left + width] & inner).any(axis=1))
    return float(rows[-1] + 1 - rows[0]) if len(rows) else 0.0


def _goes_through(lines: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Whether both ends of each line are near the picture's border: bool (lines,)."""
    margin = AT_BORDER * min(shape)
    x, y = lines[:, ::2], lines[:, 1::2]
    near = (x < margin) | (y < margin) | (x > shape[1] - 1 - margin) | (y > shape[0] - 1 - margin)
    return np.asarray(near.all(axis=1))


def _families(lines: np.ndarray, angles: np.ndarray, parallel: np.ndarray, side: int) -> np.ndarray:
    """How many clearly different lines run parallel to each, itself among them: int (lines,)."""
    middles = np.stack([lines[:, ::2].mean(axis=1), lines[:, 1::2].mean(axis=1)], axis=1)
    normals = np.deg2rad(angles + 90)
    counts = []
    for index, normal in enumerate(normals):
        places = middles[parallel[index]] @ np.array([np.cos(normal), np.sin(normal)])
        counts.append(1 + int((np.diff(np.sort(places)) > 0.03 * side).sum()))
    return np.array(counts)


def traced(
    plane: np.ndarray, line: np.ndarray, thickest: float, to_border: bool
) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows and columns of the pixels that belong to one line alone; None where there is no line.

    It is prolonged to the border, or a little beyond its ends. Laid out flat it is followed; its thin places are taken.
    """
    start, end = line[:2], line[2:]
    length = float(np.hypot(*(end - start)))
    along = (end - start) / length
    away = np.array([-along[1], along[0]])
    reach = max(4, round(0.012 * min(plane.shape)), 0 if to_border else round(thickest))
    steps = _inside(start, along, plane.shape)
    if not to_border:
        steps = steps[(steps >= -1.5 * reach) & (steps <= length + 1.5 * reach)]
        if len(steps) < length / 2:
            return None
    offsets = np.arange(-3 * reach, 3 * reach + 1)
    places = start + steps[None, :, None] * along + offsets[:, None, None] * away
    x, y = places[..., 0].astype(np.float32), places[..., 1].astype(np.float32)
    alone = _thin_places(cv2.remap(plane, x, y, cv2.INTER_LINEAR), reach, thickest, to_border)
    if alone is None:
        return None
    rows = np.clip(np.rint(y[alone]).astype(int), 0, plane.shape[0] - 1)
    columns = np.clip(np.rint(x[alone]).astype(int), 0, plane.shape[1] - 1)
    return rows, columns


def cleared(plane: np.ndarray, places: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The plane without the pixels of a line, and without what is left between them."""
    mask = np.zeros(plane.shape, np.uint8)
    mask[places] = 1
    return np.where(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0, np.uint8(0), plane)


def _inside(start: np.ndarray, along: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Steps of one pixel along a line, as far as it lies in the picture."""
    far = float(np.hypot(shape[0], shape[1]))
    steps = np.arange(-far, far)
    places = start + steps[:, None] * along
    return np.asarray(steps[((places >= 0) & (places <= np.array(shape[::-1]) - 1)).all(axis=1)])


def _thin_places(strip: np.ndarray, reach: int, thickest: float, to_border: bool) -> np.ndarray | None:
    """Which pixels of a line laid out flat belong to it alone, bool like `strip`; None where there is no thin line."""
    middle = len(strip) // 2
    near = slice(middle - reach, middle + reach + 1)
    smooth = cv2.blur(strip, (max(9, strip.shape[1] // 12) | 1, 1)).astype(np.float32)
    level = np.median(smooth[near].max(axis=0))
    if level < max(4.0, 2 * float(np.median(np.delete(smooth, np.r_[near], axis=0)))):
        return None  # grain
    ridge = near.start + smooth[near].argmax(axis=0)
    columns = np.arange(strip.shape[1])
    rows = np.arange(len(strip))[:, None]
    ink = strip > 0.4 * level
    breaks = ~ink
    above = np.where(breaks & (rows <= ridge), rows, -1).max(axis=0)
    below = np.where(breaks & (rows >= ridge), rows, len(strip)).min(axis=0)
    runs = below - above - 1
    there = runs > 0
    end = max(2, round(0.03 * len(there)))
    if there.mean() < 0.5 or (to_border and max(there[:end].mean(), there[-end:].mean()) < 0.5):
        return None  # a stroke: a rule goes on to the border, on one side at least
    typical = float(np.median(runs[there]))
    if typical > thickest:
        return None
    alone = there & (runs <= 1.7 * typical + 1) & (strip[ridge, columns] <= CLEARLY_DARKER * level + 8)
    return np.asarray((rows > above - 2) & (rows < below + 2) & alone)
