"""The process that tells a training to a tracker, seen from the training: it never waits, until the run is saved."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from inksight.errors import ServiceError, command
from inksight.runs import Run, RunLike, load_run
from inksight.tracking.table import most_silence, require_tracker
from inksight.utils.signals import interruptible

if TYPE_CHECKING:
    from inksight.callbacks import Callback
    from inksight.models.table import LayerRow
    from inksight.tracking.training import Row

_END_S = 5.0
_SOON_S = 3.0  # what is sent by then needs no word
_LOOK_S = 0.1


def track(run: RunLike | None, to: str, tell: Callable[[str], None] | None = None) -> str:
    """Sends a finished run to a tracker, from the run folder alone. What is there of it already is not doubled.

    Args:
        run: a Run, a run folder or "latest"; None for the latest run.
        to: "mlflow", "tensorboard" or "wandb"; each is told by its own environment variables where to send it.
        tell: told what a person should know while it takes long.
    Returns:
        where it is to be seen.
    Raises:
        RunError: there is no such run. ServiceError: the tracker did not take it.
    """
    require_tracker(to)
    opened = load_run(run)
    with _Beside(to) as beside:
        return beside.finish(opened.path, tell or _unheard)


class TrackingSession:
    """A training that a tracker is told of; of none, where there is no tracker. As a context it is the training.

    callback: to be given to `fit`.
    """

    def __init__(self, tracker: str | None, path: Path, facts: Mapping[str, Any], callback: Callback | None) -> None:
        self._tracker, self._trouble = tracker, ""
        self._beside: _Beside | None = None
        self._noted = _unheard if callback is None else callback.noted
        self._warned = _warn if callback is None else callback.noted
        self.callback = callback
        if tracker is not None:
            try:
                self._beside = _Beside(tracker)
            except ServiceError as error:
                self._trouble = str(error)
                self._noted(f"{error} The training goes on.")
                return
            self._beside.tell(begin={"path": str(path.resolve()), "facts": dict(facts)})
            self.callback = cast("Callback", _Telling(callback, self._beside, tracker))

    def __enter__(self) -> TrackingSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._beside is not None:
            self._beside.__exit__(kind, error, trace)

    def kept(self, run: Run) -> Run:
        """Sends the finished run; one that cannot be sent is a run all the same."""
        if self._beside is not None:
            try:
                where = self._beside.finish(run.path, self._noted)
                self._noted(f"{self._tracker}: {where}")
            except ServiceError as error:
                self._warned(f"The run is kept, but {error}")
        elif self._tracker is not None:
            self._warned(f"The run is kept, but {self._trouble} {_later(run.path, self._tracker)}")
        return run


class _Telling:
    """A Callback that passes everything on, and the rows of the history to a tracker too."""

    def __init__(self, callback: Callback | None, beside: _Beside, tracker: str) -> None:
        from inksight.callbacks import Callback

        self._callback, self._beside, self._tracker = callback or Callback(), beside, tracker

    def built(self, layers: Sequence[LayerRow]) -> None:
        """See `inksight.callbacks.Callback`."""
        self._callback.built(layers)

    def row(self, row: Row) -> None:
        """See `inksight.callbacks.Callback`."""
        self._callback.row(row)
        self._beside.tell(row=row)

    def step(self, done: int, planned: int, running: Row) -> None:
        """See `inksight.callbacks.Callback`."""
        self._callback.step(done, planned, running)
        if (reason := self._beside.gone()) is not None:
            self.noted(f"{self._tracker} cannot be told now ({reason}). The training goes on; all is sent at its end.")

    def epoch(self, number: int, epochs: int, row: Row) -> None:
        """See `inksight.callbacks.Callback`."""
        self._callback.epoch(number, epochs, row)

    def interrupted(self) -> None:
        """See `inksight.callbacks.Callback`."""
        self._callback.interrupted()

    def noted(self, text: str) -> None:
        """See `inksight.callbacks.Callback`."""
        self._callback.noted(text)


class _Beside:
    """The process. What it does not take in time waits in a thread, never here; left as a context, it ends.

    Raises:
        ServiceError: it could not be started.
    """

    def __init__(self, tracker: str) -> None:
        self._tracker, self._silence_s = tracker, most_silence(tracker)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-W", "ignore", "-m", "inksight.tracking.process", tracker],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # a Ctrl-C is for the training
            )
        except OSError as error:  # no memory or no process more
            raise ServiceError(f"{tracker} was not told of it: its process could not be started ({error}).") from error
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._said: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
        self._silent = threading.Event()  # it says nothing more: it has ended
        for work in (self._pass_on, self._listen):
            threading.Thread(target=work, daemon=True).start()

    def __enter__(self) -> _Beside:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.put(None)
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._kill()

    def tell(self, **event: Any) -> None:
        """One event; returns at once."""
        self._lines.put(json.dumps(event))

    def gone(self) -> str | None:
        """Why it tells nothing any more, if it has said so since the last time."""
        with suppress(queue.Empty):
            return self._said.get_nowait().get("gone")
        return None

    def finish(self, path: Path, tell: Callable[[str], None]) -> str:
        """Lets it send what is missing of the run, for as long as it shows signs of life; returns where it is.

        Raises:
            ServiceError: it could not, with the command that does it later.
        """
        self.tell(finish=str(path.resolve()))
        stopped = threading.Event()
        with interruptible(stopped.set):
            said = self._final(tell, stopped)
        if "sent" in said:
            return said["sent"]
        raise ServiceError(
            f"{self._tracker} was not told of all of it: {said['failed']}. {_later(path, self._tracker)}"
        )

    def _final(self, tell: Callable[[str], None], stopped: threading.Event) -> dict[str, str]:
        """The last that it says, or why there is none."""
        began = heard = time.monotonic()
        spoken = False
        while not stopped.is_set():
            now = time.monotonic()
            if now - heard > self._silence_s:
                self._kill()
                return {"failed": f"nothing was heard for {self._silence_s:g} s"}
            if not spoken and now - began > _SOON_S:
                spoken = True
                tell(f"Sending {self._tracker} what is missing; Ctrl-C leaves it for later.")
            ended = self._silent.is_set()
            try:
                said = self._said.get(timeout=_LOOK_S)
            except queue.Empty:
                if ended:
                    return {"failed": "its process ended"}
                continue
            heard = time.monotonic()
            if "sent" in said or "failed" in said:
                return said
        self._kill()
        return {"failed": "it was interrupted"}

    def _kill(self) -> None:
        """Ends it, with all that it started."""
        with suppress(ProcessLookupError):
            if os.name == "nt":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _pass_on(self) -> None:
        """Lines into its input."""
        assert self._process.stdin is not None
        with suppress(OSError), self._process.stdin as pipe:
            while (line := self._lines.get()) is not None:
                pipe.write(line + "\n")
                pipe.flush()

    def _listen(self) -> None:
        """What it says, to its end."""
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            for line in pipe:
                self._said.put(json.loads(line))
        self._silent.set()


def _later(run: Path, tracker: str) -> str:
    """The command that sends the rest."""
    return f"Later: {command('track', run, '--to', tracker)}"


def _unheard(text: str) -> None:
    """For a program that watches nothing."""


def _warn(text: str) -> None:
    """For a program that watches nothing, what it must know all the same."""
    warnings.warn(text, stacklevel=2)
