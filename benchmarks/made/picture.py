"""A picture that was made, and a folder of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from PIL import Image


class Picture(NamedTuple):
    """One picture of a class. part: "train", "val" or "test"."""

    part: str
    class_name: str
    image: Image.Image


def write_folder(root: Path, pictures: Iterable[Picture], tested: str) -> None:
    """Writes PNGs as `root/{train,test}/CLASS/NUMBER.png`.

    Args:
        tested: what comes into `test`: the part "test", or "val" to choose by; the other one is left out.
    """
    places = {"train": "train", tested: "test"}
    for number, (part, class_name, image) in enumerate(pictures):
        if part in places:
            folder = root / places[part] / class_name
            folder.mkdir(parents=True, exist_ok=True)
            image.save(folder / f"{number:05}.png")
