"""A folder -> the pictures in it. `root/CLASS/*` or `root/{train,val,test}/CLASS/*`: names decide, never positions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from inksight.data.listing import PART_NAMES, Found, Listing, make_listing
from inksight.errors import DataError
from inksight.imaging.decode import EXTENSIONS

IGNORED_FOLDERS = frozenset({"__MACOSX", "__pycache__"})


def list_folder(root: Path, seed: int) -> Listing:
    """Lists the pictures of a folder; files that are not pictures by name, and hidden ones, are left aside.

    A folder is split when one named train, val or test holds folders itself; then all must be named so.

    Raises:
        DataError: nothing in it, no class folders, or folders beside train and test that are neither.
    """
    folders = _folders(root)
    if not folders:
        raise DataError(f"{root} {_what_else(root)}; wanted: a folder for each class, with its pictures inside.")
    if any(folder.name.lower() in PART_NAMES and _folders(folder) for folder in folders):
        class_folders = [(part, folder) for part, top in _parts(root, folders) for folder in _folders(top)]
    else:
        class_folders = [("", folder) for folder in folders]
    found = [Found(part, folder.name, path) for part, folder in class_folders for path in _pictures(folder)]
    return make_listing(str(root), found, {folder.name for _, folder in class_folders}, seed)


def _parts(root: Path, folders: list[Path]) -> list[tuple[str, Path]]:
    """The folders of a split root with the part that each stands for."""
    parts: dict[str, Path] = {}
    for folder in folders:
        part = PART_NAMES.get(folder.name.lower())
        if part is None:
            beside = ", ".join(other.name for other in folders if other != folder)
            raise DataError(
                f"{root} has the folder {folder.name} beside {beside}; only train, val and test were wanted there. "
                "Move it away."
            )
        if part in parts:
            raise DataError(f"{root} has two {part} folders, {parts[part].name} and {folder.name}; keep one.")
        parts[part] = folder
    return list(parts.items())


def _folders(root: Path) -> list[Path]:
    """The visible folders in `root`, by name; a link that leads back to `root` or above is none."""
    resolved = root.resolve()
    with os.scandir(root) as entries:
        return sorted(
            Path(entry.path)
            for entry in entries
            if not entry.name.startswith(".")
            and entry.name not in IGNORED_FOLDERS
            and entry.is_dir()
            and not (entry.is_symlink() and resolved.is_relative_to(Path(entry.path).resolve()))
        )


def _pictures(folder: Path) -> Iterator[str]:
    """The pictures in a class folder and below; links to folders are not followed."""
    for place, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in IGNORED_FOLDERS]
        for name in files:
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in EXTENSIONS:
                yield os.path.join(place, name)


def _raise(error: OSError) -> None:
    """A folder that cannot be read is no empty folder."""
    raise error


def _what_else(root: Path) -> str:
    """What a folder without folders holds."""
    count = sum(1 for _ in _pictures(root))
    if count:
        return f"holds {count:,} pictures but no class folders"
    with os.scandir(root) as entries:
        return "holds no class folders" if any(entries) else "is empty"
