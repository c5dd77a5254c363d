"""What every data set is once it is in memory: arrays, class names and where they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import numpy as np

from inksight.errors import DataError
from inksight.utils import notebook

MOST_CLASSES, MOST_SAMPLES, SAMPLE_PX = 20, 12, 22  # in a notebook


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a data set.

    images: uint8 (n, size, size) grey or (n, size, size, 3) RGB.
    labels: int64 (n,), each an index into the data set's classes.
    files: n names of picture files, relative to the data set; None for a set that came as arrays.
    """

    images: np.ndarray
    labels: np.ndarray
    files: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Split: {len(self):,} pictures, {_shape_of(self.images)}"

    @property
    def batch(self) -> np.ndarray:
        """The images as networks take them: uint8 (n, height, width, channels)."""
        return self.images if self.images.ndim == 4 else self.images[..., None]

    @property
    def sha256(self) -> str:
        """SHA-256 over the images, then the labels."""
        return _sha256([self])


class Sample(NamedTuple):
    """One picture of a data set. image: uint8 (size, size) or (size, size, 3). file: as in Split; None without."""

    image: np.ndarray
    label: int
    classes: tuple[str, ...]
    file: str | None


@dataclass(frozen=True, eq=False)
class Dataset:
    """A whole data set: what is trained on, what is chosen on, and what is looked at once.

    name: short, fit for a folder's name. classes: class names by label. preprocessing: how a foreign picture
    becomes an input, "digits" (MNIST normalisation) or "resize". validation: None when the set brings none;
    `held_out` then takes it from the training part. source: the name or path it was loaded from.
    outliers: pictures of no class, uint8 like those of a part, (n, size, size[, 3]); None for none. Where
    a training makes pictures of no class (`TrainConfig.outliers`), half of them are these.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    validation: Split | None = None
    source: str = ""
    license: str = ""
    preprocessing: str = "resize"
    outliers: np.ndarray | None = None

    @property
    def parts(self) -> dict[str, Split]:
        """The parts that the set has, by name, in the order train, validation, test."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in parts.items() if part is not None}

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
        """SHA-256 over the arrays of all parts, in the order train, validation, test, and of the outliers."""
        return _sha256(self.parts.values(), self.outliers)

    def __repr__(self) -> str:
        parts = ", ".join(f"{len(part):,} {name}" for name, part in self.parts.items())
        return f"Dataset {self.name}: {parts}, {len(self.classes):,} classes, {_shape_of(self.train.images)}"

    def _repr_html_(self) -> str:
        """Return the parts, the counts and some training pictures of each class as HTML for a notebook."""
        shown = self.classes[:MOST_CLASSES]
        cells = [notebook.cell(text, notebook.FAINT) for text in ("class", *self.parts, "")]
        for label, name in enumerate(shown):
            counts = (f"{np.count_nonzero(part.labels == label):,}" for part in self.parts.values())
            cells += [notebook.cell(name), *(notebook.cell(count, "text-align:right") for count in counts)]
            if label == 0:
                samples = notebook.picture(
                    self._samples(len(shown)), "training pictures", MOST_SAMPLES * notebook.ROW_PX
                )
                cells.append(f'<div style="grid-row:span {len(shown)}">{samples}</div>')
        more = len(self.classes) - len(shown)
        sizes = " + ".join(f"{len(part):,} {name}" for name, part in self.parts.items())
        return notebook.card(
            "data set",
            self.name,
            f"{sizes} · {self.size_px} × {self.size_px} px, {'grey' if self.channels == 1 else 'colour'}",
            notebook.grid(f"auto repeat({len(self.parts)},auto) auto", cells),
            f"<div>and {more:,} more classes</div>" if more else "",
        )

    def _samples(self, classes: int) -> np.ndarray:
        """The first training pictures of the first classes, one row for each class."""
        import cv2

        canvas = np.zeros(
            (classes * notebook.ROW_PX, MOST_SAMPLES * notebook.ROW_PX, *self.train.images.shape[3:]), np.uint8
        )
        for label in range(classes):
            for column, index in enumerate(np.flatnonzero(self.train.labels == label)[:MOST_SAMPLES]):
                top, left = label * notebook.ROW_PX + 1, column * notebook.ROW_PX + 1
                small = cv2.resize(self.train.images[index], (SAMPLE_PX, SAMPLE_PX), interpolation=cv2.INTER_AREA)
                canvas[top : top + SAMPLE_PX, left : left + SAMPLE_PX] = small
        return canvas

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


def _shape_of(images: np.ndarray) -> str:
    """Size and kind of pictures, uint8 (n, height, width[, 3]), in words; other arrays by their shape."""
    shape = np.shape(images)
    if len(shape) not in (3, 4):
        return f"an array of shape {shape}"
    return f"{shape[2]}×{shape[1]} {'grey' if len(shape) == 3 else 'colour'}"


