"""Which ink belongs to the digit, and how thick it is."""

from __future__ import annotations

import cv2
import numpy as np

from inksight.errors import PictureError
from inksight.ink.digit import ink_box
from inksight.ink.paper import MIN_CONTRAST, quantile

SPECK_SHARE = 0.08
FAINT_SHARE = 0.6
THIN_SHARE = 1 / 14
WANTED_SHARE = 1 / 8
THICKENING_PX = 160
COARSE_PX = 16
GRAIN_PX = 48
CLEAR_OF_GRAIN = 4.5
SMOOTHING_PX = 2


def digit_strokes(plane: np.ndarray) -> np.ndarray:
    """Keeps the strokes with their soft edges; paper, specks and what the shadows left become 0.

    Otsu's threshold finds the strokes. Each then grows into the fainter ink it touches, as far down as the paper's
    own unrest.

    Args:
        plane: uint8 (height, width), bright ink, as `paper.ink_plane` gives it.
    Returns:
        uint8 (height, width), the ink's own level brought to 255, at least one pixel above 0.
    Raises:
        PictureError: nothing stands out from the paper.
    """
    plane = _calmed(plane)
    threshold, strong, level = _split(plane)
    if level < MIN_CONTRAST:
        raise PictureError(
            f"the picture is nearly blank: its ink differs from the paper by {level:.0f} of 255. "
            f"At least {MIN_CONTRAST} were wanted; use a darker pen, or take it with more light."
        )
    touching = (plane > min(_unrest(plane, strong), threshold)).astype(np.uint8)
    _, marks = cv2.connectedComponents(touching, connectivity=8, ltype=cv2.CV_32S)
    ink = np.where(_belongs(plane, strong, marks)[marks], plane, 0)
    scaled: np.ndarray = cv2.convertScaleAbs(ink, alpha=255 / level)
    return scaled


def around(paper: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Cuts the digit out of the full picture, with paper for a quarter of its side all round.

    Args:
        paper: uint8 (height, width), the full picture.
        ink: uint8, the digit as found on `paper` or on a smaller copy of it.
    Returns:
        a view into `paper`.
    """
    down, across = paper.shape[0] / ink.shape[0], paper.shape[1] / ink.shape[1]
    top, left, height, width = ink_box(ink)
    margin = max(height, width) / 4 + 2
    rows = slice(max(0, int((top - margin) * down)), int((top + height + margin) * down) + 1)
    columns = slice(max(0, int((left - margin) * across)), int((left + width + margin) * across) + 1)
    return paper[rows, columns]


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
    thin = stroke_width(digit) < THIN_SHARE * side
    if side >= COARSE_PX and not thin:
        return digit
    scale = THICKENING_PX / side
    if scale < 1:  # a hairline must be as wide as a pixel of the smaller copy to arrive there with its full level
        digit = _grown(digit, 1 / scale)
    digit = _scaled(digit, scale)
    return _grown(digit, WANTED_SHARE * THICKENING_PX - stroke_width(digit)) if thin else digit


def stroke_width(ink: np.ndarray) -> float:
    """The typical width of the strokes in pixels: across a bar, the mean distance to its edge is a quarter of it."""
    mask = np.pad((ink > 127).astype(np.uint8), 1)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5)[mask > 0]
    return 4 * (float(depth.mean()) - 0.5)


def _split(plane: np.ndarray) -> tuple[float, np.ndarray, float]:
    """Otsu's threshold, the mask of what is above it (0 or 1), and the level of that ink: nine tenths are fainter."""
    threshold, strong = cv2.threshold(plane, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return threshold, strong, quantile(plane[strong > 0], 0.9) if strong.any() else 0.0


def _calmed(plane: np.ndarray) -> np.ndarray:
    """Smooths a sheet as grainy as a fax or a photo in the dark; PictureError if nothing is left on it then.

    Below GRAIN_PX a side, pixels of ink cannot be told from grain, and all stays as it is.
    """
    if min(plane.shape) < GRAIN_PX:
        return plane
    grain = _grain(plane)
    if _split(plane)[2] >= CLEAR_OF_GRAIN * grain:
        return plane
    smooth: np.ndarray = cv2.GaussianBlur(plane, (0, 0), SMOOTHING_PX)
    level = _split(smooth)[2] - quantile(smooth, 0.5)
    if level < grain:
        raise PictureError(
            f"nothing stands out on the picture: smoothed, its marks differ from the ground by {level:.0f} of 255; "
            f"its grain alone makes {grain:.0f}. Use a darker pen, or take it sharper and with more light."
        )
    return smooth


def _grain(plane: np.ndarray) -> float:
    """The standard deviation of white noise on most of the plane; 0 on a clean drawing.

    Source: J. Immerkær, Fast noise variance estimation, 1996, with the median in place of the mean, to miss strokes.
    """
    kernel = np.outer((1, -2, 1), (1, -2, 1)).astype(np.float32)
    return 1.4826 / 6 * quantile(cv2.convertScaleAbs(cv2.filter2D(plane, cv2.CV_16S, kernel)), 0.5)


def _belongs(plane: np.ndarray, strong: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Which marks are the digit's, bool by mark: not a speck beside the heaviest one, nor much fainter than it.

    A mark weighs what its edges weigh, since strokes are all edge and the rests of shadows are not.
    """
    chosen = marks.ravel()
    edges = cv2.morphologyEx(plane, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).astype(np.float32) ** 2
    weights = np.bincount(chosen, (edges * strong).ravel())
    sizes = np.bincount(chosen, strong.ravel())
    levels = np.bincount(chosen, (plane * strong).ravel()) / np.maximum(sizes, 1)
    weights[0] = 0
    return np.asarray((weights >= SPECK_SHARE * weights.max()) & (levels >= FAINT_SHARE * levels[weights.argmax()]))


def _unrest(plane: np.ndarray, strong: np.ndarray) -> float:
    """The level that the paper away from strokes hardly passes: grain, JPEG dirt, faint rules."""
    reach = 2 * max(2, round(stroke_width(255 * strong))) + 1
    near = cv2.dilate(strong, np.ones((reach, reach), np.uint8))
    away = plane[near == 0]
    return 1.5 * quantile(away, 0.99) if len(away) else 255.0


def _grown(ink: np.ndarray, by_px: float) -> np.ndarray:
    """Ink with by_px more stroke width, half of it on either side."""
    reach = max(round(by_px), 0) + 1
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    grown: np.ndarray = cv2.dilate(np.pad(ink, reach), pen)
    return grown


def _scaled(ink: np.ndarray, scale: float) -> np.ndarray:
    """A smaller copy averaged over area, or a larger one interpolated smoothly."""
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    copy: np.ndarray = cv2.resize(np.pad(ink, 1), None, fx=scale, fy=scale, interpolation=interpolation)
    return copy
