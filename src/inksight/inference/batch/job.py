"""A batch, end to end: source -> shards -> parts, by as many workers as there are -> one result."""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import threading
import time
import warnings
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from inksight import errors
from inksight.cluster import Cluster, connected
from inksight.data.progress import Progress
from inksight.errors import EngineError, InksightError, UsageError
from inksight.inference.batch.folder import BatchFolder, BatchPlan, held
from inksight.inference.batch.listing import list_shards, whole_place
from inksight.inference.batch.part import Receipt, find_part, join_parts, make_schema, part_name
from inksight.inference.batch.shard import Shard, from_line, pack, unpack
from inksight.inference.batch.worker import Errand, answer_shard
from inksight.inference.predictor import Predictor
from inksight.models import engine
from inksight.runs import RunLike
from inksight.utils import notebook
from inksight.utils.storage import Store
from inksight.utils.timing import Clock

ANSWERING, WAITING = "answering", "waiting for a CPU of the cluster"
_LOOKED_S = 10.0
_SHARDS_A_WORKER = 32  # handed to Ray at once
_RETRIES = 4  # of one shard, by Ray, when its node or its process is lost
_TRIES = 2  # of what brings no new part
_ENDING_S = 10.0  # for each of Ray Data's threads
_LOOKS = 16  # for parts at once, behind a URL


@dataclass(frozen=True)
class Batch:
    """A finished batch.

    out: the Parquet file, or the place of several. model: what answered. pictures: its rows. errors: how many of them
    could not be read. resumed_from: pictures that an earlier command had answered. seconds: total first, then by stage.
    images_per_s: of those that this command answered, while it did.
    """

    out: str
    model: str
    pictures: int
    errors: int
    workers: int
    resumed_from: int
    images_per_s: float
    seconds: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """It as it goes into JSON."""
        return vars(self).copy()


def predict_batch(
    source: str | Path,
    out: str | Path,
    *,
    model: RunLike | None = None,
    column: str | None = None,
    workers: int | None = None,
    ray_address: str | None = None,
    progress: Progress | None = None,
    started: float | None = None,
) -> Batch:
    """Answers all pictures of a store into Parquet, a row a picture; a bad picture is a row with its error.

    Cut short by whatever, the same call goes on where it was. On a cluster a folder must be on all nodes.

    Args:
        source: a folder with pictures or Parquet files in it or below, a Parquet file, or a URL of such.
        out: FILE.parquet for one file in the source's order, or FOLDER/ for a file of each some 2,000 pictures; of a
            URL the second only.
        model: a Run, a run folder, "latest" or "shipped"; None for the latest run, or the shipped model where there is
            none.
        column: of a Parquet file, the one with pictures; found by type and name unless given.
        workers: processes, each on one CPU; as many as there are CPUs unless given.
        ray_address: as for `inksight.Workers`.
        progress: called with (done, total, what); a notebook shows a bar unless given.
        started: the zero of its seconds, of time.monotonic().
    Raises:
        UsageError: a value out of range, or a place of an unknown kind.
        DataError: a source that cannot be read, or without pictures.
        RunError: no such model; or another process works on this batch.
        StorageError: `out` is there or takes no files; what was answered is kept.
        EngineError: the cluster cannot be reached, or failed again and again.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"workers is {workers}; a whole number from 1 was wanted.")
    source, out = str(source), str(out)
    clock, progress = Clock(time.monotonic() if started is None else started), progress or notebook.loading()
    predictor = Predictor.load(model, num_threads=1)
    digest = _sha256(predictor.content + json.dumps(asdict(predictor.card), sort_keys=True).encode())
    plan = BatchPlan(whole_place(source), source, column, digest, predictor.name, engine.package_version())
    with held(out, plan) as folder, _kept(folder):
        if not folder.resumed:
            with clock.stage("list"):
                folder.write_listing(_told(list_shards(Store(plan.source), source, column), progress))
        facts = {"model_sha256": _sha256(predictor.content), "version": plan.inksight}
        schema = make_schema(predictor.card, facts, folder.plan.mark)
        errand = Errand(
            folder.plan.source,
            folder.plan.shown,
            schema,
            np.frombuffer(predictor.content, np.uint8),
            digest,
            predictor.name,
            predictor.card,
            out if folder.remote else None,
        )
        tally = _Tally(folder.plan.pictures, progress)
        used = _answer_all(folder, errand, workers, ray_address, tally, clock)
        assert tally.done == folder.plan.pictures, f"{tally.done} of {folder.plan.pictures} pictures were answered"
        if folder.single:
            with clock.stage("join"):
                join_parts(folder.store, range(folder.plan.shards), schema, folder.path)
        folder.finish({"pictures": tally.done, "errors": tally.errors})
    answered = tally.done - tally.found
    return Batch(
        out,
        predictor.name,
        tally.done,
        tally.errors,
        used,
        tally.found,
        round(answered / max(clock.seconds.get(ANSWERING, 0), 1e-9), 1) if answered else 0.0,
        clock.rounded(),
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class _Tally:
    """How many pictures are done. found: of them, those that an earlier command had answered."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total, self._progress = total, progress
        self.done = self.errors = self.found = 0

    def begin(self) -> None:
        """The work begins, with what is there already."""
        self._progress(self.done, self._total, ANSWERING)

    def wait(self) -> None:
        """Nobody is there to work."""
        self._progress(self.done, self._total, WAITING)

    def add(self, rows: int, errors: int) -> None:
        """A part more."""
        self.done += rows
        self.errors += errors
        self._progress(self.done, self._total, ANSWERING)