def _sha256(parts: Iterable[Split], outliers: np.ndarray | None = None) -> str:
    """SHA-256 over the arrays of several parts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(np.ascontiguousarray(part.images).data)
        digest.update(np.ascontiguousarray(part.labels).data)
    if outliers is not None:
        digest.update(np.ascontiguousarray(outliers).data)
    return digest.hexdigest()


def take(split: Split, indices: np.ndarray) -> Split:
    """The pictures at `indices`, int64 (k,)."""
    files = None if split.files is None else tuple(split.files[index] for index in indices.tolist())
    return Split(split.images[indices], split.labels[indices], files)


def joined(parts: Sequence[Split]) -> Split:
    """Several parts as one; it has files if all of them have."""
    named = [part.files for part in parts if part.files is not None]
    files = tuple(chain.from_iterable(named)) if len(named) == len(parts) else None
    images, labels = (np.concatenate([getattr(part, name) for part in parts]) for name in ("images", "labels"))
    return Split(images, labels, files)


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
    """Checks what training and evaluating need of any set, one made by hand too.

    Raises:
        DataError: fewer than two classes, names of classes that are not texts, not unique or not to be written in
            UTF-8, an empty part, arrays of another type or shape than `Split` says, labels out of range, or parts that
            do not agree.
    """
    name = data.source or data.name
    _require_classes(data.classes, name)
    for part_name, part in data.parts.items():
        where = f"the {part_name} part of {name}"
        _require_arrays(part, where)
        if not len(part):
            if part is data.test and len(data.train) == len(np.unique(data.train.labels)):
                raise DataError(
                    f"each class of {name} has one picture; at least two are needed, one of them to test with."
                )
            raise DataError(f"{where} is empty; give it pictures.")
        low, high = int(part.labels.min()), int(part.labels.max())
        if low < 0 or high >= len(data.classes):
            raise DataError(
                f"{where} has labels from {low} to {high}; with {len(data.classes)} classes "
                f"0 to {len(data.classes) - 1} were wanted."
            )
        if part.images.shape[1:] != data.train.images.shape[1:]:
            raise DataError(
                f"{where} has images of shape {part.images.shape[1:]}, "
                f"the train part {data.train.images.shape[1:]}; they must agree."
            )
    if data.outliers is not None and data.outliers.shape[1:] != data.train.images.shape[1:]:
        raise DataError(
            f"the outliers of {name} have the shape {data.outliers.shape[1:]}, the train part "
            f"{data.train.images.shape[1:]}; they must agree."
        )
    return data


def _require_classes(classes: tuple[str, ...], name: str) -> None:
    """Checks that class names are at least two texts, each there once, that a run's files can hold."""
    if len(classes) < 2:
        found = classes[0] if classes else "none"
        raise DataError(f"{name} has one class only ({found}); at least two are needed.")
    seen = set()
    for class_name in classes:
        if not isinstance(class_name, str):
            raise DataError(f"the class names of {name} hold {class_name!r}; texts were wanted: take str of each.")
        if class_name in seen:
            raise DataError(f'{name} has two classes named "{class_name}"; give each class a name of its own.')
        if any("\ud800" <= sign <= "\udfff" for sign in class_name):
            raise DataError(
                f"{name} has the class {class_name!r}, whose name is not UTF-8 and cannot be saved in a run. Rename "
                "the folder, or the class, that is called so."
            )
        seen.add(class_name)


def _require_arrays(part: Split, where: str) -> None:
    """Checks the types and shapes of one part, as `Split` says them."""
    images, labels = part.images, part.labels
    for kind, array in (("images", images), ("labels", labels)):
        if not isinstance(array, np.ndarray):
            raise DataError(f"the {kind} of {where} are a {type(array).__name__}; np.asarray makes them an array.")
    if images.dtype != np.uint8:
        raise DataError(
            f"the images of {where} are of the type {images.dtype}; uint8 was wanted. Bring them to 0–255, then use "
            ".astype(np.uint8)."
        )
    if images.ndim not in (3, 4) or images.shape[3:] not in ((), (3,)) or images.shape[1] != images.shape[2]:
        raise DataError(
            f"the images of {where} have the shape {images.shape}; (n, size, size) grey or (n, size, size, 3) RGB was "
            "wanted. Make them square, and take images[..., 0] of a single channel."
        )
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(
            f"the labels of {where} are {labels.dtype} of the shape {labels.shape}; whole numbers of the shape (n,) "
            "were wanted. Give each picture the index of its class, .astype(np.int64)."
        )
    if len(images) != len(labels):
        raise DataError(f"{where} has {len(images):,} images but {len(labels):,} labels; expected as many of both.")
    if part.files is not None and len(part.files) != len(labels):
        raise DataError(f"{where} has {len(part.files):,} files but {len(labels):,} labels; expected as many of both.")
