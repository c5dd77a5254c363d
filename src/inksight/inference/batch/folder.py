"""A batch that has not ended: its plan and its listing, and beside them the parts that are there.

For a result on a disk it is the folder `<out>.unfinished`, which goes when the result is there; behind a URL it is the
result's own place, where `_batch/` goes and `_SUCCESS` comes. Names that begin with "_" are no data to those who read
folders of Parquet files.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

from inksight.errors import RunError, StorageError, UsageError
from inksight.inference.batch.shard import Shard
from inksight.runs import UNFINISHED
from inksight.utils.atomic import alone, storage_errors
from inksight.utils.storage import Store, is_url, refusals

FORMAT = 1
_STATE = "_batch"
_PLAN, SUCCESS = f"{_STATE}/plan.json", "_SUCCESS"
_LINES = 64  # shards in a file of the listing; that many are held at once


@dataclass(frozen=True)
class BatchPlan:
    """What decides the answers, and what was listed.

    source: a URL or a path from the root. shown: the source as it was first given. column: as it was chosen.
    model: the SHA-256 of its ONNX file and card. model_name: as it was first given. pictures, shards: in the listing.
    """

    source: str
    shown: str
    column: str | None
    model: str
    model_name: str
    inksight: str
    pictures: int = 0
    shards: int = 0

    @property
    def mark(self) -> str:
        """What the parts of this batch bear."""
        return f"{self.model[:16]}:{self.inksight}:{self.column or ''}:{self.source}"


class BatchFolder:
    """An open batch. out: as it was given. plan: the one it began with. resumed: whether it was there already."""

    def __init__(self, out: str, plan: BatchPlan) -> None:
        self.out, self.plan = out, plan
        self.remote, self.single = is_url(out), out.endswith(".parquet")
        self.path = Path(out.rstrip("/"))  # of the result, where it is on a disk
        self.unfinished = Path(f"{self.path}{UNFINISHED}")
        self.store = Store(out if self.remote else str(self.unfinished))
        self.resumed = False

    def begin(self, plan: BatchPlan) -> None:
        """Takes the plan of the unfinished batch that is there, if it is the same.

        Raises:
            StorageError: it is another one.
        """
        with refusals(self.out):
            if self.remote and self.store.has(SUCCESS):
                raise StorageError(
                    f"{self.out} holds a finished batch already; it is left as it was. Choose another --out."
                )
            if not self.store.has(_PLAN):
                if self.remote and self.store.names():
                    raise StorageError(
                        f"{self.out} holds files already; they are left as they were. Choose another --out."
                    )
                return
            content = self.store.read(_PLAN)
        try:
            loaded = json.loads(content)
            there = BatchPlan(**loaded["plan"]) if loaded["format"] == FORMAT else None
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(
                f"{self.store.path(_PLAN)} is damaged ({error!r}). Delete {self.store.place} and begin anew."
            ) from None
        if there is None:
            raise RunError(f"{self.store.place} is of a format this version does not know. Delete it and begin anew.")
        different = [
            f"{name} {_shown(there, name)} there, {_shown(plan, name)} now"
            for name in ("source", "model", "column", "inksight")
            if getattr(there, name) != getattr(plan, name)
        ]
        if different:
            raise StorageError(
                f"{self.store.place} was begun otherwise ({'; '.join(different)}); it is left as it was. Give what it "
                "was begun with to go on, choose another --out, or delete it."
            )
        self.plan, self.resumed = there, True

    def write_listing(self, shards: Iterable[Shard]) -> None:
        """Writes shards down as they come, and the plan when all are there."""
        pictures = count = 0
        shards = iter(shards)
        while some := list(islice(shards, _LINES)):
            self.store.write(_lines_name(count), b"".join(shard.to_line() + b"\n" for shard in some))
            pictures += sum(shard.rows for shard in some)
            count += len(some)
        self.plan = replace(self.plan, pictures=pictures, shards=count)
        content = json.dumps({"format": FORMAT, "plan": asdict(self.plan)}, indent=2)
        self.store.write(_PLAN, content.encode())

    def listing(self) -> Iterator[bytes]:
        """The lines of the listing, a file of them in memory."""
        for first in range(0, self.plan.shards, _LINES):
            yield from self.store.read(_lines_name(first)).splitlines()

    def finish(self, counts: dict[str, int]) -> None:
        """The result is there: what only served the way to it goes, and a folder of parts takes its name."""
        if self.remote:
            with refusals(self.out, writing=True):
                self.store.write(SUCCESS, json.dumps(counts).encode())
                for name in self.store.names(_STATE):
                    self.store.remove(f"{_STATE}/{name}")
            return
        if not self.single:
            with storage_errors(self.path):
                self.unfinished.rename(self.path)
        shutil.rmtree(self.unfinished if self.single else self.path / _STATE, ignore_errors=True)

    def torn(self) -> list[Path]:
        """Files that a process which was killed had not finished: parts, and the result."""
        own = re.compile(rf"\.{re.escape(self.path.stem)}-[a-z0-9_]{{8}}{re.escape(self.path.suffix)}")
        results = [each for each in self.path.parent.iterdir() if self.single and own.fullmatch(each.name)]
        return [*self.unfinished.glob(".part-*"), *results]

    def discard(self) -> None:
        """Takes away a batch that has no part yet, if it is on a disk."""
        if not self.remote and not self.resumed:
            shutil.rmtree(self.unfinished, ignore_errors=True)


@contextmanager
def held(out: str, plan: BatchPlan) -> Iterator[BatchFolder]:
    """The batch that will be `out`, new or gone on with; as long as the block lasts, for nobody else on this disk.

    Raises:
        UsageError: `out` is no place for a result.
        StorageError: something is there, or an unfinished batch of other choices.
        RunError: another process works on it.
    """
    _require_place(out)
    folder = BatchFolder(out, plan)
    if folder.remote:
        folder.begin(plan)
        yield folder
        return
    if folder.path.exists() and not (folder.path.is_dir() and not any(folder.path.iterdir()) and not folder.single):
        raise StorageError(f"{folder.path} exists already; it is left as it was. Choose another --out.")
    with storage_errors(folder.unfinished):
        folder.unfinished.mkdir(parents=True, exist_ok=True)
    busy = f"another process works on {folder.path} now; wait for its end, or choose another --out."
    with alone(folder.unfinished, busy):
        for torn in folder.torn():
            torn.unlink()
        folder.begin(plan)
        yield folder


def _require_place(out: str) -> None:
    """Raises UsageError unless a result can be there by its name."""
    if not out.endswith((".parquet", "/")) and not Path(out).is_dir():
        raise UsageError(f'--out is "{out}"; FILE.parquet was wanted, or FOLDER/ for a file of each part.')
    if is_url(out) and not out.endswith("/"):
        raise UsageError(
            f"--out is {out}; behind a URL the result is a folder of Parquet files: "
            f"{out.removesuffix('.parquet')}/ for instance."
        )


def _lines_name(first: int) -> str:
    return f"{_STATE}/shards-{first:06}.jsonl"


def _shown(plan: BatchPlan, name: str) -> str:
    """A choice for people."""
    if name == "model":
        return f"{plan.model_name} ({plan.model[:12]}…)"
    return getattr(plan, name) or "none"
