"""Sets that come as arrays, an `.npz` or a folder with the four IDX files -> Dataset. Checked at this door."""

from __future__ import annotations

import re
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from inksight.data.dataset import Dataset, Split, stratified, take
from inksight.data.idx import load_idx
from inksight.data.listing import TEST_FRACTION
from inksight.data.registry import IDX_FILES
from inksight.data.square import to_rgb
from inksight.errors import DataError

MAX_CLASSES = 10_000
BATCH = 1024
NPZ_PARTS = {"train": "train", "val": "validation", "test": "test"}
NPZ_NAMES = ("classes", "license", "x_outliers", *(f"{kind}_{short}" for short in NPZ_PARTS for kind in "xy"))
DAMAGED_NPZ = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, NotImplementedError, MemoryError)


def load_npz(path: Path, seed: int) -> Dataset:
    """Reads x_train, y_train and, where they are, x_val, y_val, x_test, y_test, classes, x_outliers and license.

    x_outliers are pictures of no class; classes and license are texts. Nothing is unpickled.

    Returns:
        the set in its own size; pixels of 0–1 are brought to 0–255.
    Raises:
        DataError: not an npz; an array missing, of objects, of a wrong shape, with pixels or labels out of range.
    """
    arrays = _read_npz(path)
    parts = {}
    for short, part in NPZ_PARTS.items():
        pair = [name for name in (f"x_{short}", f"y_{short}") if name in arrays]
        if len(pair) == 1 or (part == "train" and not pair):
            raise DataError(
                f"{path} holds {', '.join(sorted(arrays)) or 'no array of a known name'}; x_{short} and y_{short} "
                "were wanted."
            )
        if pair:
            _require_images(arrays[pair[0]], pair[0], path)
            _require_labels(arrays[pair[1]], pair[1], path)
            parts[part] = Split(arrays[pair[0]], arrays[pair[1]].reshape(-1).astype(np.int64))
    scale = 255.0 if max(part.images.max() for part in parts.values()) <= 1 else 1.0
    parts = {name: Split(_to_pixels(part.images, scale), part.labels) for name, part in parts.items()}
    names = tuple(str(name) for name in arrays["classes"].reshape(-1)) if "classes" in arrays else ()
    data = _to_dataset(path, _without_needless_colour(parts), names, seed)
    if "x_outliers" in arrays:
        _require_images(arrays["x_outliers"], "x_outliers", path)
        data = replace(data, outliers=_to_pixels(arrays["x_outliers"], scale))
    return replace(data, license=str(arrays["license"])) if "license" in arrays else data


def idx_files(folder: Path) -> dict[tuple[str, str], Path]:
    """The IDX files in a folder: (part, kind) -> path. Packed or plain, "-idx3-" or ".idx3-"."""
    found: dict[tuple[str, str], Path] = {}
    for key, name in IDX_FILES.items():
        plain = name.removesuffix(".gz")
        for spelling in (plain, plain.replace("-idx", ".idx")):
            for candidate in (folder / spelling, folder / f"{spelling}.gz"):
                if candidate.is_file():
                    found.setdefault(key, candidate)
    return found


