"""Where the ink is on a picture: the channel that shows it, which of light and dark it is, the light divided out."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from inksight.errors import PictureError

MIN_CONTRAST = 16
SMALL_PX, TINY_PX = 128, 20
LONG, MOST_LONGER = 1.5, 4
SAMPLES = 4
LUMA_GIVES_WAY = 1.3
LIGHT_PX = 256
REACH_PARTS = (32, 16, 10, 6, 4, 3)  # of the picture's side, from a hairline's reach to a marker's
EDGES_SHARE = 0.95
SEEN = 0.3
DIMMEST = 0.4  # of the brightest paper's light: the grain of a darker table is no ink
BRIGHT_SHARE = 0.95
FULL_SHARE, DARK_SHARE, UNEVEN_SHARE, WHOLE_SIDE = 0.2, 0.6, 0.4, 0.9  # of a picture cut to its ink
COVERED, WIDEST_STROKE, ONE_MARK = (0.2, 0.9), 0.45, 0.9  # of a picture that a digit fills, of its side, of the ink
MOST_FREE = 9  # corners, bays and holes of a digit
SOFT_RIM = 0.06
STEP_PX = 5  # of a small copy, as wide as its soft edges


@dataclass(frozen=True, eq=False)
class Paper:
    """A picture as dark ink on light paper.

    grey: uint8 (height, width). channel: the colour that shows the ink best, 0 to 2; None for luma or a grey picture.
    inverted: whether light and dark had to be exchanged.
    """

    grey: np.ndarray
    channel: int | None
    inverted: bool


def light_paper(picture: np.ndarray) -> Paper:
    """The grey in which ink stands out best, turned so that the paper is the light side.

    Args:
        picture: uint8 (height, width) or (height, width, 3) RGB.
    Raises:
        PictureError: the picture is blank.
    """
    channel = _channel_with_most_contrast(picture)
    grey = _luma(picture) if channel is None else np.asarray(cv2.extractChannel(picture, channel))
    low, high, _, _ = cv2.minMaxLoc(grey)
    if high - low < MIN_CONTRAST:
        raise PictureError(
            f"the picture is blank: its darkest and lightest pixels differ by {high - low:.0f} of 255. "
            f"At least {MIN_CONTRAST} were wanted; draw on it, or take it with more light."
        )
    long = max(grey.shape) / min(grey.shape)  # in a row of boxes lines have to stay wider than a pixel
    inverted = not _is_dark_on_light(shrunk(grey, round(SMALL_PX * min(max(long / LONG, 1), MOST_LONGER))))
    return Paper(~grey if inverted else grey, channel, inverted)


def ink_plane(paper: np.ndarray) -> np.ndarray:
    """Divides the light out: how much darker each pixel is than the paper around it.

    Args:
        paper: uint8 (height, width), dark ink on light paper.
    Returns:
        uint8 (height, width), 0 where there is bare paper, 255 where no light comes back.
    """
    return _darker(paper, light_on(paper))


def shrunk(picture: np.ndarray, limit_px: int) -> np.ndarray:
    """The picture with its longer side at most limit_px, averaged over area; the same array if it fits already."""
    height, width = picture.shape[:2]
    if max(height, width) <= limit_px:
        return picture
    if max(height, width) >= 2 * limit_px and not (height % 2 or width % 2):  # halving is far faster than other scales
        half: np.ndarray = cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        return shrunk(half, limit_px)
    scale = limit_px / max(height, width)
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    copy: np.ndarray = cv2.resize(picture, shape, interpolation=cv2.INTER_AREA)
    return copy


def quantile(values: np.ndarray, share: float, where: np.ndarray | None = None) -> float:
    """The value that `share` (0–1) of all lie below. np.percentile would import numpy.ma: 40 ms of a cold start.

    A partition is twenty times slower where many are equal, as nearly all are on an edge plane or even paper, so bytes
    are counted. where: uint8 of the shape of these bytes, 0 for those left out.
    """
    if values.dtype == np.uint8:
        sums = np.cumsum(_counts(values, where))
        return float(np.searchsorted(sums, min(int(share * sums[-1]), sums[-1] - 1), side="right"))
    place = min(int(share * values.size), values.size - 1)
    return float(np.partition(values.ravel(), place)[place])


def _counts(values: np.ndarray, where: np.ndarray | None = None) -> np.ndarray:
    """How many of uint8 values are at each level, float (256,)."""
    mask = None if where is None else where.ravel()
    return np.asarray(cv2.calcHist([values.ravel()], [0], mask, [256], [0, 256]).ravel(), float)


def _channel_with_most_contrast(picture: np.ndarray) -> int | None:
    """The colour that shows the ink clearly better than luma does (a yellow pen, red ink on a red form)."""
    if picture.ndim == 2:
        return None
    step = max(1, max(picture.shape) // (SAMPLES * SMALL_PX))  # to average all of 12 MP takes a tenth of a second
    small = shrunk(np.ascontiguousarray(picture[::step, ::step]), SMALL_PX)
    contrast = [_contrast(np.ascontiguousarray(small[..., channel])) for channel in range(3)]
    best = int(np.argmax(contrast))
    return best if contrast[best] > LUMA_GIVES_WAY * _contrast(_luma(small)) else None


def _luma(picture: np.ndarray) -> np.ndarray:
    """Grey as the eye sees it."""
    return picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))


def _contrast(grey: np.ndarray) -> float:
    """The spread between the dark and the light class of Otsu's split, weighed by their shares."""
    dark = grey <= _otsu(grey)
    share = float(dark.mean())
    if share in (0.0, 1.0):
        return 0.0
    return float((grey[~dark].mean() - grey[dark].mean()) * (share * (1 - share)) ** 0.5)


