"""A run folder to any place that fsspec reaches, and back, with every file's SHA-256 checked.

What makes files a run is `inksight-run.json`, a list of them and their hashes, which is written last: a push that broke
off is no run yet. The same list under another name is written first: by it a push knows again what it may write over,
which is never anybody else's file. A pull makes a whole run folder or none.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inksight import runs
from inksight.errors import DataError, RunError, StorageError, UsageError
from inksight.report.model_card import require_card
from inksight.utils.atomic import whole_folder
from inksight.utils.storage import Store, is_missing, is_url, reason, refusals, shown

MANIFEST = "inksight-run.json"
BEGUN = "inksight-run.begun.json"  # the manifest, for as long as it is being pushed
FORMAT = 1
_MOST_MANIFEST_BYTES = 1024**2
_PIECE_BYTES = 1024**2

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Listed:
    """A file of a run as its manifest has it."""

    sha256: str
    bytes: int


def push(run: runs.RunLike, url: str, progress: Progress | None = None) -> str:
    """Copies a run to a folder on a disk or behind a URL.

    Args:
        run: a Run, a run folder or "latest".
        url: `s3://bucket/runs/mine`, `hf://user/name`, `file:///…`, or a path: the folder that will be the run. Of this
            very run only what is missing or damaged there is sent.
        progress: shown (done, total, what), in bytes.
    Returns:
        the place.
    Raises:
        RunError: there is no such run, its model card is missing or without an accuracy, or a file's name is of a kind
            that no pull takes.
        StorageError: the place takes no files, or holds another run or other files of these names already.
    """
    if run == "shipped":
        raise UsageError("the shipped model comes with every Inksight; push a run of your own, or latest.")
    opened = runs.load_run(run)
    runs.load_model_card(opened.path)  # that its model is the one that was tested
    require_card(opened)
    store = _store(str(url))
    files = {path.name: path.read_bytes() for path in sorted(opened.path.iterdir()) if _is_shared(path)}
    _require_names(opened.path, files)
    manifest = _manifest_of(_name_of(opened.path), files)
    listed = (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()
    marks, unsent = _seen(store, manifest, files)
    if manifest not in marks.values():
        store.write(BEGUN, listed)
    total, done = sum(len(files[name]) for name in unsent), 0
    for name in unsent:
        store.write(name, files[name])
        done += len(files[name])
        if progress is not None:
            progress(done, total, "sending")
    if marks[MANIFEST] != manifest:
        store.write(MANIFEST, listed)
    if marks[MANIFEST] != manifest or marks[BEGUN] is not None:
        with suppress(Exception):  # a place that lets nobody delete holds the run all the same
            store.remove(BEGUN)
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
        raise UsageError(
            f'{shown(url)} needs fsspec, which is not installed. Install it: pip install "inksight[share]".'
        )
    return Store(url)


def _is_shared(path: Path) -> bool:
    """Whether it is a file of the run: the list of them is made anew, and hidden files are for nobody else."""
    return path.is_file() and not path.name.startswith(".") and path.name not in (MANIFEST, BEGUN)


def _is_name(name: str) -> bool:
    """Whether it is a name that a pull takes, of a run or of a file in it."""
    return bool(name) and not name.startswith(".") and runs.safe_name(name) == name


def _name_of(run: Path) -> str:
    """A run's name, as every place takes it."""
    return "".join(sign if sign.isprintable() else "_" for sign in runs.safe_name(run.resolve().name))


def _require_names(run: Path, names: Iterable[str]) -> None:
    """Raises RunError where a file has a name that no pull would take."""
    for name in names:
        if not _is_name(name) or not name.isprintable():
            raise RunError(
                f"{run} holds a file called {name!r}; not every place takes such a name. Rename or remove it, and push "
                "again. Nothing was sent."
            )


def _manifest_of(name: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    """The list of a run's files."""
    listed = {
        file: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)} for file, content in files.items()
    }
    return {"format": FORMAT, "run": name, "files": listed}


