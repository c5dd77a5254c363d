"""A path is a data set: which kind it is, and the way from there to a Dataset."""

from __future__ import annotations

from pathlib import Path

from inksight.data import arrays
from inksight.data.address import Address, require_picture
from inksight.data.dataset import Dataset, Sample
from inksight.data.folder import list_folder
from inksight.data.listing import Listing, require_complete
from inksight.data.pictures import read_picture, read_pictures
from inksight.data.progress import Progress, silent
from inksight.data.square import Prepare, resized, to_square
from inksight.data.table import list_table
from inksight.errors import DataError
from inksight.imaging.decode import EXTENSIONS


def load_path(
    path: Path,
    size_px: int,
    prepare: Prepare | None = None,
    seed: int = 0,
    progress: Progress = silent,
    complete: bool = True,
) -> Dataset:
    """Loads the set at `path`, all its pictures brought to size_px × size_px.

    Args:
        prepare: brings every picture to that size, of files as of arrays; `fit_square` unless given.
        complete: whether each class must have pictures to learn it from.
    Raises:
        DataError: no set of a known kind, or something in it that cannot be read.
    """
    opened = open_path(path, seed)
    if isinstance(opened, Dataset):
        return resized(opened, size_px, prepare, progress)
    listing = require_complete(opened) if complete else opened
    parts = read_pictures(listing, size_px, prepare, progress)
    return arrays.from_parts(path, opened.classes, parts)


def sample_path(path: Path, address: Address, size_px: int, prepare: Prepare | None = None, seed: int = 0) -> Sample:
    """One picture of the set at `path`; of picture files, only that one is decoded."""
    opened = open_path(path, seed)
    require_picture(address, {name: len(part.labels) for name, part in opened.parts.items()})
    split, index = address.split, address.index
    label = int(opened.parts[split].labels[index])
    if isinstance(opened, Listing):
        image = read_picture(opened.parts[split].paths[index], size_px, prepare, opened.source)
        return Sample(image, label, opened.classes, opened.files(split)[index])
    image = to_square(opened.parts[split].images[index], size_px, prepare, str(address), str(path))
    return Sample(image, label, opened.classes, None)


def open_path(path: Path, seed: int = 0) -> Listing | Dataset:
    """Picture files are listed, not yet decoded; arrays are loaded in their own size.

    Raises:
        DataError: no set of a known kind.
    """
    try:
        if path.is_dir():
            return arrays.load_idx_folder(path, seed) if arrays.idx_files(path) else list_folder(path, seed)
        if path.suffix.lower() == ".csv":
            return list_table(path, seed)
        if path.suffix.lower() == ".npz":
            return arrays.load_npz(path, seed)
        if path in arrays.idx_files(path.parent).values():
            return arrays.load_idx_folder(path.parent, seed)
    except OSError as error:
        raise DataError(f"{error.filename or path} cannot be read: {error.strerror}. Check its permissions.") from error
    what = "one picture" if path.suffix.lower() in EXTENSIONS else "of no known kind"
    raise DataError(
        f"{path} is {what}; a data set is a folder with a folder for each class, a .csv of image,label[,split], "
        "an .npz, or IDX files (train-images-idx3-ubyte, …)."
    )