def _otsu(grey: np.ndarray) -> float:
    """Otsu's threshold: pixels above it are the light class."""
    threshold, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return float(threshold)


def _is_dark_on_light(small: np.ndarray) -> bool:
    """Strokes are thinner than the paper between them: of the narrowest places that show a good part of all edges
    there are, the dark ones have more. Strokes that reach all sides, and the even ground of a drawing, decide without
    them."""
    rim = [round(SOFT_RIM * side) for side in small.shape]  # the soft edges of strokes
    light = small[rim[0] : len(small) - rim[0], rim[1] : small.shape[1] - rim[1]] > _otsu(small)
    if (dark_spans := _is_stroke_to_all_sides(~light)) != _is_stroke_to_all_sides(light):
        return dark_spans
    level = _even_level(small)
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    if level is not None and _even_level(border) == level:
        return level > _otsu(small)
    if max(small.shape) < SMALL_PX:  # strokes of two pixels have no width to tell
        scale = SMALL_PX / max(small.shape)
        small = cv2.resize(small, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    small = cv2.medianBlur(small, 3)
    reaches = [max(small.shape) // parts | 1 for parts in REACH_PARTS]
    found = [(_narrow_edges(small, reach), _narrow_edges(~small, reach)) for reach in reaches]
    enough = SEEN * max(dark + light for dark, light in found)
    return next(dark >= light for dark, light in found if dark + light >= enough)


def _is_stroke_to_all_sides(mask: np.ndarray) -> bool:
    """Whether all of a mask, or nearly, is one mark that reaches each side of the picture, is nowhere as wide as paper,
    and leaves few places free: a digit cut to its ink."""
    around = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    if max(mask.shape) <= TINY_PX or not COVERED[0] < mask.mean() < COVERED[1] or around.mean() > COVERED[1]:
        return False
    reach = int(WIDEST_STROKE * max(mask.shape)) | 1
    if cv2.erode(mask.astype(np.uint8), np.ones((reach, reach), np.uint8)).any():
        return False
    if cv2.connectedComponents((~mask).astype(np.uint8), connectivity=4)[0] - 1 > MOST_FREE:
        return False
    _, _, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    left, top, width, height, area = boxes[1 + int(boxes[1:, cv2.CC_STAT_AREA].argmax())].tolist()
    return (left, top, height, width) == (0, 0, *mask.shape) and area > ONE_MARK * mask.sum()


def _even_level(grey: np.ndarray, share: float = 0.5) -> int | None:
    """The commonest level, if more than `share` of all pixels are at it or next to it."""
    levels = _counts(grey)
    level = int(levels.argmax())
    return level if levels[max(level - 2, 0) : level + 3].sum() > share * grey.size else None


def _narrow_edges(small: np.ndarray, reach: int) -> float:
    """How much edge the dark places narrower than a reach have; the border of a shadow or of a table is none."""
    return _edges(cv2.subtract(_either_side(_filled(small, reach)), small))


def _edges(plane: np.ndarray) -> float:
    """How much clear edge there is on a plane."""
    edges = cv2.morphologyEx(plane, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    clear = np.maximum(edges - np.float32(3 * quantile(edges, 0.5)), 0)
    return float((clear**2).sum())


def _darker(paper: np.ndarray, light: np.ndarray) -> np.ndarray:
    """By what share of the light each pixel is darker than it, uint8; a share of no less than DIMMEST paper's light."""
    least = max(1.0, DIMMEST * quantile(shrunk(light, SMALL_PX), BRIGHT_SHARE))
    plane: np.ndarray = cv2.divide(cv2.subtract(light, paper), cv2.max(light, least), scale=255)
    return plane


def light_on(paper: np.ndarray) -> np.ndarray:
    """The paper as if nothing were written on it, uint8 of the same shape, nowhere 0.

    On even paper that is one level, so that drawings keep their exact greys. Else a closing, wider than any stroke,
    on a small copy fills the strokes with the paper beside them.
    """
    level = _even_level(paper, 0.5 if max(paper.shape) > SMALL_PX else 0.25)  # strokes fill a small drawing
    if level is None or level <= _otsu(paper):
        level = _level_between_strokes(shrunk(paper, SMALL_PX))
    if level is not None:
        return np.full_like(paper, max(level, 1))
    small = cv2.medianBlur(shrunk(paper, LIGHT_PX), 3)
    lights = _lights(small)
    edges = [_edges(_darker(small, light)) for light in lights]
    enough = next(index for index, edge in enumerate(edges) if edge >= EDGES_SHARE * max(edges))
    light = lights[min(enough + 1, len(lights) - 1)]  # one step further, for the thickest parts of the strokes
    return np.asarray(cv2.resize(light, paper.shape[::-1], interpolation=cv2.INTER_LINEAR))


def _level_between_strokes(small: np.ndarray) -> int | None:
    """The level of the paper on a picture cut to its ink, where strokes leave too little of it to see its light.

    None for other pictures: neither a shadow nor a table is narrow, dark, and along no whole side of the picture.
    """
    dark = small <= _otsu(small)
    if not FULL_SHARE < dark.mean() < 1:
        return None
    ink, light = small[dark], small[~dark]
    if max(small.shape) <= TINY_PX:  # of so few pixels the light is even
        return int(quantile(light, 0.9))
    gap = light.mean() - ink.mean()
    if ink.mean() > DARK_SHARE * light.mean() or light.std() > UNEVEN_SHARE * gap:
        return None
    if max(side.mean() for side in (dark[0], dark[-1], dark[:, 0], dark[:, -1])) > WHOLE_SIDE:
        return None
    reach = max(small.shape) // 2 | 1
    if cv2.erode(dark.astype(np.uint8), np.ones((reach, reach), np.uint8)).any():
        return None
    return int(quantile(light, 0.9))


def _lights(small: np.ndarray) -> list[np.ndarray]:
    """The light under strokes narrower than each of REACH_PARTS."""
    return [_closed(small, max(small.shape) // parts | 1) for parts in REACH_PARTS]


def _closed(small: np.ndarray, reach: int) -> np.ndarray:
    """The light when strokes are narrower than `reach`."""
    closed = _filled(small, reach)
    # the closing follows the brightest grain; half of all pixels are paper, so their median puts it back
    typical = quantile(small / np.maximum(closed, 1), 0.5)
    smooth = cv2.blur(np.clip(np.rint(closed * typical), 1, 255).astype(np.uint8), (3, 3))
    return _either_side(smooth)


def _filled(small: np.ndarray, reach: int) -> np.ndarray:
    """Dark places narrower than `reach` take the level around them; what is dark up to the border, a table, stays."""
    wide = cv2.copyMakeBorder(small, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    return np.asarray(closed[reach:-reach, reach:-reach])


def _either_side(light: np.ndarray) -> np.ndarray:
    """The lower light on both sides of a step: a pixel between the levels of paper and table or shadow is not ink."""
    return np.asarray(cv2.erode(light, np.ones((STEP_PX, STEP_PX), np.uint8)))
