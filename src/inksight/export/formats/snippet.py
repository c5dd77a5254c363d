"""The client programs that go with an export: a picture in, a class out, with nothing of this package."""

from __future__ import annotations

from inksight.runs import ModelCard

_READ = """\
import numpy as np
from PIL import Image
{imports}

classes = {classes}
picture = Image.open("picture.png").convert("{mode}").resize(({size}, {size})){framed}
images = np.asarray(picture, np.uint8).reshape(1, {size}, {size}, {channels})
{ask}
best = int(probabilities.argmax())
print(classes[best] if probabilities[best] >= {unsure_below} else "unsure", float(probabilities[best]))
"""


def python_snippet(card: ModelCard, imports: str, ask: str) -> str:
    """A program in Python.

    Args:
        imports: lines that import the runtime.
        ask: lines that make `probabilities`, float32 (classes,), of `images`.
    """
    return _READ.format(
        imports=imports,
        classes=list(card.classes),
        mode="RGB" if card.channels == 3 else "L",
        size=card.size_px,
        framed="  # bright ink on dark, framed as MNIST's" if card.preprocessing == "digits" else "",
        channels=card.channels,
        ask=ask,
        unsure_below=card.unsure_below,
    )
