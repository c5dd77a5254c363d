"""What a set of picture files holds before any is decoded: which file is of which class, in which part."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from inksight.data.dataset import stratified
from inksight.errors import DataError

TEST_FRACTION = 0.2
PARTS = ("train", "validation", "test")
PART_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True, eq=False)
class Part:
    """The files of one part and their labels, int64 (n,)."""

    paths: list[str]
    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class Listing:
    """The files of a whole set. `parts` has "train" and "test", and "validation" when the set brings one."""

    source: str
    classes: tuple[str, ...]
    parts: dict[str, Part]

    def files(self, part: str) -> tuple[str, ...]:
        """The names of a part's files, relative to the folder of the set, with "/" between folders. Bytes of a name
        that are no text become �."""
        folder = self.source if os.path.isdir(self.source) else os.path.dirname(self.source)
        start = os.path.join(folder, "")
        names = (os.fsencode(path.removeprefix(start)).decode("utf-8", "replace") for path in self.parts[part].paths)
        return tuple(name.replace(os.sep, "/") for name in names)


@dataclass(frozen=True, slots=True)
class Found:
    """One picture file. `part` is "" where the set does not say."""

    part: str
    class_name: str
    path: str


def make_listing(source: str, found: Iterable[Found], empty_classes: Iterable[str], seed: int) -> Listing:
    """Gives classes their numbers, and a set without a test part one: 20 % of each training class.

    Args:
        empty_classes: names of classes that were announced but have no pictures.
        seed: chooses the test pictures where the set does not say.
    """
    found = sorted(found, key=lambda one: one.path)
    if not found:
        raise DataError(f"{source} holds no pictures; put some in.")
    names = {one.class_name for one in found} | set(empty_classes)
    classes = tuple(sorted(names, key=class_order))
    numbers = {name: number for number, name in enumerate(classes)}
    found.sort(key=lambda one: numbers[one.class_name])
    parts = {}
    for part in PARTS:
        members = [one for one in found if (one.part or "train") == part]
        if members:
            labels = np.array([numbers[one.class_name] for one in members], np.int64)
            parts[part] = Part([one.path for one in members], labels)
    if "train" not in parts:
        raise DataError(f"{source} has pictures to test with but none to train on; add a train part.")
    if "test" not in parts:
        parts["train"], parts["test"] = _split(parts["train"], seed)
    return Listing(source, classes, parts)


def require_complete(listing: Listing) -> Listing:
    """Checks that every class can be learnt.

    Raises:
        DataError: a class without pictures, or with none in the training part.
    """
    present = {part: {int(label) for label in np.unique(files.labels)} for part, files in listing.parts.items()}
    for label, name in enumerate(listing.classes):
        elsewhere = [part for part in present if label in present[part]]
        if not elsewhere:
            raise DataError(f'{listing.source}: the class "{name}" has no pictures; put some in, or remove its folder.')
        if "train" not in elsewhere:
            raise DataError(
                f'{listing.source}: the class "{name}" is in the {elsewhere[0]} part but not in the training part; '
                "add training pictures, or remove it."
            )
    return listing


def class_order(name: str) -> tuple[int, int, str]:
    """Numbers before words, and numbers by their value: 2 before 10."""
    return (0, int(name), name) if name.isdecimal() else (1, 0, name)


def _split(part: Part, seed: int) -> tuple[Part, Part]:
    """Takes the test part out of the training part, the same share of each class."""
    kept, held = stratified(part.labels, TEST_FRACTION, seed)
    return _taken(part, kept), _taken(part, held)


def _taken(part: Part, indices: np.ndarray) -> Part:
    """The files at `indices`."""
    return Part([part.paths[index] for index in indices], part.labels[indices])
