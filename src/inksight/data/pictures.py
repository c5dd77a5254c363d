"""Listed picture files -> arrays: decoded on several cores, straight into the place where they stay."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from inksight.data.dataset import Split
from inksight.data.listing import Listing
from inksight.data.progress import Progress, silent
from inksight.errors import DataError, PictureError
from inksight.picture import fit_square, load_picture

Prepare = Callable[[np.ndarray], np.ndarray]
"""A picture, uint8 (height, width[, 3]) -> one of the network's size, uint8 (size, size[, 3])."""

BATCH = 256


def read_pictures(
    listing: Listing, size_px: int, prepare: Prepare | None = None, progress: Progress = silent
) -> dict[str, Split]:
    """Decodes all files of a listing; the parts are views of one array, so nothing is held twice.

    The set is grey when all its pictures are; else grey ones are stacked to RGB.

    Args:
        prepare: brings every picture to size_px × size_px; `fit_square` unless given.
    Raises:
        DataError: names the first picture that cannot be read.
    """
    paths = [path for part in listing.parts.values() for path in part.paths]
    images = np.empty((len(paths), size_px, size_px), np.uint8)
    read = partial(read_picture, size_px=size_px, prepare=prepare, source=listing.source)
    for index, picture in enumerate(_in_parallel(read, paths, progress)):
        if picture.ndim == 3 and images.ndim == 3:
            images = _to_colour(images, index)
        images[index] = picture if picture.ndim + 1 == images.ndim else picture[..., None]
    splits, start = {}, 0
    for name, part in listing.parts.items():
        splits[name] = Split(images[start : start + len(part.paths)], part.labels)
        start += len(part.paths)
    return splits


def read_picture(path: str, size_px: int, prepare: Prepare | None, source: str) -> np.ndarray:
    """One file of a set, decoded and brought to size: uint8 (size_px, size_px) or (size_px, size_px, 3)."""
    try:
        picture = load_picture(path)
    except PictureError as error:
        raise DataError(f"{error} `inksight data check {source}` lists every bad file of the set.") from error
    try:
        return prepare(picture) if prepare else fit_square(picture, size_px)
    except PictureError as error:
        raise DataError(f"{path}: {error} `inksight data check {source}` looks at the whole set.") from error


def _in_parallel(read: Callable[[str], np.ndarray], paths: Sequence[str], progress: Progress) -> Iterator[np.ndarray]:
    """Reads in order with a thread a core, a batch ahead at most: decoded pictures must not pile up."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(paths), BATCH):
            progress(start, len(paths), "reading pictures")
            yield from pool.map(read, paths[start : start + BATCH])
    progress(len(paths), len(paths), "reading pictures")


def _to_colour(images: np.ndarray, filled: int) -> np.ndarray:
    """Grey (n, size, size) -> RGB (n, size, size, 3) with the first `filled` pictures taken over."""
    colour = np.empty((*images.shape, 3), np.uint8)
    colour[:filled] = images[:filled, ..., None]
    return colour
