"""The marks that ink makes, which of them belong to the digit, and how thick strokes are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from inksight.errors import PictureError
from inksight.imaging.digit import ink_box
from inksight.imaging.paper import MIN_CONTRAST, quantile
from inksight.imaging.rules import Rule

SPECK_SHARE = 0.08
FAINT_SHARE = 0.6
SOFT_SHARE = 0.4
GROWTH_SHARE = 0.02
ALONG_SHARE = 0.4
ASIDE_SHARE = 0.5
ASIDE_WEIGHT = 0.2
BAREST_SHARE = 0.05  # of a picture that is all strokes: its barest pixels
TRAIL_SHARE = 0.35  # of the ink's level: a fainter line that touches a stroke is a rule or a shadow
CLEARER = 2  # times the level of grain
THIN_SHARE = 1 / 14
WANTED_SHARE = 1 / 8
THICKENING_PX = 160
COARSE_PX = 16
GRAIN_PX = 48
CLEAR_OF_GRAIN = 4.5
SMOOTHING_PX = 2
TOUCHING_SHARE, APART_SHARE = 0.1, 0.3  # of a mark's own length on the border; of the digit's between the two
ACROSS_SHARE = 0.35  # of a digit's width or height: a line nearer to its middle crosses it


@dataclass(frozen=True, eq=False)
class Marks:
    """The connected marks on a plane of ink; arrays over marks have an empty row 0, which is the paper.

    ink: uint8 (height, width), the ink's own level brought to 255, paper 0. number: int32 (height, width), whose pixel.
    boxes: int32 (marks, 4): left, top, width, height in pixels. levels: mean brightness of its strong ink on the plane.
    weights: what its edges weigh, since strokes are all edge and the rests of shadows are not. sharpness: how steep
    those edges are.
    """

    ink: np.ndarray
    number: np.ndarray
    boxes: np.ndarray
    levels: np.ndarray
    weights: np.ndarray
    sharpness: np.ndarray

    def only(self, chosen: np.ndarray) -> np.ndarray:
        """The ink of the marks chosen, bool (marks,): uint8 (height, width)."""
        return self.ink if chosen[1:].all() else self.ink * chosen.take(self.number)

    def within(self, where: np.ndarray) -> Marks:
        """The same marks as far as they lie in bool (height, width); those outside weigh nothing."""
        number = np.where(where, self.number, 0)
        boxes = np.zeros_like(self.boxes)
        rows, columns = np.nonzero(number)
        found = number[rows, columns]
        order = np.argsort(found, kind="stable")
        starts = np.flatnonzero(np.diff(found[order], prepend=-1))
        for mark, group in zip(found[order][starts], np.split(order, starts[1:]), strict=True):
            top, left = rows[group].min(), columns[group].min()
            boxes[mark] = left, top, columns[group].max() + 1 - left, rows[group].max() + 1 - top
        weights = np.where(boxes[:, 2] > 0, self.weights, 0)
        return Marks(np.where(where, self.ink, 0), number, boxes, self.levels, weights, self.sharpness)

    def of_substance(self, share: float = SPECK_SHARE) -> np.ndarray:
        """Bool (marks,): no specks beside the main mark, nor much fainter or softer than it.

        What lies along a side of the picture, a table or a dark corner, is none of it if there is anything else; a
        short mark on the border is none unless it is by far the clearest.
        """
        inner = ~self._along_border()
        weights = np.where(inner, self.weights, 0) if self.weights[inner].sum() > 0 else self.weights
        aside = self._aside()
        main = int((np.sqrt(weights) * self.sharpness * np.where(aside, ASIDE_WEIGHT, 1)).argmax())
        heavy = weights >= share * weights[main]
        sharp = self.sharpness >= SOFT_SHARE * self.sharpness[main]
        clear = self.levels >= FAINT_SHARE * self.levels[main]
        return np.asarray(heavy & sharp & clear & (~aside | aside[main]))

    def intruding(self, main: int) -> np.ndarray:
        """Bool (marks,): a mark reaches in from outside the picture, far from the main one, which does not."""
        contacts = self._contacts().sum(axis=0)
        starts, ends = self.boxes[:, :2], self.boxes[:, :2] + self.boxes[:, 2:]
        gaps = np.maximum(starts - ends[main], starts[main] - ends).max(axis=1)
        touching = contacts > TOUCHING_SHARE * np.maximum(self.boxes[:, 2:].max(axis=1), 1)
        return np.asarray(touching & ~touching[main] & (gaps > APART_SHARE * self.boxes[main, 2:].max()))

    def _along_border(self) -> np.ndarray:
        """Bool (marks,): whether a mark covers much of one side of the picture."""
        lengths = np.repeat(self.number.shape[::-1], 2)[:, None]
        return np.asarray((self._contacts() >= ALONG_SHARE * lengths).any(axis=0))

    def _aside(self) -> np.ndarray:
        """Bool (marks,): whether a mark lies on the border with most of its own length, as a table's corner does."""
        return np.asarray(self._contacts().max(axis=0) > ASIDE_SHARE * np.maximum(self.boxes[:, 2:].max(axis=1), 1))

    def _contacts(self) -> np.ndarray:
        """How many pixels of the upper, lower, left and right side of the picture are each mark's: int (4, marks)."""
        sides = (self.number[0], self.number[-1], self.number[:, 0], self.number[:, -1])
        return np.array([np.bincount(side, minlength=len(self.weights)) for side in sides])


