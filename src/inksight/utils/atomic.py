"""Files and folders that appear whole or not at all: written under a temporary name, then renamed.

What grows line by line grows by whole lines: a kill can tear the last one only, which is then cut off.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from inksight.errors import RunError, StorageError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
_HAS_LOCKS: bool = fcntl is not None

_MARK = ".inksight-"  # in the name of a folder that is being filled: nobody else's is like it
LEFT_BEHIND = r"\.inksight-[a-z0-9_]{8}"  # behind a dot and the name it would have had: what a kill leaves of one


def cache_folder() -> Path:
    """Where what can be had again is kept: INKSIGHT_CACHE, or the user's cache folder of the operating system."""
    if place := os.environ.get("INKSIGHT_CACHE"):
        return Path(place)
    import platformdirs

    return Path(platformdirs.user_cache_dir("inksight"))


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turns the operating system's refusals to write `path` into a StorageError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = "the disk is full; free some space and run it again"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            reason = "no right to write there; choose another place"
        else:
            reason = error.strerror or str(error)
        raise StorageError(f"{path} could not be written: {reason}. Nothing was left half done.") from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`; it takes the name `path` when the block ends well.

    Raises:
        StorageError: the disk is full, or the place cannot be written.
    """
    path = Path(path)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            with open(temporary, "r+b") as written:  # Windows syncs only what is open for writing
                os.fsync(written.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Gives a temporary folder beside `path`; it takes the name `path` when the block ends well.

    Raises:
        StorageError: `path` exists already, the disk is full, or the place cannot be written.
    """
    path = Path(path)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}{_MARK}", dir=path.parent))
        try:
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            if path.exists():
                raise StorageError(f"{path} exists already; it is left as it was. Choose another --out.")
            temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def locked(file: int | IO[bytes]) -> bool:
    """Takes a file or folder that is open for this process alone, until it is closed; False where another one has it.

    True as well where nobody can be kept away: on Windows, and on file systems without locks.
    """
    if not _HAS_LOCKS:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


@contextmanager
def alone(folder: Path, busy: str) -> Iterator[None]:
    """Keeps other processes from a folder for the time of the block; on Windows, which opens none, it does nothing.

    Args:
        busy: the error's text where another one has it.
    Raises:
        RunError: with that text.
    """
    if os.name == "nt":
        yield
        return
    with storage_errors(folder):
        handle = os.open(folder, os.O_RDONLY)
    try:
        if not locked(handle) or not _is_at(handle, folder):
            raise RunError(busy)
        yield
    finally:
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    """Whether an open folder still has its name: who held it may have renamed or deleted it a moment ago."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle), os.stat(path))
    return False


def numbered(root: Path, stem: str) -> Path:
    """Makes the folder `root/stem-N`, N one above the greatest there is."""
    while True:
        with storage_errors(root):
            root.mkdir(parents=True, exist_ok=True)
            names = [path.name for path in root.iterdir()]
        numbers = [int(match[1]) for name in names if (match := re.fullmatch(rf"{re.escape(stem)}-(\d+)", name))]
        path = root / f"{stem}-{max(numbers, default=0) + 1}"
        with storage_errors(path), suppress(FileExistsError):  # somebody was faster: the next number
            path.mkdir()
            return path


class Lines:
    """A file of JSON objects, one a line, each on the disk before `add` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Any]:
        """All whole lines. Raises ValueError where one is no JSON."""
        return [json.loads(line) for line in self._content().split(b"\n")[:-1]]

    def add(self, row: dict[str, Any]) -> None:
        """One more."""
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"
        with storage_errors(self.path), open(self.path, "ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def cut_torn(self) -> None:
        """Takes away what a kill left behind the last whole line."""
        content = self._content()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with storage_errors(self.path):
                os.truncate(self.path, whole)

    def _content(self) -> bytes:
        return self.path.read_bytes() if self.path.exists() else b""


def _umask() -> int:
    """The process's umask; reading it means setting it for a moment."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
