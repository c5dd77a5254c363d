"""A CSV of `image,label[,split]` -> the pictures it names. Paths are relative to the CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from inksight.data.listing import PART_NAMES, Found, Listing, make_listing
from inksight.errors import DataError

COLUMNS = ("image", "label", "split")


def list_table(path: Path, seed: int) -> Listing:
    """Lists the pictures of a CSV; its first line names the columns, in any order.

    Raises:
        DataError: no such columns, a line with a missing value or an unknown split, no lines, or not UTF-8.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            found = list(_rows(path, csv.reader(file, strict=True)))
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    except csv.Error as error:
        raise DataError(f"{path} is not a CSV that can be read ({error}).") from error
    if not found:
        raise DataError(f"{path} names no pictures; a line for each was wanted.")
    return make_listing(str(path), found, (), seed)


def _rows(path: Path, lines: Iterator[list[str]]) -> Iterator[Found]:
    """The lines below the first, checked."""
    header = [name.strip().lower() for name in next(lines, [])]
    if "image" not in header or "label" not in header:
        raise DataError(
            f'{path} starts with the line "{",".join(header)}"; "image,label" or "image,label,split" was wanted.'
        )
    for number, line in enumerate(lines, start=2):
        if not any(value.strip() for value in line):
            continue
        row = {name: value.strip() for name, value in zip(header, line, strict=False)}
        if not row.get("image") or not row.get("label"):
            raise DataError(f'{path}, line {number}: an image and a label were wanted, "{",".join(line)}" came.')
        yield Found(_part(path, number, row, "split" in header), row["label"], str(path.parent / row["image"]))


def _part(path: Path, number: int, row: dict[str, str], wanted: bool) -> str:
    """The part that a line names; "" where the CSV has no such column."""
    if not wanted:
        return ""
    name = row.get("split", "")
    part = PART_NAMES.get(name.lower())
    if part is None:
        raise DataError(f'{path}, line {number}: the split is "{name}"; train, val or test was wanted.')
    return part
