"""The folder `<run>.unfinished`: what a training needs to go on after a kill, a crash or a full disk.

It is claimed under its number before the first step, holds `start.json` and the newest checkpoints, and goes when the
run folder is there. Whoever trains holds a lock on it; the operating system takes that from a process that dies.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from inksight import runs
from inksight.errors import DataError, InksightError, RunError, StorageError, UsageError, command, unknown
from inksight.models import engine
from inksight.training.checkpoint import Checkpoint, parse
from inksight.utils.atomic import LEFT_BEHIND, locked, storage_errors, whole_file, whole_folder

if TYPE_CHECKING:
    import keras

FORMAT = 1
START = "start.json"
KEPT = 2  # checkpoints: should the newest be damaged, there is the one before
_EVERY_S = 10.0
_LEAST_RATIO = 20  # of the time between two checkpoints to the time that one takes
_NAME = re.compile(r"checkpoint-\d+\.npz")


class CheckpointDir:
    """A training that has not ended.

    path: the run it will be. facts: its provenance, as config.json will hold it. newest: the checkpoint to go on from;
    None to begin at the beginning. notes: what a person should know before it goes on. tell: see Checkpointer.
    kept: where the network is that was trained, if its run could not be saved.

    As a context it is the training: whatever it is left by, its checkpoints are kept. Without any, leaving it by an
    error that would come again, or by Ctrl-C, throws it away; by a full disk or a fault it is kept.
    """

    def __init__(self, path: Path, facts: dict[str, Any], lock: IO[bytes] | None = None) -> None:
        self.path, self.facts = path, facts
        self.folder = runs.unfinished_folder(path)
        self.newest: Checkpoint | None = None
        self.notes: list[str] = []
        self.kept: Path | None = None
        self.tell: Callable[[str], None] = lambda text: None
        self.lock = lock
        self._every_s = _seconds_between()
        self._next = 0.0

    def __enter__(self) -> CheckpointDir:
        self._next = time.monotonic() + self._every_s
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self.folder.is_dir() and not isinstance(error, StorageError):
            if self.kept is not None:
                self._add(error, f"The trained network is kept in {self.kept}.")
                self.discard()
            elif _checkpoints(self.folder):
                again = f"{self.how_to_go_on} goes on from there. Or delete {self.folder} to give it up."
                self._add(error, f"Its newest checkpoint is kept: {again}")
            elif isinstance(error, (InksightError, KeyboardInterrupt)):
                self.discard()
        self.close()

    def is_due(self) -> bool:
        """See Checkpointer."""
        return self.due_in_s <= 0

    @property
    def due_in_s(self) -> float:
        """Seconds until it is time for the next checkpoint."""
        return self._next - time.monotonic()

    def keep(self, checkpoint: Checkpoint) -> None:
        """See Checkpointer. The newest ones stay, older ones go."""
        began = time.monotonic()
        self._next = began + self._every_s
        with whole_file(self.folder / f"checkpoint-{checkpoint.step:06}.npz") as temporary:
            temporary.write_bytes(checkpoint.to_bytes())
        with storage_errors(self.folder):
            for file in _checkpoints(self.folder)[KEPT:]:
                file.unlink(missing_ok=True)
        if self._every_s:  # where a disk is slow, training is still what most of the time goes to
            self._next = max(self._next, began + _LEAST_RATIO * (time.monotonic() - began))

    def forget(self) -> None:
        """See Checkpointer."""
        if self.newest is None:
            self.discard()

    def discard(self) -> None:
        """Deletes the folder."""
        _delete(self.folder)

    def close(self) -> None:
        """Lets others take it up."""
        if self.lock is not None:
            self.lock.close()

    def keep_model(self, model: keras.Model) -> None:
        """Save a trained network beside the run folder that could not be made; resuming would fail the same way."""
        kept = self.path.with_name(f"{self.path.name}.keras")
        with contextlib.suppress(OSError):  # a full disk: the checkpoints stay, and the error says how to go on
            kept.parent.mkdir(parents=True, exist_ok=True)
            model.save(kept)
            self.kept = kept

    def _add(self, error: BaseException, text: str) -> None:
        """Append a text to an error of this package, or pass it to `tell`."""
        if isinstance(error, InksightError):
            error.args = (f"{error} {text}",)
        else:
            self.tell(text)

    @property
    def how_to_go_on(self) -> str:
        """The command."""
        workers = self.facts.get("workers", 1)
        return command("train", "--resume", self.path, *(["--workers", workers] if workers > 1 else []))

    def going_on(self, device: str) -> dict[str, Any]:
        """The facts as the run will hold them: with the device it goes on on, where it began on another."""
        if device == self.facts.get("device", device):
            return self.facts
        return self.facts | {"resumed": {**self.facts.get("resumed", {}), "device": device}}

    def require_data(self, found: str, expected: str, source: str) -> None:
        """Raises DataError if a data set's SHA-256 is not the one that the training began with."""
        if found != expected:
            raise DataError(
                f"{source} has changed since the training of {self.path} began: SHA-256 {expected} expected, {found} "
                f"found. Bring it back as it was, or delete {self.folder} and train anew."
            )


