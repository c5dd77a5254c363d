"""Network -> cache folder. Mirrors in turn, hash before name: a file that is in the cache is whole and right."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from inksight.data.progress import Progress, silent
from inksight.data.registry import IDX_FILES, KnownSet
from inksight.errors import FetchError
from inksight.files import cache_folder, whole_file

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 30
CHUNK_BYTES = 64 * 1024


def is_fetched(known: KnownSet) -> bool:
    """Whether all files of a set lie in the cache; their hashes are checked when they are loaded."""
    return all((cache_folder() / known.name / name).is_file() for name in IDX_FILES.values())


def fetch_set(known: KnownSet, progress: Progress = silent) -> Path:
    """Brings all files of a set into the cache; gives their folder.

    Raises:
        FetchError: no mirror gave a right file.
        StorageError: the disk is full, or the cache cannot be written.
    """
    for part, kind in IDX_FILES:
        fetch_part_file(known, part, kind, progress)
    return cache_folder() / known.name


def fetch_part_file(known: KnownSet, part: str, kind: str, progress: Progress = silent) -> Path:
    """One file of a set; `part` is "train" or "test", `kind` "images" or "labels"."""
    return fetch_file(
        known.mirrors, IDX_FILES[part, kind], known.hashes[part, kind], cache_folder() / known.name, progress
    )


def fetch_file(mirrors: Sequence[str], name: str, known_hash: str, folder: Path, progress: Progress = silent) -> Path:
    """Brings one file into `folder` unless it is there and right. Two processes may do so at once.

    Args:
        mirrors: addresses of folders, each ending in "/", tried in turn.
        known_hash: "sha256:…" or "md5:…" of the file.
    Raises:
        FetchError: names every address tried and what was wrong with each.
        StorageError: the disk is full, or `folder` cannot be written.
    """
    path = folder / name
    if path.is_file() and hash_of(path.read_bytes(), like=known_hash) == known_hash:
        return path
    failures = []
    with whole_file(path) as temporary:
        for mirror in mirrors:
            failure = _download(mirror + name, temporary, known_hash, progress)
            if failure is None:
                return path
            failures.append(f"  {mirror + name}: {failure}")
        raise FetchError(
            f"{name} could not be fetched; nothing was kept. Tried:\n" + "\n".join(failures) + "\n"
            f"Check the connection (or the proxy) and run it again, or put the right file at {path} yourself."
        )


def hash_of(*pieces: bytes | memoryview, like: str) -> str:
    """The hash over all pieces, made and written as `like` is: "sha256:…"."""
    algorithm = like.partition(":")[0]
    digest = hashlib.new(algorithm, usedforsecurity=False)
    for piece in pieces:
        digest.update(piece)
    return f"{algorithm}:{digest.hexdigest()}"


def _download(address: str, target: Path, known_hash: str, progress: Progress) -> str | None:
    """Downloads one address to `target`; gives what was wrong, or None."""
    import requests
    from pooch import HTTPDownloader

    download = HTTPDownloader(
        progressbar=_Reporter(progress, f"fetching {address.rpartition('/')[2]}"),
        chunk_size=CHUNK_BYTES,
        timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
        headers={"Accept-Encoding": "identity"},  # a server that packs or unpacks on the way would change the hash
    )
    try:
        download(address, str(target), None)
    except requests.HTTPError as error:
        return f"the server answered HTTP {error.response.status_code}"  # type: ignore[union-attr]
    except requests.exceptions.ChunkedEncodingError:
        return "the connection was cut before all of it came"
    except requests.RequestException as error:
        cause = _root_cause(error)
        return "no answer in time" if isinstance(cause, TimeoutError) else f"unreachable ({_words(cause)})"
    found = hash_of(target.read_bytes(), like=known_hash)
    return None if found == known_hash else f"wrong content: expected {known_hash}, found {found}"


def _root_cause(error: BaseException) -> BaseException:
    """The innermost reason; the outer ones are the libraries' stacks of words."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error


def _words(error: BaseException) -> str:
    """What the operating system says, or the error itself."""
    return getattr(error, "strerror", None) or str(error)


class _Reporter:
    """What pooch's downloader takes for a progress bar, handed on to our `progress`."""

    def __init__(self, progress: Progress, what: str) -> None:
        self._progress, self._what = progress, what
        self.total = 0
        self._done = 0

    def update(self, size: int) -> None:
        """`size` more bytes; the last chunk counts as full, so the sum is capped."""
        self._done = min(self._done + size, self.total) if self.total else self._done + size
        self._progress(self._done, self.total, self._what)

    def reset(self) -> None:
        """Back to the start, as pooch does before it tells the true sum."""
        self._done = 0

    def close(self) -> None:
        """Nothing is held open."""
