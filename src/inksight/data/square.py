"""Pictures of any size -> one array of squares, grey when all are grey, else RGB."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from inksight.data.address import picture_name
from inksight.data.dataset import Dataset, Split
from inksight.data.progress import Progress, silent
from inksight.errors import DataError, PictureError, command
from inksight.imaging.decode import fit_square

Prepare = Callable[[np.ndarray], np.ndarray]
"""A picture, uint8 (height, width[, 3]) -> one of the network's size, uint8 (size, size[, 3])."""

BATCH = 256


def resized(data: Dataset, size_px: int, prepare: Prepare | None = None, progress: Progress = silent) -> Dataset:
    """The set with all its pictures at size_px × size_px.

    Args:
        prepare: brings every picture to that size, also those that have it; `fit_square` unless given.
    Raises:
        DataError: names the first picture that `prepare` refuses.
    """
    parts = data.parts
    if prepare is None and all(part.images.shape[1:3] == (size_px, size_px) for part in parts.values()):
        return data
    count = sum(len(part) for part in parts.values())
    images = stacked(_brought_to_size(data, size_px, prepare, progress), count, size_px)
    parts = cut(images, {name: (part.labels, part.files) for name, part in parts.items()})
    return replace(data, train=parts["train"], validation=parts.get("validation"), test=parts["test"])


def to_square(picture: np.ndarray, size_px: int, prepare: Prepare | None, name: str, source: str) -> np.ndarray:
    """One picture brought to size: uint8 (size_px, size_px) or (size_px, size_px, 3).

    Args:
        name: what to call it in errors. source: the set that it is of.
    Raises:
        DataError: `prepare` refuses it, a blank one for instance.
    """
    try:
        return prepare(picture) if prepare else fit_square(picture, size_px)
    except PictureError as error:
        raise DataError(f"{name}: {error} `{command('data', 'check', source)}` looks at the whole set.") from error


def stacked(pictures: Iterable[np.ndarray], count: int, size_px: int) -> np.ndarray:
    """`count` pictures, grey or RGB, in one array: uint8 (count, size_px, size_px[, 3]), RGB as soon as one is."""
    images = np.empty((count, size_px, size_px), np.uint8)
    for index, picture in enumerate(pictures):
        if picture.ndim == 3 and images.ndim == 3:
            images = to_rgb(images)
        images[index] = picture if picture.ndim + 1 == images.ndim else to_rgb(picture)
    return images


def cut(images: np.ndarray, parts: Mapping[str, tuple[np.ndarray, tuple[str, ...] | None]]) -> dict[str, Split]:
    """The parts of one array, by the labels and files of each; they are views, so nothing is held twice."""
    splits, start = {}, 0
    for name, (labels, files) in parts.items():
        splits[name] = Split(images[start : start + len(labels)], labels, files)
        start += len(labels)
    return splits


def to_rgb(images: np.ndarray) -> np.ndarray:
    """Grey (…, height, width) -> RGB (…, height, width, 3)."""
    return np.repeat(images[..., None], 3, axis=-1)


def _brought_to_size(data: Dataset, size_px: int, prepare: Prepare | None, progress: Progress) -> Iterator[np.ndarray]:
    """All pictures of a set in turn; one that is refused is called by its part and index."""
    total, done = sum(len(part) for part in data.parts.values()), 0
    for name, part in data.parts.items():
        for index, picture in enumerate(part.images):
            if done % BATCH == 0:
                progress(done, total, "preparing pictures")
            done += 1
            called = picture_name(part.files, data.source, name, index)
            yield to_square(picture, size_px, prepare, called, data.source)
    progress(total, total, "preparing pictures")