def claim(stem: str, out: Path | None, facts: dict[str, Any]) -> CheckpointDir:
    """Begins a training: takes the place of its run, for nobody else to take.

    Args:
        stem: the start of a default name: `runs/<stem>-<number>`. out: the very path wanted instead.
        facts: as in CheckpointDir.
    Raises:
        StorageError: `out` is taken, or the disk takes no files.
    """
    stem, tried = runs.safe_name(stem), 0
    while True:
        path = out or runs.next_free(stem, above=tried)
        try:
            runs.require_free(path)
            claimed = _claimed(path, facts)
        except StorageError:
            if out is None and (path.exists() or runs.unfinished_folder(path).exists()):
                tried = int(path.name.rpartition("-")[2])  # somebody was faster, or capitals mean nothing here
                continue
            raise
        claimed.notes += _cut_short(stem)
        return claimed


def take_up(path: Path, workers: int = 1) -> CheckpointDir:
    """Opens the training of the run `path`, and its newest checkpoint that is whole, for so many workers.

    Raises:
        RunError: it runs, is damaged or of another version.
    """
    folder = runs.unfinished_folder(path)
    found = CheckpointDir(path, {}, _locked(folder))
    try:
        found.facts = _facts(folder)
        for file in _leftovers(path):
            shutil.rmtree(file) if file.is_dir() else file.unlink()
        _find_newest(found, workers)
    except BaseException:
        found.close()
        raise
    return found


def clear(path: Path) -> None:
    """Deletes what a kill left of the training of the run `path`, which is finished."""
    folder = runs.unfinished_folder(path)
    if folder.is_dir() and not _is_running(folder):
        _delete(folder)


def find(name: str | Path) -> Path:
    """The run that a name stands for: its own, that of its `.unfinished` folder, or `latest` for the newest of those.

    Raises:
        RunError: there is neither a run nor an unfinished one.
    """
    known = _all(runs.DEFAULT_ROOT)
    if name == "latest":
        idle = [folder for folder in known if not _is_running(folder)]
        if not idle:
            running = f"; {', '.join(map(_run_name, known))} is being trained now" if known else ""
            raise RunError(f"no unfinished training in {runs.DEFAULT_ROOT}/{running}. Nothing to resume.")
        return Path(_run_name(idle[-1]))
    path = Path(_run_name(Path(name)))
    if runs.unfinished_folder(path).is_dir() or (path / runs.METRICS).is_file():
        return path
    names = {_run_name(folder) for folder in (*known, *_all(path.parent))}
    if not names:
        raise RunError(f'no unfinished training "{name}", nor any other in {path.parent}/. Nothing to resume.')
    raise RunError(unknown("unfinished training", str(path), names))


def _claimed(path: Path, facts: dict[str, Any]) -> CheckpointDir:
    """Makes the folder for `path`, locked from its first moment."""
    claimed = CheckpointDir(path, facts)
    try:
        with whole_folder(claimed.folder) as temporary:
            with whole_file(temporary / START) as file:
                runs.write_json(file, {"format": FORMAT, "facts": facts})
            claimed.lock = _locked(temporary)
        if path.exists():  # a run of this name was finished a moment ago
            claimed.discard()
            runs.require_free(path)
    except BaseException:
        claimed.close()
        raise
    return claimed


def _cut_short(stem: str) -> list[str]:
    """A line for each training of the same kind that nobody goes on with."""
    idle = [folder for folder in _all(runs.DEFAULT_ROOT) if not _is_running(folder)]
    names = [_run_name(folder) for folder in idle]
    return [
        f"{name} was cut short: {command('train', '--resume', name)} goes on with it. "
        f"Or delete {name}{runs.UNFINISHED}."
        for name in names
        if name.rpartition("-")[0] == str(runs.DEFAULT_ROOT / stem)
    ]


