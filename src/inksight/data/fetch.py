"""Network -> cache folder. Mirrors in turn, hash before name: a file that is in the cache is whole and right."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from inksight.data.progress import Progress, silent
from inksight.data.registry import IDX_FILES, KnownSet
from inksight.errors import FetchError
from inksight.utils.atomic import cache_folder, whole_file

TIMEOUT_S = 30
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
    from http.client import HTTPException
    from ssl import SSLCertVerificationError
    from urllib.error import HTTPError
    from urllib.request import urlopen

    what = f"fetching {address.rpartition('/')[2]}"
    pieces: list[bytes] = []
    try:
        with urlopen(address, timeout=TIMEOUT_S) as answer:
            done, total = 0, answer.length or 0
            while piece := answer.read(CHUNK_BYTES):
                pieces.append(piece)
                done += len(piece)
                progress(done, total, what)
        if done < total:
            return "the connection was cut before all of it came"
    except HTTPError as error:
        return f"the server answered HTTP {error.code}"
    except (OSError, HTTPException) as error:
        cause = getattr(error, "reason", error)  # urllib wraps what went wrong before the answer
        if isinstance(cause, SSLCertVerificationError):
            return (
                "its certificate could not be verified; this Python has no root certificates for it (on macOS, run "
                "Install Certificates.command of the Python folder; elsewhere, set SSL_CERT_FILE)"
            )
        return "no answer in time" if isinstance(cause, TimeoutError) else f"unreachable ({_words(cause)})"
    found = hash_of(*pieces, like=known_hash)
    if found != known_hash:
        return f"wrong content: expected {known_hash}, found {found}"
    target.write_bytes(b"".join(pieces))
    return None


def _words(error: object) -> str:
    """What the operating system says, or the error itself."""
    return getattr(error, "strerror", None) or str(error)
