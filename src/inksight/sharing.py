"""A run folder to any place that fsspec reaches, and back, with every file's SHA-256 checked.

What makes files a run is `inksight-run.json`, a list of them and their hashes, which is written last: a push that broke
off is no run yet. A pull makes a whole run folder or none.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inksight import runs
from inksight.errors import DataError, RunError, StorageError, UsageError
from inksight.files import whole_folder
from inksight.readme import require_card
from inksight.store import Store, is_url, reason, refusals

MANIFEST = "inksight-run.json"
FORMAT = 1
_MOST_MANIFEST_BYTES = 1024**2
_PIECE_BYTES = 1024**2

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Listed:
    """A file of a run as its manifest has it."""

    sha256: str
    bytes: int


def push(run: str | Path, url: str, progress: Progress | None = None) -> str:
    """Copies a run to a folder on a disk or behind a URL.

    Args:
        run: a run folder or "latest".
        url: `s3://bucket/runs/mine`, `hf://user/name`, `file:///…`, or a path: the folder that will be the run.
        progress: shown (done, total, what), in bytes.
    Returns:
        the place.
    Raises:
        RunError: there is no such run, or its model card is missing or without an accuracy.
        StorageError: the place takes no files, or holds another run already.
    """
    if run == "shipped":
        raise UsageError("the shipped model comes with every Inksight; push a run of your own, or latest.")
    opened = runs.load_run(run)
    runs.load_model_card(opened.path)  # that its model is the one that was tested
    require_card(opened)
    store = _store(str(url))
    files = {path.name: path for path in sorted(opened.path.iterdir()) if _is_shared(path)}
    manifest = _manifest_of(opened.path.resolve().name, files)
    if _is_there(store, manifest):
        return store.place
    total = sum(path.stat().st_size for path in files.values())
    done = 0
    for name, path in files.items():
        store.write(name, path.read_bytes())
        done += path.stat().st_size
        if progress is not None:
            progress(done, total, "sending")
    store.write(MANIFEST, (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode())
    return store.place


def pull(url: str, out: str | Path | None = None, progress: Progress | None = None) -> runs.Run:
    """Brings a run from where `push` put it.

    Args:
        url: as for `push`; `https://…` too.
        out: the run folder to make; default `runs/<its name>`.
        progress: shown (done, total, what), in bytes.
    Returns:
        the run.
    Raises:
        RunError: there is none, or a file of it is not what it should be; nothing is installed then.
        DataError: the place cannot be read. StorageError: the folder exists, or takes no files.
    """
    store = _store(str(url))
    name, listed = _manifest_at(store)
    path = Path(out) if out is not None else runs.DEFAULT_ROOT / runs.safe_name(name)
    runs.require_free(path)
    total, done = sum(each.bytes for each in listed.values()), 0
    with whole_folder(path) as folder:
        for file, expected in listed.items():
            _fetch(store, file, expected, folder / file)
            done += expected.bytes
            if progress is not None:
                progress(done, total, "fetching")
    return runs.load_run(path)


def _store(url: str) -> Store:
    """The place, opened."""
    if is_url(url) and importlib.util.find_spec("fsspec") is None:
        raise UsageError(f'{url} needs fsspec, which is not installed. Install it: pip install "inksight[share]".')
    return Store(url)


def _is_shared(path: Path) -> bool:
    """Whether it is a file of the run: the list of them is made anew, and hidden files are for nobody else."""
    return path.is_file() and not path.name.startswith(".") and path.name != MANIFEST


def _manifest_of(name: str, files: dict[str, Path]) -> dict[str, Any]:
    """The list of a run's files."""
    listed = {
        file: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        for file, path in files.items()
    }
    return {"format": FORMAT, "run": name, "files": listed}


def _is_there(store: Store, manifest: dict[str, Any]) -> bool:
    """Whether the very same run is there; raises StorageError where another one is."""
    try:
        with refusals(store.path(MANIFEST)):
            found = json.loads(_read(store, MANIFEST, _MOST_MANIFEST_BYTES)) if store.has(MANIFEST) else None
    except DataError as refused:
        raise StorageError(f"{refused} Nothing was sent.") from refused
    except ValueError:
        found = {}
    if found is None:
        return False
    if found == manifest:
        return True
    raise StorageError(f"{store.place} holds another run already; it is left as it was. Push to another place.")


def _manifest_at(store: Store) -> tuple[str, dict[str, Listed]]:
    """A run's name and its files by name."""
    place = store.path(MANIFEST)
    try:
        content = _read(store, MANIFEST, _MOST_MANIFEST_BYTES)
    except FileNotFoundError:
        raise RunError(
            f"{store.place} is no run that was pushed: there is no {MANIFEST}. Check the address; a push that broke "
            "off is done by pushing again."
        ) from None
    except Exception as error:  # each kind of store has exceptions of its own
        raise DataError(f"{place} could not be read: {reason(error)}") from error
    try:
        said = json.loads(content)
        known = said["format"] == FORMAT
        name = str(said["run"])
        listed = {str(file): Listed(str(each["sha256"]), int(each["bytes"])) for file, each in said["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{place} is damaged ({error!r}). Push the run again.") from error
    if not known:
        raise RunError(f"{place} is of format {said['format']}; {FORMAT} was wanted. Install a newer Inksight.")
    for file in (name, *listed):
        if not file or file.startswith(".") or runs.safe_name(file) != file:
            raise RunError(f"{place} names {file!r}, which is no name of a run or of a file in it. It is not pulled.")
    missing = [file for file in runs.WHOLE if file not in listed]
    if missing:
        raise RunError(f"{store.place} is not a whole run: {', '.join(missing)} missing. Push it again.")
    return name, listed


def _fetch(store: Store, name: str, expected: Listed, path: Path) -> None:
    """One file into `path`. Raises RunError if it is another one than was pushed."""
    place, digest, size = store.path(name), hashlib.sha256(), 0
    with open(path, "wb") as file:
        for piece in _pieces(store, name):
            size += len(piece)
            digest.update(piece)
            file.write(piece)
            if size > expected.bytes:
                break
    if size != expected.bytes or digest.hexdigest() != expected.sha256:
        found = digest.hexdigest() if size <= expected.bytes else "more"
        raise RunError(
            f"{place} is not the file that was pushed: {expected.bytes:,} bytes with SHA-256 {expected.sha256} "
            f"expected, {size:,} with {found} found. Nothing was installed; push the run again."
        )


def _pieces(store: Store, name: str) -> Iterator[bytes]:
    """A file, piece by piece."""
    with refusals(store.path(name)), store.open(name) as source:
        while piece := source.read(_PIECE_BYTES):
            yield piece


def _read(store: Store, name: str, most_bytes: int) -> bytes:
    """The beginning of a file."""
    with store.open(name) as file:
        return file.read(most_bytes)
