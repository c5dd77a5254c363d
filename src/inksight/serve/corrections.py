"""Answers that were put right: an image folder to learn from, and a log that says how each came to be.

    corrections/
      log.jsonl          a line for each deed: kept, or taken back
      7/3f2a….png        the picture, below its right label, named after its pixels

A picture is written before its line, both are on the disk before anyone is told so, and a line is one append of the
operating system; a process that is killed loses nothing that it confirmed. Deeds come one after the other, also those
of several processes, and nothing is remembered between calls. Pictures of other names are learned, but never touched.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np

from inksight.errors import DataError, UsageError
from inksight.imaging.decode import load_picture
from inksight.utils.atomic import storage_errors
from inksight.utils.montage import save_png

try:
    import fcntl
except ImportError:  # Windows: threads are kept apart, processes are not
    fcntl = None  # type: ignore[assignment]

LOG, LOCK = "log.jsonl", ".lock"
KEPT, TAKEN_BACK = "kept", "taken back"
_ID_CHARACTERS = 16


@dataclass(frozen=True)
class Correction:
    """A picture and its right label. given: what was answered, by which model, how surely; None where nobody knows."""

    id: str
    label: str
    given: str | None = None
    confidence: float | None = None
    model: str | None = None
    time: str | None = None


class Corrections:
    """The corrections in a folder, which is made with the first of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._threads = threading.Lock()

    def add(self, picture: np.ndarray, label: str, given: str, confidence: float, model: str) -> Correction:
        """Keeps a picture under its right label; the same picture again moves to the new one.

        Args:
            picture: uint8 (height, width) or (height, width, 3).
            label: its right class.
            given, confidence, model: what was answered instead.
        Raises:
            UsageError: a label that no folder can be named after.
            StorageError: the folder takes no files.
        """
        _require_folder_name(label)
        digest = hashlib.sha256(str(picture.shape).encode() + picture.tobytes()).hexdigest()
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        correction = Correction(digest[:_ID_CHARACTERS], label, given, confidence, model, time)
        with self._alone():
            save_png(self._picture(correction.id, label), picture)
            self._log(KEPT, asdict(correction))
            self._tidy(correction.id, label)
        return correction

    def undo(self, identifier: str) -> Correction:
        """Takes one back, its picture too.

        Raises:
            UsageError: there is none of this id.
        """
        with self._alone():
            found = next((each for each in self.all() if each.id == identifier), None)
            if found is None:
                raise UsageError(f'there is no correction "{identifier}"; perhaps it was taken back already.')
            self._log(TAKEN_BACK, {"id": identifier, "time": datetime.now(UTC).isoformat(timespec="milliseconds")})
            self._tidy(identifier, None)
        return found

    def all(self) -> list[Correction]:
        """Every picture of an id in the folder that was not taken back, the newest last.

        One without a line, because a process was killed between the two, is there all the same; it comes first.
        """
        deeds = self._deeds()
        places = {path.stem: path.parent.name for path in sorted(self.folder.glob("*/*.png")) if _is_ours(path)}
        known = [deed for identifier, deed in deeds.items() if deed is not None and identifier in places]
        return [
            *(Correction(identifier, label) for identifier, label in places.items() if identifier not in deeds),
            *(Correction(**deed) for deed in known),
        ]

    def picture(self, correction: Correction) -> np.ndarray:
        """The picture of one, as it was kept."""
        return load_picture(self._picture(correction.id, correction.label)).pixels

    def repair(self) -> None:
        """Finishes what a killed process left half done: pictures that were taken back or moved to another label."""
        if not self.folder.is_dir():
            return
        with self._alone():
            for identifier, deed in self._deeds().items():
                self._tidy(identifier, None if deed is None else deed["label"])

    def packed(self) -> IO[bytes]:
        """All of it as a zip, open at its beginning: pictures below `corrections/`, and the log.

        Raises:
            DataError: there are none.
        """
        corrections = self.all()
        if not corrections:
            raise DataError("there are no corrections yet; put an answer right first.")
        file = tempfile.TemporaryFile()  # noqa: SIM115  # the caller closes it
        with zipfile.ZipFile(file, "w") as archive:
            for each in corrections:
                archive.write(self._picture(each.id, each.label), f"corrections/{each.label}/{each.id}.png")
            if (log := self.folder / LOG).exists():
                archive.write(log, f"corrections/{LOG}")
        file.seek(0)
        return file

    def _picture(self, identifier: str, label: str) -> Path:
        return self.folder / label / f"{identifier}.png"

    def _tidy(self, identifier: str, label: str | None) -> None:
        """Removes a picture from below every label but the right one, and a label's folder that is empty then."""
        if label is not None and not self._picture(identifier, label).exists():
            return  # never the last copy
        for path in self.folder.glob(f"*/{identifier}.png"):
            if path.parent.name != label:
                path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    path.parent.rmdir()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """While nobody else, in this process or another, changes anything here."""
        path = self.folder / LOCK
        with storage_errors(path), self._threads:
            self.folder.mkdir(parents=True, exist_ok=True)
            with open(path, "wb") as lock:
                if fcntl is not None:
                    fcntl.flock(lock, fcntl.LOCK_EX)
                yield

    def _log(self, deed: str, facts: dict[str, Any]) -> None:
        """Appends a line and waits until it is on the disk."""
        line = json.dumps({"deed": deed, **facts}, ensure_ascii=False)
        path = self.folder / LOG
        with storage_errors(path), open(path, "ab", buffering=0) as log:
            # what stands before may have been cut short by a full disk: a line of its own cannot be spoiled by it
            content = f"\n{line}\n".encode()
            if log.write(content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(log.fileno())

    def _deeds(self) -> dict[str, dict[str, Any] | None]:
        """What the log says of each id: the correction as it was kept last, or None when it was taken back."""
        deeds: dict[str, dict[str, Any] | None] = {}
        for entry in self._lines():
            deed = entry.pop("deed", None)
            identifier = str(entry.get("id"))
            deeds.pop(identifier, None)  # so that the newest comes last
            deeds[identifier] = entry if deed == KEPT else None
        return deeds

    def _lines(self) -> Iterator[dict[str, Any]]:
        """The log's lines; one that was cut short says nothing."""
        try:
            text = (self.folder / LOG).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return
        for line in text.splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                yield entry


def _is_ours(path: Path) -> bool:
    """Whether a picture is named by its id: those that are being written are not, nor those of other makers."""
    return re.fullmatch(f"[0-9a-f]{{{_ID_CHARACTERS}}}", path.stem) is not None


def _require_folder_name(label: str) -> None:
    """Raises UsageError for a label that could lead anywhere else than to a folder of its own."""
    if not label or label.startswith(".") or any(sign in label for sign in '/\\:*?"<>|') or not label.isprintable():
        raise UsageError(f'no folder can be named after the class "{label}", so it cannot be corrected to.')
