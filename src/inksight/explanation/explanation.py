"""An explanation of one answer: its parts, the same in words, and on one picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from inksight.data.address import Address
from inksight.explanation.flip import Flip
from inksight.explanation.flow import Layer
from inksight.explanation.tint import BLUE, ORANGE, overlay, tinted
from inksight.inference.predictor import Answer
from inksight.utils.montage import enlarge, font, save_png, shortened

SIGNIFICANT = 4  # digits of a value in JSON
PLACES = (
    ("at the top left", "at the top", "at the top right"),
    ("on the left", "in the middle", "on the right"),
    ("at the bottom left", "at the bottom", "at the bottom right"),
)
WORTH_SAYING = 0.15  # of all that speaks for or against the answer
OPERATORS = {
    "average": "mean of each map",
    "concatenate": "joined",
    "convolve": "convolution",
    "dense": "dense layer",
    "elu": "ELU",
    "gelu": "GELU",
    "leakyrelu": "leaky ReLU",
    "maximum": "maximum of each map",
    "mean": "mean of the members",
    "multiply": "product",
    "pool": "max-pooling",
    "relu": "ReLU",
    "scale": "scaling",
    "selu": "SELU",
    "softmax": "softmax: the probabilities",
    "softplus": "softplus",
}
PAGE_PX, MARGIN_PX, GAP_PX = 1180, 40, 24
WIDE_PX = PAGE_PX - 2 * MARGIN_PX
PAPER, TEXT, PALE, LINE = (255, 255, 255), (28, 32, 40), (107, 114, 128), (222, 225, 230)
BAR = (190, 198, 210)
LARGE, HEAD, BODY, SMALL = 30, 17, 13, 12
NAMES_PX = 210  # of a layer, to the left of its maps
MAP_PX, MAP_ROWS, MAP_GAP_PX = 44, 2, 4
MOST_BARS = 10
MOST_CELLS = 256


@dataclass(frozen=True, eq=False)
class Neighbour:
    """A training picture. index: in its set's training part. file: as in Split; None without. likeness: the cosine of
    the two pictures' features, 1 for the same. image: uint8 (size, size, channels)."""

    index: int
    file: str | None
    label: str
    likeness: float
    image: np.ndarray

    def __repr__(self) -> str:
        return f"Neighbour {self.index:,}: {self.label} (likeness {self.likeness:.3f})"


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a model answers a picture as it does.

    image: uint8 (size, size, channels), what the network saw.
    layers: what each layer made of it. attribution, occlusion: float32 (size, size), above 0 where the ink speaks for
    the answer and below 0 where against it (see attribution and occlusion).
    training: the set the neighbours come from; "" where it could not be had, then there are none.
    flips: the smallest changes found that get other answers, the smallest of all first.
    notes: what could not be had or may not be expected, in sentences. true_label: where it is known.
    """

    answer: Answer
    classes: tuple[str, ...]
    image: np.ndarray
    layers: tuple[Layer, ...]
    attribution: np.ndarray
    occlusion: np.ndarray
    training: str
    neighbours: tuple[Neighbour, ...]
    flips: tuple[Flip, ...]
    notes: tuple[str, ...] = ()
    true_label: str | None = None

    def __repr__(self) -> str:
        return f"Explanation of {self.answer.source}: {self.answer!r} by {self.answer.model}"

    @property
    def filters(self) -> np.ndarray | None:
        """Those of the first convolution, float32 (height, width, channels, filters), if there is one."""
        return next((layer.kernel for layer in self.layers if layer.operator == "convolve"), None)

    def to_dict(self) -> dict[str, Any]:
        """Everything as it goes into JSON: arrays with their shape, nested lists by rows, 4 significant digits.

        Of the weights only the filters of the first convolution are in it: they are the ones that can be looked at.
        """
        return {
            **self.answer.to_dict(),
            **({"true_label": self.true_label} if self.true_label is not None else {}),
            "notes": list(self.notes),
            "input": _array(self.image),
            "attribution": _array(self.attribution),
            "occlusion": _array(self.occlusion),
            "neighbours": [
                {
                    "data": self.training,
                    "split": "train",
                    "index": each.index,
                    "file": each.file,
                    "label": each.label,
                    "likeness": _rounded(each.likeness),
                }
                for each in self.neighbours
            ],
            "flips": [
                {
                    "label": self.classes[each.label],
                    "confidence": _rounded(each.confidence),
                    "rms": _rounded(each.rms),
                    "largest": each.largest,
                    "pixels": each.pixels,
                    "image": _array(each.image),
                }
                for each in self.flips
            ],
            "layers": [
                {"operator": each.operator, "inputs": list(each.inputs), **each.details, **_array(each.values)}
                for each in self.layers
            ],
            "filters": None if self.filters is None else _array(self.filters),
        }

    def save(self, path: str | Path) -> Path:
        """Draws everything on one picture and writes it as PNG.

        Raises:
            StorageError: the place cannot be written.
        """
        return save_png(path, poster(self))


def _array(values: np.ndarray) -> dict[str, Any]:
    """An array for JSON."""
    if values.dtype.kind in "ui":
        return {"shape": list(values.shape), "values": values.tolist()}
    flat = np.array([_rounded(value) for value in values.ravel().tolist()])
    return {"shape": list(values.shape), "values": flat.reshape(values.shape).tolist()}


def _rounded(value: float) -> float:
    """A number to SIGNIFICANT digits."""
    return float(f"{value:.{SIGNIFICANT}g}")


def in_words(explanation: Explanation) -> list[str]:
    """What mattered, what it looks like and what would flip it, a sentence each."""
    lines = [_mattered(explanation), _alike(explanation), _flipped(explanation)]
    return [line for line in lines if line]


def percent(rate: float, decimals: int = 1) -> str:
    """A rate of 0–1 for people."""
    return f"{100 * rate:.{decimals}f} %"


def layer_in_words(layer: Layer) -> str:
    """What a layer does and what it gives: "convolution 5×5, stride 2"."""
    words = OPERATORS.get(layer.operator, layer.operator)
    if layer.operator == "convolve" and layer.kernel is not None:
        words += f" {layer.kernel.shape[0]}×{layer.kernel.shape[1]}"
    if "window" in layer.details:
        words += " {}×{}".format(*layer.details["window"])
    strides = layer.details.get("strides", [1, 1])
    if max(strides) > 1 and layer.operator == "convolve":
        words += f", stride {strides[0]}"
    return words


def _mattered(explanation: Explanation) -> str:
    """Where the ink speaks for the answer, and where against it."""
    label, parts = explanation.answer.label, []
    for sign, word in ((1, "for"), (-1, "against")):
        shares = _shares(sign * explanation.attribution, explanation.attribution)
        told = [(share, name) for share, name in shares if share >= WORTH_SAYING][: 2 if sign > 0 else 1]
        if told:
            where = " and ".join(f"{name} ({percent(share, 0)})" for share, name in told)
            parts.append(f"what is {where} speaks {word} {label}")
    if not parts:
        return "what mattered: no part of the picture decides alone."
    return f"what mattered: {'; '.join(parts)}."


def _shares(heat: np.ndarray, everything: np.ndarray) -> list[tuple[float, str]]:
    """The share of all influence that lies above 0 of `heat` in each third of the ink's box, the largest first."""
    rows, columns = np.nonzero(everything)
    total = np.abs(everything).sum()
    if not total:
        return []
    found = []
    for names, ys in zip(PLACES, _thirds(rows), strict=True):
        for name, xs in zip(names, _thirds(columns), strict=True):
            found.append((float(np.maximum(heat[ys, xs], 0).sum() / total), name))
    return sorted(found, reverse=True)


