"""Bytes -> Dataset. A set is a name of the registry or a path.

Nothing here imports Keras, and nothing that decodes pictures or talks to the network is imported before it is needed.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from inksight.data.address import Address, require_picture
from inksight.data.dataset import Dataset, Sample, Split, joined, require_usable
from inksight.data.named import load_named, load_named_part
from inksight.data.progress import Progress, silent
from inksight.data.registry import SETS, KnownSet
from inksight.errors import DataError, UsageError, unknown
from inksight.utils import notebook

if TYPE_CHECKING:
    from inksight.data.square import Prepare

__all__ = ["Dataset", "Split", "load", "load_labelled", "sample"]

SIZE_PX = 28
SIZES_PX = range(8, 513)
PREPROCESSINGS = ("digits", "resize")


def load(
    source: str | Path,
    *,
    size_px: int | None = None,
    prepare: Prepare | None = None,
    preprocessing: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Dataset:
    """Loads a data set by name or path.

    Args:
        source: "mnist" (comes with the package), another name of the registry (fetched once), or the path of a folder
            `root/CLASS/*.png` or `root/{train,val,test}/CLASS/*`, a CSV of `image,label[,split]`, an `.npz`, IDX files.
            A name wins over a folder of that name: write "./mnist" for the folder.
        size_px: the side of its pictures, 8 to 512; 28 unless given.
        prepare: brings every picture of a path to that size, of files as of arrays; `picture.fit_square` unless given.
            A set of the registry does not pass through it.
        preprocessing: "digits" or "resize", how a foreign picture becomes an input; the set's own unless given.
        seed: a set that brings no test part gives 20 % of each class to it; the seed chooses which.
        progress: called with (done, total, what) while it reads or fetches; a notebook shows a bar unless given.
    Raises:
        UsageError: an unknown name, or a value out of range.
        DataError: a set that cannot be read, or nothing there.
        FetchError: a set that no mirror gave.
    """
    progress = progress or notebook.loading()
    size_px = checked_size(size_px)
    if preprocessing not in (None, *PREPROCESSINGS):
        raise UsageError(unknown("preprocessing", preprocessing, PREPROCESSINGS))
    place = find(source)
    if isinstance(place, KnownSet):
        data = load_named(place, progress)
        if data.size_px != size_px:
            from inksight.data.square import resized

            data = resized(data, size_px, progress=progress)
    else:
        from inksight.data.sources import load_path

        data = load_path(place, size_px, prepare, seed, progress)
    return require_usable(replace(data, preprocessing=preprocessing or data.preprocessing))


def load_labelled(
    source: str | Path, *, size_px: int, prepare: Prepare, progress: Progress | None = None
) -> tuple[Split, tuple[str, ...]]:
    """All pictures of a set as one part, with the class names; unlike `load` it takes a set that lacks classes.

    Arguments and errors as `load`.
    """
    place = find(source)
    if isinstance(place, KnownSet):
        data = load(source, size_px=size_px, progress=progress)
    else:
        from inksight.data.sources import load_path

        data = load_path(place, size_px, prepare, progress=progress or silent, complete=False)
    return joined([*data.parts.values()]), data.classes


def sample(
    source: str | Path,
    index: int,
    split: str = "test",
    *,
    size_px: int | None = None,
    prepare: Prepare | None = None,
    seed: int = 0,
) -> Sample:
    """One picture of a set, the same that `load` has at this place, without loading the rest where that can be.

    Args:
        split: "train", "validation" or "test".
        size_px, prepare, seed: as for `load`.
    Raises:
        UsageError: an unknown name or split, or no such index.
        DataError: a set that cannot be read, or a picture that `prepare` refuses.
    """
    size_px = checked_size(size_px)
    place = find(source)
    if not isinstance(place, KnownSet):
        from inksight.data.sources import sample_path

        return sample_path(place, Address(str(source), split, index), size_px, prepare, seed)
    counts = dict(zip(("train", "test"), place.count, strict=True))
    require_picture(Address(place.name, split, index), counts)
    part = load_named_part(place, split)
    image = part.images[index]
    if place.size_px != size_px:
        from inksight.imaging.decode import fit_square

        image = fit_square(image, size_px)
    return Sample(image, int(part.labels[index]), place.classes, None)


def find(source: str | Path) -> KnownSet | Path:
    """The row of the registry that `source` names, or the path that it is.

    Raises:
        UsageError: neither a known name nor a path, or nothing at all.
        DataError: it looks like a path, but nothing is there.
    """
    if not str(source).strip():
        raise UsageError("an empty name came; a data set's name (`inksight data list` has them) or a path was wanted.")
    if isinstance(source, str) and source in SETS:
        return SETS[source]
    path = Path(source).expanduser()
    if path.exists():
        return path
    if isinstance(source, Path) or any(mark in source for mark in (os.sep, "/", ".", "~")):
        raise DataError(f"no data at {source}: there is no such file or folder. Check the path.")
    raise UsageError(unknown("data set", source, SETS, "or give a path"))


def checked_size(size_px: int | None) -> int:
    """The size wanted, or 28."""
    if size_px is None:
        return SIZE_PX
    if size_px not in SIZES_PX:
        raise UsageError(f"the size is {size_px} px; {SIZES_PX.start} to {SIZES_PX.stop - 1} px were wanted.")
    return size_px