def _answer_all(
    folder: BatchFolder, errand: Errand, workers: int | None, address: str | None, tally: _Tally, clock: Clock
) -> int:
    """Makes all parts that are missing; gives the number of workers, 0 where none was needed."""
    missing = _missing(folder, tally)
    first = next(missing, None)
    if first is None:
        return 0
    with ExitStack() as stack:
        with clock.stage("start"):
            cluster = stack.enter_context(connected(address))
        used = _workers_of(cluster, workers)
        missing = chain([first], missing)
        with clock.stage(ANSWERING), _waiting_told(tally):
            tally.begin()
            while wave := dict(islice(missing, _SHARDS_A_WORKER * used)):
                _answer_wave(wave, folder, errand, used, tally)
                gc.collect()  # Ray Data leaves rings of objects behind
    return used


@contextmanager
def _waiting_told(tally: _Tally) -> Iterator[None]:
    """Says now and then that the cluster has no CPU left; Ray waits for one, and so do we: a node may join."""
    import ray

    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOKED_S):
            if ray.cluster_resources().get("CPU", 0) < 1:
                tally.wait()

    watch = threading.Thread(target=look, daemon=True)
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()


def _missing(folder: BatchFolder, tally: _Tally) -> Iterator[tuple[int, bytes]]:
    """The shards without a part, packed, by number; the others are counted."""
    lines = folder.listing()
    with ThreadPoolExecutor(_LOOKS) as pool:
        while some := list(islice(lines, _LOOKS)):
            shards = list(map(from_line, some))
            found: Iterable[Receipt | None] = [None] * len(shards)
            if folder.resumed:
                found = pool.map(
                    lambda shard: find_part(folder.store, shard.number, shard.rows, folder.plan.mark), shards
                )
            for line, shard, receipt in zip(some, shards, found, strict=True):
                if receipt is None:
                    yield shard.number, pack(line)
                else:
                    tally.found += receipt.rows
                    tally.add(receipt.rows, receipt.errors)


def _answer_wave(wave: dict[int, bytes], folder: BatchFolder, errand: Errand, workers: int, tally: _Tally) -> None:
    """Makes the parts of some shards; what a lost node took with it is done once more.

    Raises:
        EngineError: nothing comes of them again and again, or the cluster itself is lost.
    """
    import ray

    tries = 0
    while wave:
        before = len(wave)
        try:
            with closing(_rows(list(wave.values()), errand, workers)) as rows:
                for row in rows:
                    if row["failure"]:
                        raise getattr(errors, row["kind"])(row["failure"])
                    if wave.pop(row["number"], None) is None:
                        continue
                    if not folder.remote:
                        folder.store.write(part_name(row["number"]), row["part"])
                    tally.add(row["rows"], row["errors"])
        except ray.exceptions.RayError as error:
            raise EngineError(f"Ray ended in the middle: {' '.join(str(error).split())[:300]}") from error
        tries = tries + 1 if len(wave) == before else 0
        if tries == _TRIES:
            names = ", ".join(unpack(content).names[0] for content in islice(wave.values(), 3))
            raise EngineError(
                f"the workers died at {len(wave):,} of {folder.plan.shards:,} parts again and again, among them those "
                f"that begin with {names}. Take away what may crash them, or give them more memory."
            )


def _rows(shards: list[bytes], errand: Errand, workers: int) -> Generator[dict[str, Any]]:
    """What `answer_shard` gives of each, as it comes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray Data warns of its own settings
        import ray
        import ray.data

        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = context.enable_operator_progress_bars = context.print_on_execution_start = False
        context.max_errored_blocks = -1  # what is lost with a worker does not end the others; it is done once more
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        items = ray.data.from_items([{"shard": content} for content in shards], override_num_blocks=len(shards))
        at_once = min(workers, len(shards))
        answers = items.map(
            answer_shard, fn_kwargs={"errand": errand}, concurrency=at_once, num_cpus=1, max_retries=_RETRIES
        )
    others = set(threading.enumerate())
    try:
        # Without the threads of iter_rows, which fetch ahead and may outlive Ray: it ends a process that asks it then.
        for bundle in answers.iter_internal_ref_bundles():
            for block in bundle.blocks:
                yield from ray.get(block.ref).to_pylist()
    finally:
        for thread in set(threading.enumerate()) - others:
            thread.join(_ENDING_S)


def _workers_of(cluster: Cluster, wanted: int | None) -> int:
    """How many workers there will be; raises UsageError where there are not so many CPUs."""
    if wanted is not None and wanted > cluster.cpus:
        raise UsageError(f"workers is {wanted}; {cluster.where}, has room for {cluster.cpus} at most.")
    return wanted or cluster.cpus


@contextmanager
def _kept(folder: BatchFolder) -> Iterator[None]:
    """Lets an error say how to go on; a batch without any part is thrown away by it."""
    try:
        yield
    except BaseException as error:
        if not folder.remote and not any(name.startswith("part-") for name in folder.store.names()):
            folder.discard()
        elif isinstance(error, InksightError):
            error.args = (
                f"{error} What was answered is kept in {folder.store.place}: the same command goes on from there.",
            )
        raise


def _told(shards: Iterator[Shard], progress: Progress) -> Iterator[Shard]:
    """Shards as they come, with the number of pictures told."""
    pictures = 0
    for shard in shards:
        pictures += shard.rows
        progress(pictures, 0, "listing")
        yield shard
