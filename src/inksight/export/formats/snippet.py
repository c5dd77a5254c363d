"""The client programs that go with an export: a picture in, a class out, with nothing of this package."""

from __future__ import annotations

from inksight.metrics.calibration import SMALLEST
from inksight.runs import ModelCard

_READ = """\
import numpy as np
from PIL import {pillow}
{imports}

classes = {classes}
picture = Image.open("picture.png").convert("{mode}")
picture = {framed}
images = np.asarray(picture, np.uint8).reshape(1, {size}, {size}, {channels})
{ask}
best = int(probabilities.argmax())
answer = classes[best] if probabilities[best] >= {unsure_below} else "unsure"
{rejecting}print(answer, float(probabilities[best]))
"""
_FRAMED = "picture.resize(({size}, {size}))  # bright ink on dark, framed as MNIST's digits are"
_PADDED = "ImageOps.pad(picture, ({size}, {size}), color=picture.getpixel((0, 0)))  # a picture with its ground around"
_REJECTING = """\
logarithms = np.log(np.maximum(probabilities, {smallest}))
evidence = logarithms[best] - np.delete(logarithms, best).mean()  # how far the best class stands out
answer = answer if evidence >= {rejected_below} else "none of these"
"""


def python_snippet(card: ModelCard, imports: str, ask: str) -> str:
    """A program in Python.

    Args:
        imports: lines that import the runtime.
        ask: lines that make `probabilities`, float32 (classes,), of `images`.
    """
    is_digits = card.preprocessing == "digits"
    rejecting = _REJECTING.format(smallest=SMALLEST, rejected_below=card.rejected_below)
    return _READ.format(
        pillow="Image" if is_digits else "Image, ImageOps",
        imports=imports,
        classes=list(card.classes),
        mode="RGB" if card.channels == 3 else "L",
        framed=(_FRAMED if is_digits else _PADDED).format(size=card.size_px),
        size=card.size_px,
        channels=card.channels,
        ask=ask,
        unsure_below=card.unsure_below,
        rejecting=rejecting if card.rejected_below else "",
    )