def _thirds(places: np.ndarray) -> list[slice]:
    """A range of indices in three."""
    low, high = int(places.min()), int(places.max()) + 1
    cuts = [low, low + round((high - low) / 3), low + round(2 * (high - low) / 3), high]
    return [slice(start, end) for start, end in pairwise(cuts)]


def _alike(explanation: Explanation) -> str:
    """The training pictures it looks like."""
    found = explanation.neighbours
    if not found:
        return ""
    counts = Counter(each.label for each in found).most_common()
    labels = (
        f"all of them {counts[0][0]}" if len(counts) == 1 else ", ".join(f"{name} ({count})" for name, count in counts)
    )
    names = ", ".join(each.file or str(Address(explanation.training, "train", each.index)) for each in found[:3])
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return f"it looks like the training pictures {names}{more}: {labels}."


def _flipped(explanation: Explanation) -> str:
    """What would flip it."""
    if not explanation.flips:
        return "what would flip it: no small change was found that does."
    first, *others = explanation.flips
    text = (
        f"what would flip it: a change of {first.rms:.1f} of 255 levels on average ({first.largest} at most) makes it "
        f"{explanation.classes[first.label]}"
    )
    more = ", ".join(f"{explanation.classes[each.label]} ({each.rms:.1f})" for each in others[:3])
    return f"{text}; other answers take more: {more}." if more else f"{text}."