def _locked(folder: Path) -> IO[bytes] | None:
    """An open file, whose closing gives the folder to others; None on Windows, which renames no folder with one in it.

    Raises:
        RunError: somebody trains there, or nothing is there.
    """
    try:
        lock = open(folder / START, "r+b")  # noqa: SIM115  # held open
    except OSError as error:
        raise RunError(
            f"{folder} holds no {START} that can be opened ({error.strerror}). Delete it and train anew."
        ) from None
    if os.name == "nt":
        lock.close()
        return None
    if not locked(lock):
        lock.close()
        raise RunError(f"{_run_name(folder)} is being trained by another process now; wait for its end.")
    return lock


def _all(root: Path) -> list[Path]:
    """The unfinished trainings in a folder, the newest last."""
    found = []
    for path in root.glob(f"[!.]*{runs.UNFINISHED}"):
        with contextlib.suppress(FileNotFoundError):  # it has just ended
            found.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(found)]


def _is_running(folder: Path) -> bool:
    """Whether somebody trains there."""
    try:
        lock = _locked(folder)
    except RunError:
        return (folder / START).exists()
    if lock is not None:
        lock.close()
    return False


def _delete(folder: Path) -> None:
    """Deletes a folder, `start.json` last: cut short, it can still be taken up."""
    with contextlib.suppress(OSError):  # a finished run is worth more than a tidy place
        for file in sorted(folder.iterdir(), key=lambda file: file.name == START):
            file.unlink()
        folder.rmdir()


def _facts(folder: Path) -> dict[str, Any]:
    """What `start.json` says, if this version can go on with it."""
    try:
        start = json.loads((folder / START).read_text(encoding="utf-8"))
        kind, facts = start["format"], start["facts"]
        version = facts["versions"]["inksight"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{folder / START} is damaged ({error!r}). Delete {folder} and train anew.") from None
    if kind != FORMAT or version != engine.package_version():
        raise RunError(
            f"{folder} was begun by inksight {version} (format {kind}); this is {engine.package_version()} (format "
            f"{FORMAT}), which may train differently. Install inksight {version} to go on, or delete it and train anew."
        )
    return dict(facts)


def _find_newest(found: CheckpointDir, workers: int) -> None:
    """Fills in `newest` and `notes`, and lets the facts tell of the break."""
    for file in _checkpoints(found.folder):
        try:
            found.newest = parse(file.read_bytes())
            break
        except (RunError, OSError) as error:
            found.notes.append(f"{file} is damaged and not used ({error})")
    step = found.newest.step if found.newest is not None else 0
    found.notes.append(
        f"Going on with {found.path} after step {step:,}."
        if step
        else f"Beginning {found.path} anew: there is no whole checkpoint yet."
    )
    versions, machine = found.facts["versions"], found.facts["machine"]
    now = {**engine.versions(), "processor": engine.processor(), "cores": os.cpu_count(), "workers": workers}
    before = {**versions, **machine, "workers": found.facts.get("workers", 1)}
    changed = [f"{name} was {before.get(name)}, is {value}" for name, value in now.items() if before.get(name) != value]
    found.facts["resumed"] = {"after_step": step, "changed": changed}
    if changed:
        found.notes.append(
            f"Not the same as at the beginning: {'; '.join(changed)}. The weights may differ in their last bits from "
            "those of a training without a break."
        )


def _checkpoints(folder: Path) -> list[Path]:
    """The newest first."""
    names = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(names, key=lambda path: (len(path.name), path.name), reverse=True)


def _leftovers(path: Path) -> list[Path]:
    """What a killed process left under temporary names: checkpoints, and a run folder that was being filled."""
    mine = re.compile(rf"\.{re.escape(path.name)}{LEFT_BEHIND}")
    beside = [each for each in path.parent.iterdir() if mine.fullmatch(each.name) and each.is_dir()]
    return [*runs.unfinished_folder(path).glob(".checkpoint-*"), *beside]


def _run_name(path: Path) -> str:
    """A run's name, of itself or of its `.unfinished` folder."""
    return str(path).removesuffix(runs.UNFINISHED)


def _seconds_between() -> float:
    """INKSIGHT_CHECKPOINT_S, seconds between two checkpoints; 0 keeps one after every step."""
    text = os.environ.get("INKSIGHT_CHECKPOINT_S", "")
    try:
        seconds = float(text or _EVERY_S)
    except ValueError:
        seconds = -1
    if not seconds >= 0:
        raise UsageError(f'INKSIGHT_CHECKPOINT_S is "{text}"; a number of seconds from 0 was wanted.')
    return seconds
