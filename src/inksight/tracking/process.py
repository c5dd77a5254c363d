"""The process beside a training that tells it to a tracker: JSON lines in, JSON lines out.

In: {"begin": {"path", "facts"}} and {"row": …} while it trains, {"finish": PATH} at its end or alone. Out: {"alive": …}
after what took time, {"gone": REASON} where a training can be told no more, and in the end {"sent": WHERE} or
{"failed": REASON}.
An input that ends early is a training that was killed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

from inksight.runs import Run
from inksight.tracking.table import Tracker, load_tracker
from inksight.tracking.training import training_of
from inksight.utils.storage import shown

_MOST_SIGNS = 200


class TrackerProcess:
    """Passes on what it is told, for as long as the tracker takes it."""

    def __init__(self, name: str, out: IO[str]) -> None:
        self._name, self._out = name, out
        self._tracker: Tracker | None = None  # while it takes what is told

    def listen(self, lines: Iterable[str]) -> None:
        """To the end of the input."""
        for line in lines:
            (event, content) = next(iter(json.loads(line).items()))
            if event == "finish":
                self._finish(Path(content))
                return
            if event == "begin":
                self._try(partial(self._begin, content))
            elif event == "row" and self._tracker is not None:
                self._try(partial(self._tracker.row, content))
        if self._tracker is not None:
            with suppress(Exception):
                self._tracker.broken()

    def _begin(self, content: dict[str, Any]) -> None:
        self._tracker = self._begun(Path(content["path"]), content["facts"])

    def _begun(self, path: Path, facts: dict[str, Any]) -> Tracker:
        """A tracker that takes what is told."""
        tracker = load_tracker(self._name, self._alive)
        tracker.begin(training_of(path, facts))
        return tracker

    def _finish(self, path: Path) -> None:
        """Sends the whole run, with a tracker begun anew where it failed before."""
        try:
            run = Run(path)
            tracker = self._tracker or self._begun(path, run.config)
            self._alive()
            self._say(sent=tracker.finish(run))
        except Exception as error:  # each tracker has exceptions of its own
            self._say(failed=_why(error))

    def _try(self, act: Callable[[], None]) -> None:
        """Does it, or gives the tracker up until the end."""
        try:
            act()
            self._alive()
        except Exception as error:
            self._tracker = None
            self._say(gone=_why(error))

    def _alive(self) -> None:
        self._say(alive="told")

    def _say(self, **what: str) -> None:
        with suppress(BrokenPipeError):
            print(json.dumps(what), file=self._out, flush=True)


def _why(error: BaseException) -> str:
    """Why, in a line: what the system said where it lies at the bottom of it all, else what the tracker says."""
    deepest = error
    while cause := deepest.__cause__ or deepest.__context__:
        deepest = cause
    lines = str(deepest if isinstance(deepest, OSError) else error).strip().splitlines()
    return shown(lines[0] if lines else type(error).__name__)[:_MOST_SIGNS].rstrip(".")


def main() -> None:
    """`python -m inksight.tracking.process NAME`."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # trackers print what nobody here can read
    TrackerProcess(sys.argv[1], out).listen(sys.stdin)


if __name__ == "__main__":
    main()