def poster(explanation: Explanation) -> np.ndarray:
    """Draws an explanation.

    Blue speaks for the answer, or is a value above 0; orange speaks against it, or is a value below 0.

    Returns:
        uint8 (height, PAGE_PX, 3).
    """
    parts = [_title(explanation), _seen(explanation)]
    if explanation.flips:
        parts += [_head("What a small change would flip it to"), _flips(explanation)]
    if explanation.neighbours:
        parts += [_head(f"It looks like these training pictures of {explanation.training}"), _neighbours(explanation)]
    parts += [_head("What each layer makes of it", "of many maps the liveliest; blue is above 0, orange below")]
    parts += [_layer(layer) for layer in explanation.layers]
    if explanation.filters is not None:
        parts += [_head("What the first convolution looks for", "its filters"), _filters(explanation.filters)]
    height = sum(part.height for part in parts) + 2 * MARGIN_PX
    page = Image.new("RGB", (PAGE_PX, height), PAPER)
    top = MARGIN_PX
    for part in parts:
        page.paste(part, (MARGIN_PX, top))
        top += part.height
    return np.asarray(page)


def _strip(height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty part of the page, as wide as it."""
    strip = Image.new("RGB", (WIDE_PX, height), PAPER)
    return strip, ImageDraw.Draw(strip)


def _title(explanation: Explanation) -> Image.Image:
    """The answer, and the explanation in words."""
    answer = explanation.answer
    verdict = {"class": "", "unsure": ", but it is not sure", "rejected": ", if it is any of the known classes"}
    facts = [f"{percent(answer.confidence)} likely", answer.source, f"model: {answer.model}"]
    if explanation.true_label is not None:
        facts.insert(1, f"its label is {explanation.true_label}")
    lines = [(" · ".join(facts), PALE)]
    lines += [(line[0].upper() + line[1:], TEXT) for line in in_words(explanation)]
    lines += [(note[0].upper() + note[1:], PALE) for note in explanation.notes]
    strip, draw = _strip(50 + 21 * len(lines) + 18)
    title = shortened(f"It says {answer.label}{verdict[answer.verdict]}", WIDE_PX, font(LARGE, bold=True))
    draw.text((0, 0), title, font=font(LARGE, bold=True), fill=TEXT)
    for number, (line, colour) in enumerate(lines):
        draw.text((0, 48 + 21 * number), shortened(line, WIDE_PX, font(BODY)), font=font(BODY), fill=colour)
    return strip


def _head(text: str, more: str = "") -> Image.Image:
    """The heading of a section, under a line."""
    strip, draw = _strip(72)
    draw.line((0, 16, WIDE_PX, 16), fill=LINE)
    text = shortened(text, WIDE_PX, font(HEAD, bold=True))
    draw.text((0, 34), text, font=font(HEAD, bold=True), fill=TEXT)
    draw.text((font(HEAD, bold=True).getlength(text) + 12, 38), more, font=font(BODY), fill=PALE)
    return strip


def _seen(explanation: Explanation) -> Image.Image:
    """The input, both maps of what mattered, and how likely each class is."""
    side = (WIDE_PX - 3 * GAP_PX) // 4
    strip, draw = _strip(side + 46)
    label = explanation.answer.label
    panels = (
        (explanation.image, "what the network saw", ""),
        (overlay(explanation.image, explanation.attribution), "what mattered", "by gradients"),
        (overlay(explanation.image, explanation.occlusion), "what mattered", "by covering it"),
    )
    for number, (image, text, more) in enumerate(panels):
        left = number * (side + GAP_PX)
        _framed(strip, _colour(image), left, 0, side)
        draw.text((left, side + 8), text, font=font(BODY), fill=TEXT)
        draw.text((left + font(BODY).getlength(text + " "), side + 8), more, font=font(BODY), fill=PALE)
    _legend(strip, side + GAP_PX, side + 30, f"against {label}", f"for {label}", side)
    left = 3 * (side + GAP_PX)
    shares = sorted(explanation.answer.probabilities.items(), key=lambda item: -item[1])[:MOST_BARS]
    shares.sort(key=lambda item: explanation.classes.index(item[0]))
    rows = [(name, share, percent(share), name == label) for name, share in shares]
    _bars(draw, rows, (left, 0), (WIDE_PX - left, side))
    draw.text((left, side + 8), "how likely each class is", font=font(BODY), fill=TEXT)
    return strip


def _flips(explanation: Explanation) -> Image.Image:
    """The picture, the nearest that gets another answer, what was changed, and how far all others are."""
    first, classes = explanation.flips[0], explanation.classes
    side = (WIDE_PX - 3 * GAP_PX) // 5
    strip, draw = _strip(side + 46)
    change = (first.image.astype(np.float32) - explanation.image).sum(axis=-1)
    panels = (
        (explanation.image, f"{explanation.answer.label}, {percent(explanation.answer.confidence)}"),
        (first.image, f"{classes[first.label]}, {percent(first.confidence)}"),
        (tinted(change), f"the change: {first.pixels} of {change.size} pixels"),
    )
    for number, (image, text) in enumerate(panels):
        left = number * (side + GAP_PX)
        _framed(strip, _colour(image), left, 0, side)
        draw.text((left, side + 8), shortened(text, side, font(BODY)), font=font(BODY), fill=TEXT)
    _legend(strip, 2 * (side + GAP_PX), side + 30, "darker", "lighter", side)
    left = 3 * (side + GAP_PX)
    rows = [(classes[each.label], each.rms, f"{each.rms:.1f}", each is first) for each in explanation.flips]
    _bars(draw, rows, (left, 0), (WIDE_PX - left, side))
    draw.text((left, side + 8), "levels of 255 on average that make it another class", font=font(BODY), fill=TEXT)
    return strip


def _neighbours(explanation: Explanation) -> Image.Image:
    """The training pictures nearest to it, with their labels."""
    side = (WIDE_PX - 7 * GAP_PX) // 8
    strip, draw = _strip(side + 46)
    for number, each in enumerate(explanation.neighbours):
        left = number * (side + GAP_PX)
        _framed(strip, _colour(each.image), left, 0, side)
        is_same = each.label == explanation.answer.label
        likeness = percent(each.likeness)
        label = shortened(each.label, side - font(SMALL).getlength(likeness) - 6, font(BODY, bold=True))
        draw.text((left, side + 6), label, font=font(BODY, bold=True), fill=TEXT if is_same else ORANGE)
        draw.text((left + side, side + 7), likeness, font=font(SMALL), fill=PALE, anchor="ra")
        name = each.file.rpartition("/")[2] if each.file else f"train/{each.index}"
        draw.text((left, side + 24), shortened(name, side, font(SMALL)), font=font(SMALL), fill=PALE)
    return strip


def _layer(layer: Layer) -> Image.Image:
    """A layer's name and shape, and its liveliest maps, or its values in a row."""
    values = layer.values
    *sides, maps_of = values.shape
    is_map = len(sides) == 2 and max(sides) > 1
    count = f"{values.size:,} values{f', the first {MOST_CELLS}' if values.size > MOST_CELLS else ''}"
    if is_map:
        count = f"{maps_of} map{'s' if maps_of > 1 else ''} of {sides[0]}×{sides[1]}"
    maps = _maps(values) if is_map else _cells(values)
    strip, draw = _strip(max(maps.shape[0], 36) + 14)
    draw.text((0, 0), shortened(layer_in_words(layer), NAMES_PX - 10, font(BODY)), font=font(BODY), fill=TEXT)
    draw.text((0, 18), count, font=font(SMALL), fill=PALE)
    strip.paste(Image.fromarray(maps), (NAMES_PX, 0))
    return strip


def _maps(values: np.ndarray) -> np.ndarray:
    """The maps of a layer side by side, in colours that are the same for all of them."""
    scale = max(1, round(MAP_PX / values.shape[0]))
    room = _columns(values.shape[1] * scale, MAP_GAP_PX, WIDE_PX - NAMES_PX) * MAP_ROWS
    liveliest = np.sort(np.argsort(-np.abs(values).mean(axis=(0, 1)), kind="stable")[:room])
    top = np.abs(values).max()
    return _tiles([enlarge(tinted(values[..., each], top), scale) for each in liveliest], WIDE_PX - NAMES_PX)


def _cells(values: np.ndarray) -> np.ndarray:
    """Values in rows, a square each."""
    cells = tinted(values.reshape(1, -1)[:, :MOST_CELLS])[0]
    side = 26 if len(cells) <= 32 else 11
    squares = [np.broadcast_to(cell, (side, side, 3)) for cell in cells]
    return _tiles(squares, WIDE_PX - NAMES_PX, gap=2)


def _filters(kernel: np.ndarray) -> Image.Image:
    """The filters of a first layer; of colours, as colours around grey."""
    scale = max(1, round(MAP_PX / kernel.shape[0]))
    top = np.abs(kernel).max()
    filters = [
        tinted(kernel[:, :, 0, each], top)
        if kernel.shape[2] != 3
        else np.rint(127.5 + 127.5 * kernel[..., each] / top).astype(np.uint8)
        for each in range(kernel.shape[3])
    ]
    tiles = _tiles([enlarge(each, scale) for each in filters], WIDE_PX)
    strip, _ = _strip(tiles.shape[0] + 4)
    strip.paste(Image.fromarray(tiles), (0, 0))
    return strip


def _tiles(pictures: Sequence[np.ndarray], width: int, gap: int = MAP_GAP_PX) -> np.ndarray:
    """Framed pictures of one size in rows on paper: uint8 (height, ≤ width, 3)."""
    height, across = pictures[0].shape[0] + 2, pictures[0].shape[1] + 2
    columns = min(len(pictures), _columns(across - 2, gap, width))
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (across + gap) - gap, 3), 255, np.uint8)
    for number, picture in enumerate(pictures):
        y, x = number // columns * (height + gap), number % columns * (across + gap)
        sheet[y : y + height, x : x + across] = LINE
        sheet[y + 1 : y + height - 1, x + 1 : x + across - 1] = picture
    return sheet