def marks_on(plane: np.ndarray) -> Marks:
    """Finds the marks on a plane of ink.

    Otsu's threshold finds the strokes. Each then grows into the fainter ink it touches: near by as far down as the
    paper's own unrest, farther away only into what is still clear.

    Args:
        plane: uint8 (height, width), bright ink, as `paper.ink_plane` gives it.
    Raises:
        PictureError: nothing stands out from the paper.
    """
    plane, (threshold, strong, level) = _calmed(plane)
    if level < MIN_CONTRAST:
        raise PictureError(
            f"the picture is nearly blank: its ink differs from the paper by {level:.0f} of 255. "
            f"At least {MIN_CONTRAST} were wanted; use a darker pen, or take it with more light."
        )
    near = _near(strong)
    least = min(_unrest(plane, near), threshold)
    least_far = min(max(least, TRAIL_SHARE * level), threshold)
    floor = np.uint8(least_far) - near * np.uint8(int(least_far) - int(least))
    touching = (plane > floor).view(np.uint8)
    _, number, boxes, _ = cv2.connectedComponentsWithStats(touching, connectivity=8, ltype=cv2.CV_32S)
    places = np.flatnonzero(strong)
    chosen, plain = number.ravel()[places], plane.ravel()[places]
    edges = cv2.morphologyEx(plane, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).ravel()[places].astype(float) ** 2
    sizes, weights, squares, totals = (
        np.bincount(chosen, each, len(boxes)) for each in (np.ones(len(places)), edges, edges**2, plain)
    )
    sharpness = np.sqrt(squares / np.maximum(weights, 1))
    levels = totals / np.maximum(sizes, 1)
    weights[0] = 0
    ink = cv2.multiply(plane, touching, scale=255 / level)
    return Marks(ink, number, boxes[:, :4], levels, weights, sharpness)


def digit_strokes(plane: np.ndarray, rules: Sequence[Rule] = (), near: np.ndarray | None = None) -> np.ndarray:
    """Keeps the strokes with their soft edges; paper, specks and what the shadows left become 0.

    Args:
        plane: uint8 (height, width), bright ink, as `paper.ink_plane` gives it.
        rules: lines taken away from it; what lies beyond one that does not cross the digit is none of it.
        near: bool (height, width), where the digit can be; None for everywhere.
    Returns:
        uint8 (height, width), the ink's own level brought to 255, at least one pixel above 0.
    Raises:
        PictureError: nothing stands out from the paper.
    """
    marks = marks_on(plane)
    if near is not None and (marks.number[near] > 0).any():
        marks = marks.within(near)
    chosen = marks.of_substance()
    main = int(np.where(chosen, marks.weights, -1.0).argmax())
    chosen &= ~marks.intruding(main)
    middles = marks.boxes[:, :2] + marks.boxes[:, 2:] / 2
    room = ACROSS_SHARE * marks.boxes[main, 2:]
    for rule in rules:
        sides = rule.beyond(middles)
        if abs(sides[main]) > room[0 if rule.upright else 1]:
            chosen &= sides * sides[main] > 0
    return marks.only(chosen)


