"""Which ink belongs to the digit, and how thick it is."""

from __future__ import annotations

import cv2
import numpy as np

from inksight.errors import PictureError
from inksight.ink.digit import ink_box
from inksight.ink.paper import MIN_CONTRAST

SPECK_SHARE = 0.08
FAINT_SHARE = 0.6
THIN_SHARE = 1 / 14
WANTED_SHARE = 1 / 8
THICKENING_PX = 160
COARSE_PX = 16


def digit_strokes(plane: np.ndarray) -> np.ndarray:
    """Keeps the strokes with their soft edges; paper, specks and dirt become 0.

    Otsu's threshold finds the strokes. Each then grows into the fainter ink it touches, as far down as the paper's
    own unrest, and strokes below 8 % of the largest are dropped.

    Args:
        plane: uint8 (height, width), bright ink, as `paper.ink_plane` gives it.
    Returns:
        uint8 (height, width), the ink's own level brought to 255, at least one pixel above 0.
    Raises:
        PictureError: nothing stands out from the paper.
    """
    threshold, strong = cv2.threshold(plane, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    core = plane[strong > 0]
    level = float(np.percentile(core, 90)) if len(core) else 0.0
    if level < MIN_CONTRAST:
        raise PictureError(
            f"the picture is nearly blank: its ink differs from the paper by {level:.0f} of 255. "
            f"At least {MIN_CONTRAST} were wanted; use a darker pen, or take it with more light."
        )
    faint = (plane > min(_unrest(plane, strong), threshold)).astype(np.uint8)
    _, marks = cv2.connectedComponents(faint, connectivity=8, ltype=cv2.CV_32S)
    edges = cv2.morphologyEx(plane, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).astype(np.float64) ** 2
    weights = np.bincount(marks.ravel(), (edges * strong).ravel())
    weights[0] = 0
    levels = np.bincount(marks.ravel(), (plane * strong).ravel()) / np.maximum(np.bincount(marks.ravel(), strong.ravel()), 1)
    kept = (weights >= SPECK_SHARE * weights.max()) & (levels >= FAINT_SHARE * levels[weights.argmax()])
    ink = np.where(kept[marks], plane, 0)
    return cv2.convertScaleAbs(ink, alpha=255 / level)


def around(paper: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Cuts the digit out of the full picture, with paper for a quarter of its side all round.

    Args:
        paper: uint8 (height, width), the full picture.
        ink: uint8, the digit as found on `paper` or on a smaller copy of it.
    Returns:
        a view into `paper`.
    """
    scale = max(paper.shape) / max(ink.shape)
    top, left, height, width = ink_box(ink)
    margin = max(height, width) / 4 + 2
    bottom, right = (top + height + margin) * scale, (left + width + margin) * scale
    top, left = max(0, int((top - margin) * scale)), max(0, int((left - margin) * scale))
    return paper[top : int(bottom) + 1, left : int(right) + 1]


def thicken(ink: np.ndarray) -> np.ndarray:
    """Brings hairlines to about an eighth of the digit's side, which is MNIST's median; other ink is only cropped.

    Args:
        ink: uint8 (height, width), bright ink on 0, not all 0.
    Returns:
        uint8, the digit's box with the same or thicker strokes; a digit of a few pixels is smoothly enlarged.
    """
    top, left, height, width = ink_box(ink)
    digit = ink[top : top + height, left : left + width]
    side = max(height, width)
    stroke = stroke_width(digit)
    if side >= COARSE_PX and stroke >= THIN_SHARE * side:
        return digit
    scale = THICKENING_PX / side
    if scale < 1:  # one pixel of the smaller copy, so that a hairline arrives there with its full level
        digit = _grown(digit, 1 / scale)
        stroke += 1 / scale
        digit = cv2.resize(digit, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    else:
        digit = cv2.resize(np.pad(digit, 1), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    if stroke >= THIN_SHARE * side:
        return digit
    return _grown(digit, WANTED_SHARE * THICKENING_PX - stroke * scale)


def stroke_width(ink: np.ndarray) -> float:
    """The typical width of the strokes in pixels: across a bar, the mean distance to its edge is a quarter of it."""
    mask = np.pad((ink > 127).astype(np.uint8), 1)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5)[mask > 0]
    return 4 * (float(depth.mean()) - 0.5)


def _grown(ink: np.ndarray, by_px: float) -> np.ndarray:
    """Ink with by_px more stroke width, half of it on either side."""
    reach = max(round(by_px), 0) + 1
    padded = np.pad(ink, reach)
    return cv2.dilate(padded, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))


def _unrest(plane: np.ndarray, strong: np.ndarray) -> float:
    """The level that the paper away from strokes hardly passes: grain, JPEG dirt, faint rules."""
    reach = 2 * max(2, round(stroke_width(255 * strong))) + 1
    near = cv2.dilate(strong, np.ones((reach, reach), np.uint8))
    away = plane[near == 0]
    return 1.5 * float(np.percentile(away, 99)) if len(away) else 255.0
