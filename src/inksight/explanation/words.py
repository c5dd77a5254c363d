"""An explanation as a person would say it."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from inksight.data.address import Address
from inksight.insight.flow import Layer

if TYPE_CHECKING:
    from inksight.explanation import Explanation

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