def _columns(across: int, gap: int, width: int) -> int:
    """How many framed pictures stand side by side."""
    return max(1, (width + gap) // (across + 2 + gap))


def _colour(image: np.ndarray) -> np.ndarray:
    """Grey or colour -> uint8 (height, width, 3)."""
    return image if image.shape[2:] == (3,) else np.repeat(image[..., :1], 3, axis=-1)


def _framed(strip: Image.Image, image: np.ndarray, left: int, top: int, side: int) -> None:
    """Pastes a picture, each of its pixels still seen, in a thin frame of side × side."""
    inner = Image.fromarray(image).resize((side - 2, side - 2), Image.Resampling.NEAREST)
    ImageDraw.Draw(strip).rectangle((left, top, left + side - 1, top + side - 1), outline=LINE)
    strip.paste(inner, (left + 1, top + 1))


def _legend(strip: Image.Image, left: int, top: int, low: str, high: str, width: int) -> None:
    """What orange and blue mean."""
    draw = ImageDraw.Draw(strip)
    low, high = (shortened(text, width / 2 - 44, font(SMALL)) for text in (low, high))
    draw.text((left, top), low, font=font(SMALL), fill=ORANGE)
    start = left + round(font(SMALL).getlength(low)) + 8
    ramp = tinted(np.linspace(-1, 1, 64)[None].repeat(8, axis=0))
    strip.paste(Image.fromarray(ramp), (start, top + 4))
    draw.text((start + 72, top), high, font=font(SMALL), fill=BLUE)


def _bars(
    draw: ImageDraw.ImageDraw,
    rows: Sequence[tuple[str, float, str, bool]],
    place: tuple[int, int],
    size: tuple[int, int],
) -> None:
    """Horizontal bars: (name, value, its text, whether it is the one that counts) each."""
    (left, top), (width, height) = place, size
    step = min(height / max(len(rows), 1), 28)
    names = min(max(font(BODY).getlength(name) for name, *_ in rows) + 10, width * 0.4)
    most = max(value for _, value, *_ in rows) or 1
    room = width - names - 54
    for number, (name, value, text, counts) in enumerate(rows):
        middle = top + (number + 0.5) * step
        name = shortened(name, names - 8, font(BODY))
        draw.text((left, middle), name, font=font(BODY, bold=counts), fill=TEXT, anchor="lm")
        end = left + names + max(1, room * value / most)
        draw.rectangle((left + names, middle - step * 0.3, end, middle + step * 0.3), fill=BLUE if counts else BAR)
        draw.text((end + 6, middle), text, font=font(SMALL), fill=TEXT if counts else PALE, anchor="lm")
