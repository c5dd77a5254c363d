"""Files and folders that appear whole or not at all: written under a temporary name, then renamed."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from inksight.errors import StorageError

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


def _umask() -> int:
    """The process's umask; reading it means setting it for a moment."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
