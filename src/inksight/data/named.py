"""A row of the registry -> Dataset: the embedded files, or those in the cache, fetched when they are missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inksight.data.dataset import Dataset, Split
from inksight.data.fetch import fetch_part_file, hash_of
from inksight.data.idx import load_idx
from inksight.data.progress import Progress, silent
from inksight.data.registry import IDX_FILES, KnownSet
from inksight.errors import DataError

PACKAGE_FOLDER = Path(__file__).parent


def load_named(known: KnownSet, progress: Progress = silent) -> Dataset:
    """The whole set, in its own size."""
    return Dataset(
        name=known.name,
        classes=known.classes,
        train=load_named_part(known, "train", progress),
        test=load_named_part(known, "test", progress),
        source=known.name,
        license=known.license,
        preprocessing=known.preprocessing,
    )


def load_named_part(known: KnownSet, part: str, progress: Progress = silent) -> Split:
    """One part ("train" or "test"); only its two files are read.

    Raises:
        FetchError: a file is missing and no mirror gave it.
        DataError: an embedded file is not what was shipped.
    """
    images = _load_array(known, part, "images", 3, progress)
    labels = _load_array(known, part, "labels", 1, progress)
    return Split(images, labels.astype(np.int64))


def _load_array(known: KnownSet, part: str, kind: str, dimensions: int, progress: Progress) -> np.ndarray:
    """One file, checked: the fetched ones packed by `fetch`, the embedded ones unpacked here."""
    if not known.embedded:
        return load_idx(fetch_part_file(known, part, kind, progress), dimensions)
    array = load_idx(PACKAGE_FOLDER / known.name / IDX_FILES[part, kind], dimensions)
    header = bytes([0, 0, 8, dimensions]) + np.array(array.shape, ">u4").tobytes()
    found = hash_of(header, array.data, like=known.hashes[part, kind])
    if found != known.hashes[part, kind]:
        raise DataError(
            f"the {known.name} that comes with the package is damaged: {IDX_FILES[part, kind]} unpacks to {found}, "
            f"{known.hashes[part, kind]} was wanted. Install inksight again."
        )
    return array
