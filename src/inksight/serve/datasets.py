"""The data sets that the page may train on: those in the package, folders given at the start, and uploaded ones."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path, PurePath
from typing import Any

from inksight.data.archive import unpack
from inksight.data.check import check
from inksight.data.listing import Listing
from inksight.data.registry import SETS
from inksight.data.sources import open_path
from inksight.errors import DataError, UsageError, unknown

MOST_FINDINGS = 5


class Datasets:
    """Data sets by the names that the page knows them by. Clients name them; they never give a path."""

    def __init__(self, folders: tuple[Path, ...], uploads: Path) -> None:
        """folders: given at the start. uploads: where uploaded sets are unpacked, and stay for the next time."""
        self._folders, self._uploads = folders, uploads

    def sources(self) -> dict[str, str]:
        """Name -> what `inksight train` takes."""
        found = {known.name: known.name for known in SETS.values() if known.embedded}
        uploaded = sorted(self._uploads.glob("[!.]*")) if self._uploads.is_dir() else []
        for path in (*self._folders, *uploaded):
            name, number = path.resolve().name, 2
            while name in found:
                name, number = f"{path.resolve().name} ({number})", number + 1
            found[name] = str(path.resolve())  # `mnist` alone would be the set of that name
        return found

    def source(self, name: Any) -> str:
        """What `inksight train` takes for a name.

        Raises:
            UsageError: there is no such set here.
        """
        sources = self.sources()
        if not isinstance(name, str) or name not in sources:
            raise UsageError(unknown("data set", str(name), sources))
        return sources[name]

    def add(self, content: bytes, name: str) -> dict[str, Any]:
        """Unpacks an uploaded zip of class folders and looks at all of it.

        Args:
            name: what the client calls it; a word for people, made fit for a folder's name.
        Returns:
            its name here, classes, number of pictures, and the first of what is wrong with it.
        Raises:
            DataError: no zip that may be unpacked, or no data set in it.
        """
        stem = re.sub(r"[^\w-]+", "-", PurePath(name).stem).strip("-")[:40] or "data"
        path = self._uploads / f"{stem}-{hashlib.sha256(content).hexdigest()[:8]}"
        name = name or "the zip"
        if not path.exists():
            unpack(content, path, name)
        try:
            listing = open_path(path)
            assert isinstance(listing, Listing)
            findings = check(path)
        except DataError as error:
            shutil.rmtree(path)
            raise DataError(str(error).replace(str(path), name)) from None
        return {
            "name": next(known for known, source in self.sources().items() if source == str(path.resolve())),
            "classes": list(listing.classes),
            "pictures": sum(len(part.paths) for part in listing.parts.values()),
            "findings": [finding.text for finding in findings[:MOST_FINDINGS]],
        }
