"""A training that broke off -> the run it would have been."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from inksight import runs
from inksight.data.dataset import Dataset
from inksight.errors import UsageError
from inksight.tracking.table import require_tracker
from inksight.training import checkpoint_dir, finetune
from inksight.training.run import take_up
from inksight.utils import notebook
from inksight.utils.timing import Clock

if TYPE_CHECKING:
    from inksight.callbacks import Callback
    from inksight.training.workers import Workers


def resume(
    run: str | Path,
    *,
    data: Dataset | None = None,
    on: Workers | None = None,
    track: str | None = None,
    callback: Callback | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    started: float | None = None,
) -> runs.Run:
    """Goes on with a training that was killed, crashed or found its disk full, from its newest checkpoint.

    On a CPU the weights become those of a training without a break, bit for bit, by as many workers as began it. Its
    choices are those it began with.
    A time limit counts the seconds of training before the break, not those between.

    Args:
        run: the run folder that would have come, its `.unfinished` folder, or "latest" for the newest of those.
        data: the same set once more, where it was made in a program. A finetuning reads its own.
        on: workers to go on with, whoever began it; default this process.
        track: as for `train`; default what it began with.
        callback, progress, started: as for `train`.
    Returns:
        the finished run. One that was finished already comes back as it is; a callback is told so.
    Raises:
        RunError: there is none, another process trains it, or it is of another version.
        DataError: its data has changed.
        UsageError: `data` is missing where it is needed, or came for a finetuning.
    """
    clock = Clock(time.monotonic() if started is None else started)
    clock.seconds["start"] = time.monotonic() - clock.started
    callback, progress = notebook.shown(callback, progress)
    path = checkpoint_dir.find(run)
    if (path / runs.METRICS).is_file():
        checkpoint_dir.clear(path)
        if callback is not None:
            callback.noted(f"{path} is finished already; nothing was left to do.")
        return runs.load_run(path)
    with closing(checkpoint_dir.take_up(path, on.count if on else 1)) as begun:
        track = require_tracker(track or begun.facts.get("track"))
        if "finetune" in begun.facts:
            if on is not None:
                raise UsageError(f"{path} is a finetuning, which one process does. Leave the workers out.")
            if data is not None:
                raise UsageError(
                    f"{path} is a finetuning: it reads {begun.facts['finetune']['data']} and its run's own data once "
                    "more. Leave data out."
                )
            return finetune.take_up(begun, clock, callback, progress, track)
        return take_up(begun, data, clock, callback, progress, on, track)
