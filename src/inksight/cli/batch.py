"""`inksight predict --batch`: what a model says about a store of pictures."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import inksight
from inksight.cli.output import emit, note
from inksight.errors import UsageError

_EVERY_S = 10.0


def predict_store(
    source: str,
    out: str | None,
    model: str,
    column: str | None,
    workers: int | None,
    ray_address: str | None,
    as_json: bool,
) -> None:
    """Answers all pictures of a store, and says how it went."""
    if out is None:
        raise UsageError("--batch needs a place for the answers: --out answers.parquet for instance.")
    try:
        with _progress() as progress:
            batch = inksight.predict_batch(
                source,
                out,
                model=model,
                column=column,
                workers=workers,
                ray_address=ray_address,
                progress=progress,
                started=inksight.STARTED,
            )
    except KeyboardInterrupt:
        note("Interrupted. The same command goes on from what was answered.")
        raise
    if as_json:
        emit(batch.to_dict())
    else:
        print(headline(batch))


def headline(batch: inksight.Batch) -> str:
    """A batch in a few lines for a person."""
    bad = f"{batch.errors:,} could not be read: see the column error" if batch.errors else "all could be read"
    speed = f" at {batch.images_per_s:,.0f} pictures/s" if batch.images_per_s else ""
    before = f", {batch.resumed_from:,} of them by an earlier command" if batch.resumed_from else ""
    return (
        f"{batch.pictures:,} pictures answered{before}; {bad}. {batch.seconds['total']:.1f} s{speed}.\n"
        f"Saved in {batch.out}."
    )


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str], None]]:
    """A bar on a terminal, a line now and then elsewhere."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[far]}"),
            TimeRemainingColumn(),
        )
        tasks: dict[str, TaskID] = {}
        with Progress(*columns, console=Console(stderr=True)) as bar:

            def show(done: int, total: int, what: str) -> None:
                if what not in tasks:
                    tasks[what] = bar.add_task(what, total=None, far="")
                speed = bar.tasks[tasks[what]].speed
                far = f"{done:,} pictures{f', {speed:,.0f}/s' if speed else ''}"
                bar.update(tasks[what], completed=done, total=total or None, far=far)

            yield show
        return
    lines = _Lines()
    yield lines.show


class _Lines:
    """Progress as lines on stderr, not more often than _EVERY_S. Its speed is of what it saw itself."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _EVERY_S
        self._what, self._since, self._first = "", 0.0, 0

    def show(self, done: int, total: int, what: str) -> None:
        """See `progress_bar`."""
        now = time.monotonic()
        if what != self._what:
            self._what, self._since, self._first = what, now, done
        if now < self._next:
            return
        self._next = now + _EVERY_S
        speed = (done - self._first) / max(now - self._since, 1e-9)
        of = f" of {total:,}" if total else ""
        note(f"{what}: {done:,}{of} pictures, {speed:,.0f}/s")
