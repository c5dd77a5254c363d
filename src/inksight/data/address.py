"""What a picture is called: by the file it came from, or by its address, `mnist:test/4444`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath

from inksight.data.registry import SETS
from inksight.errors import UsageError, unknown

_FORM = re.compile(r"(?P<data>.+):(?:(?P<split>[^:/]*)/)?(?P<index>[^:/]*)")
_INDEX = re.compile(r"-?\d+")


@dataclass(frozen=True)
class Address:
    """A picture of a data set. data: a name or path. split: "train", "validation" or "test". index: counted from 0."""

    data: str
    split: str
    index: int

    def __str__(self) -> str:
        return f"{self.data}:{self.split}/{self.index}"


def parse_address(text: str) -> Address | None:
    """NAME:SPLIT/INDEX, or NAME:INDEX for the test part -> the address; None where a text has another form.

    A file of this name wins.

    Raises:
        UsageError: a data set is named, but no picture of it.
    """
    match = _FORM.fullmatch(text)
    if match is None or os.path.exists(text):
        return None
    data, split, index = match["data"], match["split"], match["index"]
    if not _INDEX.fullmatch(index):
        if data in SETS or os.path.exists(data):
            raise UsageError(f'no picture "{text}": {data}:SPLIT/INDEX was expected, {data}:test/0 for instance.')
        return None
    return Address(data, "test" if split is None else split, int(index))


def require_picture(address: Address, counts: Mapping[str, int]) -> None:
    """Checks that a set has a picture.

    Args:
        counts: pictures in each split that the set has.
    Raises:
        UsageError: no such split, or no such index.
    """
    if address.split not in counts:
        raise UsageError(f"no picture {address}: {unknown('split', address.split, counts)}")
    count = counts[address.split]
    if not 0 <= address.index < count:
        raise UsageError(
            f"no picture {address}: the split {address.split} of {address.data} has {count:,} pictures, "
            f"0 to {count - 1:,}."
        )


def picture_name(files: Sequence[str] | None, data: str, split: str, index: int) -> str:
    """The file of a picture, or its address where the set came without files.

    Args:
        files: of the split, relative to the set. data: the set's name or path, "" for arrays of a program.
    """
    if files is not None:
        return files[index]
    return str(Address(data, split, index)) if data else f"{split}/{index}"


def short_name(name: str) -> str:
    """What `picture_name` gave, without the folders in front of the file or the set."""
    match = _FORM.fullmatch(name)
    if match and match["split"] and _INDEX.fullmatch(match["index"]):
        return str(Address(PurePath(match["data"]).name, match["split"], int(match["index"])))
    return PurePosixPath(name).name
