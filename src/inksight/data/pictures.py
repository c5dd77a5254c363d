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
from inksight.data.square import Prepare, cut, stacked, to_square
from inksight.errors import DataError, PictureError, command
from inksight.imaging.decode import load_picture

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
    read = partial(read_picture, size_px=size_px, prepare=prepare, source=listing.source)
    images = stacked(_in_parallel(read, paths, progress), len(paths), size_px)
    return cut(images, {name: (part.labels, listing.files(name)) for name, part in listing.parts.items()})


def read_picture(path: str, size_px: int, prepare: Prepare | None, source: str) -> np.ndarray:
    """One file of a set, decoded and brought to size: uint8 (size_px, size_px) or (size_px, size_px, 3)."""
    try:
        picture = load_picture(path).pixels
    except PictureError as error:
        raise DataError(f"{error} `{command('data', 'check', source)}` lists every bad file of the set.") from error
    return to_square(picture, size_px, prepare, path, source)


def _in_parallel(read: Callable[[str], np.ndarray], paths: Sequence[str], progress: Progress) -> Iterator[np.ndarray]:
    """Reads in order with a thread a core, a batch ahead at most: decoded pictures must not pile up."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(paths), BATCH):
            progress(start, len(paths), "reading pictures")
            yield from pool.map(read, paths[start : start + BATCH])
    progress(len(paths), len(paths), "reading pictures")