def load_idx_folder(folder: Path, seed: int) -> Dataset:
    """Reads the IDX files of a folder: the training pair, and the test pair where it is.

    Raises:
        DataError: images without labels or the other way round, a file that is no IDX, or one that holds nothing.
    """
    files = idx_files(folder)
    parts = {}
    for part in ("train", "test"):
        missing = [IDX_FILES[part, kind] for kind in ("images", "labels") if (part, kind) not in files]
        if len(missing) == 1 or (missing and part == "train"):
            raise DataError(f"{folder} has IDX files, but not {' and '.join(missing)}; put it there too.")
        if not missing:
            images, labels = load_idx(files[part, "images"], 3), load_idx(files[part, "labels"], 1)
            _require_images(images, files[part, "images"].name, folder)
            _require_labels(labels, files[part, "labels"].name, folder)
            parts[part] = Split(images, labels.astype(np.int64))
    return _to_dataset(folder, parts, (), seed)


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of known names."""
    if not zipfile.is_zipfile(path):  # np.load would take any other file for a pickle
        raise DataError(f"{path} is not an npz (a zip of arrays), or it is cut short. Copy or save it again.")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files if name in NPZ_NAMES}
    except DAMAGED_NPZ as error:
        if "allow_pickle" in str(error):
            raise DataError(
                f"{path} holds Python objects; they are never unpickled, because that can run any program. "
                "Save plain arrays of numbers."
            ) from None
        raise DataError(f"{path} is not an npz that can be read ({error}). Copy or save it again.") from error


def _require_images(images: np.ndarray, name: str, path: Path) -> None:
    """Checks shape, kind and range of pixels."""
    channels = images.shape[3] if images.ndim == 4 else 1
    if images.ndim not in (3, 4) or channels not in (1, 3) or not images.size:
        raise DataError(
            f"{name} in {path} has the shape {images.shape}; (n, height, width) or (n, height, width, 1 or 3) "
            "was wanted, and none of them 0."
        )
    if images.dtype.kind not in "biuf":
        raise DataError(f"{name} in {path} is of the type {images.dtype}; numbers were wanted.")
    low, high = float(images.min()), float(images.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise DataError(f"{name} in {path} has pixels that are not numbers (NaN or infinite); 0 to 255 were wanted.")
    if low < 0 or high > 255:
        raise DataError(f"{name} in {path} has pixels from {low:g} to {high:g}; 0 to 1 or 0 to 255 were wanted.")


def _require_labels(labels: np.ndarray, name: str, path: Path) -> None:
    """Checks that labels are class numbers."""
    if labels.ndim != 1 and labels.shape != (len(labels), 1):
        raise DataError(f"{name} in {path} has the shape {labels.shape}; one class number a picture, (n,), was wanted.")
    if labels.dtype.kind not in "iuf" or not labels.size:
        raise DataError(
            f"{name} in {path} is of the type {labels.dtype}, {labels.size} long; class numbers were wanted."
        )
    if not np.isfinite(labels).all() or (labels != np.rint(labels)).any():
        raise DataError(f"{name} in {path} has labels that are not whole numbers; 0, 1, 2, … were wanted.")
    if labels.min() < 0 or labels.max() >= MAX_CLASSES:
        raise DataError(
            f"{name} in {path} has labels from {labels.min():g} to {labels.max():g}; "
            f"0 to {MAX_CLASSES - 1:,} at most were wanted."
        )


def _to_pixels(images: np.ndarray, scale: float) -> np.ndarray:
    """Any numbers -> uint8 (n, height, width[, 3]), a batch at a time to spare memory."""
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.dtype == np.uint8 and scale == 1:
        return images
    pixels = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), BATCH):
        pixels[start : start + BATCH] = np.rint(images[start : start + BATCH].astype(np.float32) * scale)
    return pixels


def _without_needless_colour(parts: dict[str, Split]) -> dict[str, Split]:
    """Grey when every picture of every part is; else all RGB."""
    if all(_is_grey(part.images) for part in parts.values()):
        return {
            name: Split(part.images if part.images.ndim == 3 else part.images[..., 0].copy(), part.labels)
            for name, part in parts.items()
        }
    return {
        name: Split(part.images if part.images.ndim == 4 else to_rgb(part.images), part.labels)
        for name, part in parts.items()
    }


def _is_grey(images: np.ndarray) -> bool:
    """Whether the three channels are equal everywhere, or there is but one."""
    return images.ndim == 3 or all(np.array_equal(images[..., 0], images[..., channel]) for channel in (1, 2))


def _to_dataset(path: Path, parts: dict[str, Split], names: tuple[str, ...], seed: int) -> Dataset:
    """Parts of arrays -> Dataset, with a test part taken from the training part when there is none."""
    for name, part in parts.items():
        if len(part.images) != len(part.labels):
            raise DataError(
                f"the {name} part of {path} has {len(part.images):,} images but {len(part.labels):,} labels."
            )
    known = set(np.unique(parts["train"].labels).tolist())
    for name, part in parts.items():
        if strange := set(np.unique(part.labels).tolist()) - known:
            raise DataError(
                f"the {name} part of {path} has the labels {', '.join(map(str, sorted(strange)))}, which the training "
                "part does not have; add training pictures, or remove them."
            )
    if "test" not in parts:
        kept, held = stratified(parts["train"].labels, TEST_FRACTION, seed)
        parts = {**parts, "train": take(parts["train"], kept), "test": take(parts["train"], held)}
    if not names:
        names, parts = _numbered(parts, sorted(known))
    return from_parts(path, names, parts)


def _numbered(parts: dict[str, Split], known: list[int]) -> tuple[tuple[str, ...], dict[str, Split]]:
    """Class names for labels that have none, and the labels as indices into them: numbers left out are no classes."""
    names = tuple(str(label) for label in known)
    return names, {name: Split(part.images, np.searchsorted(known, part.labels)) for name, part in parts.items()}


def from_parts(path: Path, classes: tuple[str, ...], parts: dict[str, Split]) -> Dataset:
    """The set of a path."""
    name = re.sub(r"[^\w.-]+", "-", path.resolve().stem).strip("-.") or "data"
    return Dataset(name, classes, parts["train"], parts["test"], parts.get("validation"), source=str(path))
