"""Where things lie: files on a disk and objects behind a URL, read and written by the same few calls."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from inksight.errors import DataError, InksightError, StorageError, UsageError
from inksight.utils.atomic import storage_errors, whole_file

MOST_BYTES = 256 * 1024**2  # of one picture file; 64 MP without any compression are less
_INSTALLS = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "http": "aiohttp",
    "https": "aiohttp",
    "hf": "huggingface_hub",
    "sftp": "paramiko",
    "ssh": "paramiko",
}
_BUCKETS = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss")  # they have no folders that would have to be made
_URL = re.compile(r"([a-z][\w+.-]*://)(?:[^/\s?#]*@)?([^\s?'\")<>]*)(?:\?[^\s'\")<>]*)?", re.IGNORECASE)
_REFUSALS = ("NoCredentials", "PartialCredentials", "InvalidAccessKey", "SignatureDoesNotMatch", "AccessDenied")


class Store:
    """A folder, or a prefix behind a URL. Names within it are relative, with "/" between their parts."""

    def __init__(self, place: str) -> None:
        self.place = place.rstrip("/") if is_url(place) else str(place)
        self.remote = is_url(place)
        self._files: Any
        self._files, self._root = _opened(self.place) if self.remote else (None, self.place)

    def path(self, name: str) -> str:
        """How a name in it is called by anybody."""
        return f"{self.place}/{name}" if self.remote else os.path.join(self.place, name)

    def open(self, name: str = "") -> IO[bytes]:
        """A file in it, or itself, for reading in any order."""
        if self._files is None:
            return open(self.path(name) if name else self.place, "rb")
        file: IO[bytes] = self._files.open(self._at(name), "rb")
        return file

    def read(self, name: str) -> bytes:
        """A whole file."""
        with self.open(name) as file:
            return file.read()

    def read_pictures(self, names: Iterable[str]) -> list[bytes | OSError]:
        """Whole files, and errors in place of those that are not to be had; behind a URL all at once.

        Raises:
            OSError: the store itself does not answer.
        """
        if self._files is None:
            return [_read_picture(self.path(name)) for name in names]
        places = [self._at(name) for name in names]
        found: Iterable[bytes | Exception] = self._files.cat_ranges(
            places, [0] * len(places), [MOST_BYTES] * len(places), on_error="return"
        )
        return [self._sound(place, content) for place, content in zip(places, found, strict=True)]

    def write(self, name: str, content: bytes) -> None:
        """A file that appears whole or not at all.

        Raises:
            StorageError: the place takes no files.
        """
        if self._files is None:
            with whole_file(Path(self.place) / name) as temporary:
                temporary.write_bytes(content)
            return
        with refusals(self.path(name), writing=True):
            try:
                self._files.pipe_file(self._at(name), content)
            except FileNotFoundError:
                if self.place.partition("://")[0] in _BUCKETS:  # one that is missing is a mistake
                    raise
                self._files.makedirs(self._at(name).rpartition("/")[0], exist_ok=True)
                self._files.pipe_file(self._at(name), content)

    def remove(self, name: str) -> None:
        """A file less; nothing where there is none."""
        with suppress(FileNotFoundError):
            if self._files is None:
                os.unlink(self.path(name))
            else:
                self._files.rm_file(self._at(name))

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        if self._files is None:
            return os.path.isfile(self.path(name))
        return bool(self._files.isfile(self._at(name)))

    def names(self, folder: str = "") -> list[str]:
        """The files right in a folder of it, without its name; none where there is no such folder."""
        if self._files is None:
            with suppress(FileNotFoundError):
                return sorted(entry.name for entry in os.scandir(self.path(folder)) if entry.is_file())
            return []
        try:
            entries = self._files.ls(self._at(folder), detail=True, refresh=True)
        except FileNotFoundError:
            return []
        return sorted(entry["name"].rpartition("/")[2] for entry in entries if entry["type"] == "file")

    def is_file(self) -> bool:
        """Whether it is itself one file."""
        return (
            os.path.isfile(self.place) if self._files is None else bool(self._files.info(self._root)["type"] == "file")
        )

    def walk(self) -> Iterator[tuple[str, list[str], list[str]]]:
        """Folders in it with the names of folders and files in each, from the top; a folder that is taken out of its
        list is not walked. Links to folders are not followed. Nothing is kept but the way down."""
        pending = [""]
        while pending:
            folder = pending.pop()
            folders, files = self._entries(folder)
            yield folder, folders, files
            pending += [f"{folder}{name}/" for name in sorted(folders, reverse=True)]

    def _entries(self, folder: str) -> tuple[list[str], list[str]]:
        folders: list[str] = []
        files: list[str] = []
        if self._files is None:
            with os.scandir(self.path(folder) if folder else self.place) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.name)
                    elif entry.is_file():
                        files.append(entry.name)
        else:
            for entry in self._files.ls(self._at(folder), detail=True, refresh=True):
                name = entry["name"].rstrip("/").rpartition("/")[2]
                if name:
                    (folders if entry["type"] == "directory" else files).append(name)
        return folders, files

    def _sound(self, place: str, content: bytes | Exception) -> bytes | OSError:
        """What came of one object; raises what is the store's fault and not the object's."""
        if isinstance(content, bytes | FileNotFoundError | PermissionError | IsADirectoryError):
            return content
        if 400 <= (status := _status(_causes(content))) < 500:
            return OSError(errno.EACCES, f"HTTP {status}")
        if self._files.info(place)["size"] == 0:  # of nothing there are no pieces
            return b""
        raise content

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}".rstrip("/") if name else self._root


def is_url(place: str) -> bool:
    """Whether a place is one that fsspec opens."""
    return "://" in place


@contextmanager
def refusals(place: str, writing: bool = False) -> Iterator[None]:
    """Turns what disks, servers and object stores say when they refuse into an error that says what to do.

    Raises:
        DataError, or StorageError when writing.
    """
    try:
        yield
    except InksightError:
        raise
    except Exception as error:  # each kind of store has exceptions of its own
        if writing and not is_url(place) and isinstance(error, OSError):
            with storage_errors(Path(place)):
                raise
        kind = StorageError if writing else DataError
        raise kind(f"{shown(place)} could not be {'written' if writing else 'read'}: {reason(error)}") from error


def is_missing(error: BaseException) -> bool:
    """Whether a store says that there is no such thing.

    fsspec raises FileNotFoundError for a web server that refuses or does not answer too: then its causes know better.
    """
    chain = list(_causes(error))
    if status := _status(chain):
        return status == 404
    return isinstance(error, FileNotFoundError) and not any(map(_is_silence, _causes(error.__cause__)))


def reason(error: BaseException) -> str:
    """Why a store refused, in a sentence, and what to do."""
    chain = list(_causes(error))
    text = " ".join(f"{type(each).__name__} {each}" for each in chain)
    status = _status(chain)
    if status in (401, 403) or any(mark in text for mark in _REFUSALS):
        return (
            f"no right to it ({_first_line(chain[-1])}). Give the rights as its tools do, by environment variables or "
            "its own file of credentials, and on a cluster on every node."
        )
    if isinstance(error, PermissionError):
        return "no right to it. Give the user that runs this the rights, on a cluster on every node."
    if is_missing(error):
        return "there is no such thing. Check the name."
    if isinstance(error, ImportError):
        return f"{_first_line(error)}."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; free some space and run it again."
    if status in (405, 501) or isinstance(error, NotImplementedError):
        return "that place takes no files. Choose another one."
    if "range requests" in text:
        return "its server sends files only as a whole, and Parquet is read in pieces. Download it first."
    known = chain[-1] if isinstance(error, FileNotFoundError) else error
    return f"{_first_line(known)}. Try again when it can be reached."


def shown(text: str) -> str:
    """A text as it may be printed: of the URLs in it neither the user and password nor the query, which may be a key.

    >>> shown("no answer from https://ada:secret@example.org/runs?sig=secret")
    'no answer from https://example.org/runs'
    """
    return _URL.sub(r"\1\2", text)


def _opened(url: str) -> tuple[Any, str]:
    """What fsspec opens a URL with, and the path in it."""
    import fsspec  # type: ignore[import-untyped]

    protocol = url.partition("://")[0]
    try:
        files, path = fsspec.core.url_to_fs(url, use_listings_cache=False)  # it would keep all names for ever
    except ImportError as error:
        package = _INSTALLS.get(protocol)
        raise UsageError(
            f"{shown(url)} needs a package that is not installed: {f'pip install {package}' if package else error}."
        ) from error
    except ValueError as error:
        raise UsageError(
            f"{shown(url)} is of a kind that nobody here knows ({shown(str(error))}); s3://, gs://, http:// and "
            "https:// are known, for instance."
        ) from error
    return files, path.rstrip("/")


def _read_picture(path: str) -> bytes | OSError:
    """A file on the disk."""
    try:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            return OSError(errno.EFBIG, "File too large") if size > MOST_BYTES else file.readall()
    except OSError as error:
        return error


def _status(errors: Iterable[BaseException]) -> int:
    """What a server answered by HTTP's numbers; 0 where none did."""
    found = (getattr(each, "status", None) for each in errors)
    return next((each for each in found if isinstance(each, int)), 0)


def _is_silence(error: BaseException) -> bool:
    """Whether a server was not reached, or broke off."""
    aiohttp = type(error).__module__.partition(".")[0] == "aiohttp"
    return aiohttp or (isinstance(error, OSError) and not isinstance(error, FileNotFoundError))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came of."""
    found = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return shown(lines[0] if lines else type(error).__name__).rstrip(".")
