"""What is printed or drawn round the ink and is none: the frame of a canvas, the rules of paper."""

from __future__ import annotations

import cv2
import numpy as np

from inksight.ink.paper import quantile, shrunk

FRAME_SHARE = 0.07  # of the shorter side: frames are no wider
SAME = 12  # grey levels
SMALLEST_PX = 100
LOOK_PX = 512
LONG_SHARE = 0.45  # of the shorter side
AT_BORDER = 0.08
UPRIGHT_DEG = 20.0
PARALLEL_DEG = 5.0
FAMILY = 3
THICKEST = 0.022
CLEARLY_DARKER = 1.6


def within_frame(picture: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns inside an even frame all round the picture; all of them where there is none.

    Args:
        picture: uint8 (height, width) or (height, width, 3).
    """
    rows, columns = slice(0, picture.shape[0]), slice(0, picture.shape[1])
    widest = int(FRAME_SHARE * min(picture.shape[:2])) + 1
    ring, share = _ring(picture)
    if share < 0.95:
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


def _ring(picture: np.ndarray) -> tuple[np.ndarray, float]:
    """The median colour of the outermost pixels, and the share of them that is like it."""
    pixels = np.concatenate([picture[0], picture[-1], picture[1:-1, 0], picture[1:-1, -1]]).astype(np.int16)
    colour = np.median(pixels, axis=0)
    away = np.abs(pixels - colour)
    like = (away if away.ndim == 1 else away.max(axis=1)) <= SAME
    return colour, float(like.mean())


def without_rules(plane: np.ndarray) -> np.ndarray:
    """Takes away long thin straight lines, those of ruled and squared paper and the paper's own edge.

    A line counts as a rule when it goes from border to border, or is one of a family. Where a stroke crosses it or
    lies on it, the stroke stays.

    Args:
        plane: uint8 (height, width), bright ink, as `paper.ink_plane` gives it.
    Returns:
        uint8 of the same shape.
    """
    if min(plane.shape) < SMALLEST_PX:
        return plane
    result = plane
    for line in _long_lines(plane):
        result = _without(result, line)
    return result


def _long_lines(plane: np.ndarray) -> np.ndarray:
    """Ends of the lines to take away, float (lines, 4): x0, y0, x1, y1 in pixels of the plane."""
    small = shrunk(plane, LOOK_PX).astype(np.float32)
    side = min(small.shape)
    local = small - cv2.blur(small, (side // 16 | 1,) * 2)
    mask = (local > max(5.0, 0.2 * quantile(local, 0.99))).astype(np.uint8)
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
    kept = upright & (_goes_through(found, small.shape) | (_families(found, angles, parallel, side) >= FAMILY))
    scale = np.array([plane.shape[1] / small.shape[1], plane.shape[0] / small.shape[0]] * 2)
    return np.asarray((found[kept] + 0.5) * scale - 0.5)


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


def _without(plane: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Takes one line away, prolonged to the border: laid out flat it is followed, and its thin places are cleared."""
    start, end = line[:2], line[2:]
    along = (end - start) / np.hypot(*(end - start))
    away = np.array([-along[1], along[0]])
    reach = max(4, round(0.012 * min(plane.shape)))
    steps = _inside(start, along, plane.shape)
    offsets = np.arange(-3 * reach, 3 * reach + 1)
    places = start + steps[None, :, None] * along + offsets[:, None, None] * away
    x, y = places[..., 0].astype(np.float32), places[..., 1].astype(np.float32)
    strip = cv2.remap(plane, x, y, cv2.INTER_LINEAR)
    clear = _thin_places(strip, reach, THICKEST * min(plane.shape))
    if clear is None:
        return plane
    mask = np.zeros(plane.shape, np.uint8)
    rows = np.clip(np.rint(y[clear]).astype(int), 0, plane.shape[0] - 1)
    columns = np.clip(np.rint(x[clear]).astype(int), 0, plane.shape[1] - 1)
    mask[rows, columns] = 1
    return np.where(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0, np.uint8(0), plane)


def _inside(start: np.ndarray, along: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Steps of one pixel along a line, as far as it lies in the picture."""
    far = float(np.hypot(shape[0], shape[1]))
    steps = np.arange(-far, far)
    places = start + steps[:, None] * along
    return np.asarray(steps[((places >= 0) & (places <= np.array(shape[::-1]) - 1)).all(axis=1)])


def _thin_places(strip: np.ndarray, reach: int, thickest: float) -> np.ndarray | None:
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
    if there.mean() < 0.5 or max(there[:end].mean(), there[-end:].mean()) < 0.5:
        return None  # a stroke: a rule goes on to the border, on one side at least
    typical = float(np.median(runs[there]))
    if typical > max(thickest, 3.0):
        return None
    alone = there & (runs <= 1.7 * typical + 1) & (strip[ridge, columns] <= CLEARLY_DARKER * level + 8)
    return np.asarray((rows > above - 2) & (rows < below + 2) & alone)