def around(ink: np.ndarray, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Where the digit is on the full picture: its box and paper for a quarter of its side all round.

    Args:
        ink: uint8, the digit as found on the full picture or on a smaller copy of it.
        shape: of the full picture.
    Returns:
        rows and columns of the full picture.
    """
    down, across = shape[0] / ink.shape[0], shape[1] / ink.shape[1]
    top, left, height, width = ink_box(ink)
    margin = max(height, width) / 4 + 2
    rows = slice(max(0, int((top - margin) * down)), min(shape[0], int((top + height + margin) * down) + 1))
    columns = slice(max(0, int((left - margin) * across)), min(shape[1], int((left + width + margin) * across) + 1))
    return rows, columns


def grown_to(
    ink: np.ndarray, shape: tuple[int, ...], part: tuple[slice, slice], part_shape: tuple[int, ...]
) -> np.ndarray:
    """Where ink found on a small copy can be on a part of the full picture that is looked at again.

    Args:
        ink: uint8, as found on the small copy. shape: of the full picture.
        part: rows and columns of the full picture. part_shape: of the copy of that part that is looked at.
    Returns:
        bool of part_shape, true on the ink and a little around it.
    """
    reach = 2 * max(2, round(GROWTH_SHARE * max(ink_box(ink)[2:]))) + 1
    grown = cv2.dilate((ink > 0).astype(np.uint8), np.ones((reach, reach), np.uint8))
    down, across = ink.shape[0] / shape[0], ink.shape[1] / shape[1]
    y = (part[0].start + (np.arange(part_shape[0]) + 0.5) * (part[0].stop - part[0].start) / part_shape[0]) * down
    x = (part[1].start + (np.arange(part_shape[1]) + 0.5) * (part[1].stop - part[1].start) / part_shape[1]) * across
    rows, columns = y.astype(int).clip(0, len(grown) - 1), x.astype(int).clip(0, grown.shape[1] - 1)
    return np.asarray(grown[rows].take(columns, axis=1) > 0)


def thicken(ink: np.ndarray, side: float | None = None) -> np.ndarray:
    """Brings hairlines to about an eighth of a digit's side, which is MNIST's median; other ink is only cropped.

    Args:
        ink: uint8 (height, width), bright ink on 0, not all 0.
        side: of a digit in pixels; None for the longer side of all ink.
    Returns:
        uint8, the ink's box with the same or thicker strokes; a digit of a few pixels is smoothly enlarged.
    """
    top, left, height, width = ink_box(ink)
    digit = ink[top : top + height, left : left + width]
    side = side or max(height, width)
    thin = is_hairline(digit, side)
    if side >= COARSE_PX and not thin:
        return digit
    scale = THICKENING_PX / side
    if scale < 1:  # a hairline must be as wide as a pixel of the smaller copy to arrive there with its full level
        digit = _grown(digit, 1 / scale)
    digit = _scaled(digit, scale)
    return _grown(digit, WANTED_SHARE * THICKENING_PX - stroke_width(digit)) if thin else digit


def is_hairline(ink: np.ndarray, side: float) -> bool:
    """Whether strokes, uint8 cropped to them, are so thin for a digit of `side` pixels that they are thickened."""
    return bool(stroke_width(ink) < THIN_SHARE * side)


def stroke_width(ink: np.ndarray) -> float:
    """The typical width of the strokes in pixels: across a bar, the mean distance to its edge is a quarter of it."""
    _, mask = cv2.threshold(ink, min(127, int(ink.max()) // 2), 1, cv2.THRESH_BINARY)
    bounded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    depth = cv2.distanceTransform(bounded, cv2.DIST_L2, 5)
    return 4 * (cv2.sumElems(depth)[0] / cv2.countNonZero(bounded) - 0.5)


def _split(plane: np.ndarray) -> tuple[float, np.ndarray, float]:
    """Otsu's threshold, the mask of what is above it (0 or 1), and the level of that ink: nine tenths are fainter.

    Where ink is rare the threshold parts grain from grain; a second one then finds what stands out from that grain.
    """
    threshold, level = _otsu(plane.ravel())
    if 0 < level < MIN_CONTRAST:
        higher, clear = _otsu(plane[plane > threshold])
        threshold, level = (higher, clear) if clear >= CLEARER * level else (threshold, level)
    return threshold, (plane > threshold).view(np.uint8), level


def _otsu(values: np.ndarray) -> tuple[float, float]:
    """Otsu's threshold of uint8 (n,), and the level that nine tenths of what is above it do not reach; 0 if none is."""
    threshold, above = cv2.threshold(values, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    strong = values[above.ravel() > 0]
    return threshold, quantile(strong, 0.9) if len(strong) else 0.0


def _calmed(plane: np.ndarray) -> tuple[np.ndarray, tuple[float, np.ndarray, float]]:
    """Smooths a sheet as grainy as a fax or a photo in the dark, and splits it; PictureError if nothing is left then.

    Below GRAIN_PX a side, pixels of ink cannot be told from grain, and all stays as it is.
    """
    split = _split(plane)
    if min(plane.shape) < GRAIN_PX or split[2] >= CLEAR_OF_GRAIN * (grain := _grain(plane)):
        return plane, split
    smooth: np.ndarray = cv2.GaussianBlur(plane, (0, 0), SMOOTHING_PX)
    split = _split(smooth)
    level = split[2] - quantile(smooth, 0.5)
    if level < grain:
        raise PictureError(
            f"nothing stands out on the picture: smoothed, its marks differ from the ground by {level:.0f} of 255; "
            f"its grain alone makes {grain:.0f}. Use a darker pen, or take it sharper and with more light."
        )
    return smooth, split


def _grain(plane: np.ndarray) -> float:
    """The standard deviation of white noise on most of the plane; 0 on a clean drawing.

    Source: J. Immerkær, Fast noise variance estimation, 1996, with the median in place of the mean, to miss strokes.
    """
    kernel = np.outer((1, -2, 1), (1, -2, 1)).astype(np.float32)
    return 1.4826 / 6 * quantile(cv2.convertScaleAbs(cv2.filter2D(plane, cv2.CV_16S, kernel)), 0.5)


def _near(strong: np.ndarray) -> np.ndarray:
    """The strokes, 0 or 1, and about their width all round."""
    reach = 2 * max(2, round(stroke_width(255 * strong))) + 1
    return np.asarray(cv2.dilate(strong, np.ones((reach, reach), np.uint8)))


def _unrest(plane: np.ndarray, near: np.ndarray) -> float:
    """The level that the paper away from strokes hardly passes: grain, JPEG dirt, faint rules."""
    away = 1 - near
    return 1.5 * (quantile(plane, 0.99, away) if away.any() else quantile(plane, BAREST_SHARE))


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