def _seen(store: Store, manifest: dict[str, Any], files: Mapping[str, bytes]) -> tuple[dict[str, Any], list[str]]:
    """What the lists there say, by their names, and the files to be sent: those that are not there as they are here.

    Raises:
        StorageError: the place cannot be read, another run is there, or files that are of no push of this one.
    """
    place = shown(store.place)
    try:
        marks = {mark: _parsed(_found(store, mark, _MOST_MANIFEST_BYTES + 1)) for mark in (MANIFEST, BEGUN)}
        if marks[MANIFEST] not in (None, manifest):
            raise StorageError(f"{place} holds another run already; it is left as it was. Push to another place.")
        if marks[BEGUN] not in (None, manifest):
            raise StorageError(
                f"another run is being pushed to {place}, or its push broke off ({BEGUN}). It is left as it was. Push "
                "to another place, or delete that one."
            )
        unsent, others = [], []
        for name, content in files.items():
            found = _found(store, name, len(content) + 1)
            if found != content:
                unsent.append(name)
                others += [name] * (found is not None)
    except DataError as refused:
        raise StorageError(f"{refused} Nothing was sent.") from refused
    if others and manifest not in marks.values():
        raise StorageError(
            f"{place} holds files that are not of this run: {', '.join(others)}. Nothing was sent, and they are left "
            "as they were. Push to a folder of its own."
        )
    return marks, unsent


def _parsed(content: bytes | None) -> Any:
    """What a list says; None where there is none, or a torn one."""
    if content is not None and len(content) > _MOST_MANIFEST_BYTES:
        return {}  # something else
    try:
        return None if content is None else json.loads(content)
    except (ValueError, RecursionError):
        return None


def _manifest_at(store: Store) -> tuple[str, dict[str, Listed]]:
    """A run's name and its files by name."""
    place = shown(store.path(MANIFEST))
    content = _found(store, MANIFEST, _MOST_MANIFEST_BYTES)
    if content is None:
        raise RunError(
            f"{shown(store.place)} is no run that was pushed: there is no {MANIFEST}. Check the address; a push that "
            "broke off is done by pushing again."
        )
    try:
        said = json.loads(content)
        known = said["format"] == FORMAT
        name = str(said["run"])
        listed = {str(file): Listed(str(each["sha256"]), int(each["bytes"])) for file, each in said["files"].items()}
    except (ValueError, OverflowError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{place} is damaged ({error!r}). Push the run again.") from error
    if not known:
        raise RunError(f"{place} is of format {said['format']}; {FORMAT} was wanted. Install a newer Inksight.")
    for file in (name, *listed):
        if not _is_name(file):
            raise RunError(f"{place} names {file!r}, which is no name of a run or of a file in it. It is not pulled.")
    missing = [file for file in runs.WHOLE if file not in listed]
    if missing:
        raise RunError(f"{shown(store.place)} is not a whole run: {', '.join(missing)} missing. Push it again.")
    return name, listed


def _fetch(store: Store, name: str, expected: Listed, path: Path) -> None:
    """One file into `path`. Raises RunError if it is another one than was pushed."""
    place, digest, size = shown(store.path(name)), hashlib.sha256(), 0
    with open(path, "wb") as file, refusals(place):
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


def _found(store: Store, name: str, most_bytes: int) -> bytes | None:
    """The beginning of a file; None where there is none. Raises DataError where that cannot be known."""
    content = b""
    try:
        for piece in _pieces(store, name):
            content += piece
            if len(content) >= most_bytes:
                break
        return content[:most_bytes]
    except Exception as error:  # each kind of store has exceptions of its own
        if is_missing(error):
            return None
        raise DataError(f"{shown(store.path(name))} could not be read: {reason(error)}") from error


def _pieces(store: Store, name: str) -> Iterator[bytes]:
    """A file, piece by piece."""
    with store.open(name) as source:
        while piece := source.read(_PIECE_BYTES):
            yield piece
