"""What every data set is once it is in memory: arrays, class names and where they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from inksight.errors import DataError, UsageError


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a data set.

    images: uint8 (n, size, size) grey or (n, size, size, 3) RGB.
    labels: int64 (n,), each an index into the data set's classes.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A whole data set: what is trained on, what is chosen on, and what is looked at once.

    name: short, fit for a folder's name. classes: class names by label. preprocessing: how a foreign picture
    becomes an input, "digits" (MNIST normalisation) or "resize". validation: None when the set brings none;
    `held_out` then takes it from the training part. source: the name or path it was loaded from.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    validation: Split | None = None
    source: str = ""
    license: str = ""
    preprocessing: str = "resize"

    @property
    def size_px(self) -> int:
        """The side of its square pictures."""
        return int(self.train.images.shape[1])

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return 1 if self.train.images.ndim == 3 else 3

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over the arrays of all parts, in the order train, validation, test."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation, self.test):
            if part is not None:
                digest.update(np.ascontiguousarray(part.images).data)
                digest.update(np.ascontiguousarray(part.labels).data)
        return digest.hexdigest()

    def held_out(self, fraction: float, seed: int) -> Dataset:
        """The same set with a validation part: its own, or `fraction` of each training class (seeded).

        Args:
            fraction: 0 up to (not with) 1; 0 leaves a set without a validation part as it is.
            seed: chooses which training pictures are held out.
        """
        if self.validation is not None or fraction == 0:
            return self
        kept, held = stratified(self.train.labels, fraction, seed)
        if not len(held):
            return self
        return replace(self, train=take(self.train, kept), validation=take(self.train, held))


def take(split: Split, indices: np.ndarray) -> Split:
    """The pictures at `indices`, int64 (k,)."""
    return Split(split.images[indices], split.labels[indices])


def stratified(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Splits indices so that each class gives the same share to the second part.

    Args:
        labels: int64 (n,).
        fraction: share of the second part, 0–1. A class with two or more pictures keeps at least one on each side.
        seed: chooses which.
    Returns:
        two ascending int64 arrays that together hold 0…n−1 once.
    """
    generator = np.random.default_rng([seed, 1])
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = round(fraction * len(members))
        if len(members) > 1 and fraction > 0:
            count = min(max(count, 1), len(members) - 1)
        chosen[generator.permutation(members)[:count]] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def require_usable(data: Dataset) -> Dataset:
    """Checks what training and evaluating need of any set.

    Raises:
        DataError: fewer than two classes, an empty part, labels out of range, or shapes that do not fit.
    """
    if len(data.classes) < 2:
        found = data.classes[0] if data.classes else "none"
        raise DataError(f"{data.source or data.name} has one class only ({found}); at least two are needed.")
    for part_name, part in (("train", data.train), ("validation", data.validation), ("test", data.test)):
        if part is None:
            continue
        if not len(part):
            raise DataError(f"the {part_name} part of {data.source or data.name} is empty; give it pictures.")
        if len(part.images) != len(part.labels):
            raise DataError(
                f"the {part_name} part has {len(part.images):,} images but {len(part.labels):,} labels; one each."
            )
        low, high = int(part.labels.min()), int(part.labels.max())
        if low < 0 or high >= len(data.classes):
            raise DataError(
                f"the {part_name} part has labels from {low} to {high}; with {len(data.classes)} classes "
                f"0 to {len(data.classes) - 1} were wanted."
            )
        if part.images.shape[1:] != data.train.images.shape[1:]:
            raise DataError(
                f"the {part_name} part has images of shape {part.images.shape[1:]}, "
                f"the train part {data.train.images.shape[1:]}; they must agree."
            )
    return data


def require_index(source: str, counts: Mapping[str, int], part: str, index: int) -> str:
    """Checks that a set has a picture number `index` in a part; gives the part's full name ("val" is "validation").

    Args:
        counts: pictures in each part that the set has.
    Raises:
        UsageError: no such part, or no such index.
    """
    part = "validation" if part == "val" else part
    if part not in counts:
        raise UsageError(f'{source} has no part "{part}"; it has {", ".join(counts)}.')
    if not 0 <= index < counts[part]:
        raise UsageError(
            f"there is no picture {index:,} in the {part} part of {source}; 0 to {counts[part] - 1:,} were wanted."
        )
    return part
