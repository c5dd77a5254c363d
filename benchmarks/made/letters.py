"""Digits, capitals and small letters, 62 classes, printed in one set of typefaces and tested in others.

With Debian's fonts there are many typefaces:

    apt-get install fonts-cabin fonts-cantarell fonts-comic-neue fonts-courier-prime fonts-crosextra-caladea \
        fonts-crosextra-carlito fonts-dejavu fonts-dosis fonts-ebgaramond fonts-fantasque-sans fonts-firacode \
        fonts-hack fonts-inconsolata fonts-jura fonts-lato fonts-liberation fonts-linuxlibertine fonts-open-sans \
        fonts-opendyslexic fonts-quicksand fonts-roboto-unhinted fonts-sil-andika fonts-sil-gentium-basic \
        fonts-tuffy fonts-vollkorn fonts-yanone-kaffeesatz

Without them there are Matplotlib's own: one for each part, which says little about typefaces that were never seen.
"""

from __future__ import annotations

import string
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from made.picture import Picture

PLACES = (Path("/usr/share/fonts"), Path(matplotlib.get_data_path()) / "fonts" / "ttf")
# Beginnings of family names. Whose shapes come from one source (Lato and Carlito, DejaVu and Hack) are on one side.
FAMILIES = {
    "train": (
        *("Cantarell", "Carlito", "Comic Neue", "Courier Prime", "DejaVu", "Dosis", "EB Garamond", "Fantasque"),
        *("Hack", "Inconsolata", "Lato", "Liberation", "Linux Libertine", "Quicksand", "Roboto"),
    ),
    "val": ("Cabin", "Caladea", "cmr10", "Gentium", "Open Sans", "Tuffy"),
    "test": ("Andika", "Fira Code", "Jura", "OpenDyslexic", "STIXGeneral", "Vollkorn", "Yanone"),
}
EACH = {"train": 120, "val": 20, "test": 40}  # pictures of a class
NOT_LETTERS = ("Display", "Initials", "Keyboard")  # in names of faces
MOST_FACES = 6  # of a family: some have forty
SIZE_PX, FINE = 32, 4  # drawn FINE times as large, then made small
CLASSES = string.digits + string.ascii_uppercase + string.ascii_lowercase


def pictures(share: float = 1.0) -> Iterator[Picture]:
    """Dark on light, as cut out of a line of text: a little turned, shifted, blurred and noisy.

    Small letters are called "a_": some disks hold no folder "a" beside "A".

    Args:
        share: of the pictures, 0–1.
    """
    generator = np.random.default_rng(1)
    for part, faces in faces_by_part().items():
        for name in CLASSES:
            for _ in range(max(2, round(share * EACH[part]))):
                face = faces[generator.integers(len(faces))]
                yield Picture(part, f"{name}_" if name.islower() else name, printed(name, face, generator))


@cache
def faces_by_part() -> dict[str, list[Path]]:
    """The font files of each part, with a family's faces spread evenly."""
    found: dict[tuple[str, str], dict[tuple[str, str], Path]] = defaultdict(dict)
    for path in sorted(path for place in PLACES for path in place.rglob("*.[ot]tf")):
        family, style = (word or "" for word in ImageFont.truetype(path, 10).getname())
        if any(word in family for word in NOT_LETTERS):
            continue
        for part, beginnings in FAMILIES.items():
            for beginning in beginnings:
                if family.startswith(beginning):
                    found[part, beginning].setdefault((family, style), path)
    faces: dict[str, list[Path]] = {part: [] for part in FAMILIES}
    for (part, _), of_family in sorted(found.items()):
        chosen = sorted(of_family.values())
        evenly = np.unique(np.linspace(0, len(chosen) - 1, min(MOST_FACES, len(chosen))).astype(int))
        faces[part] += [chosen[index] for index in evenly]
    return faces


def printed(name: str, face: Path, generator: np.random.Generator) -> Image.Image:
    """One letter in its place on the line, so that an o is smaller than an O."""
    side = SIZE_PX * FINE
    font = ImageFont.truetype(face, round(side * 0.78 * generator.uniform(0.85, 1.12)))
    paper, ink = generator.uniform(170, 255), generator.uniform(0, 90)
    image = Image.new("L", (side, side), round(paper))
    x, y = side / 2 + generator.normal(0, 0.03 * side), 0.73 * side + generator.normal(0, 0.03 * side)
    ImageDraw.Draw(image).text((x, y), name, round(ink), font, anchor="ms")
    image = image.rotate(generator.normal(0, 3), Image.Resampling.BILINEAR, fillcolor=round(paper))
    image = image.filter(ImageFilter.GaussianBlur(FINE * generator.uniform(0, 0.9)))
    small = np.asarray(image.resize((SIZE_PX, SIZE_PX), Image.Resampling.BOX), float)
    noisy = small + generator.normal(0, generator.uniform(2, 14), small.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype("u1"))
