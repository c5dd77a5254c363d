"""A training in a process of its own: started, watched through its progress lines, stopped as Ctrl-C stops it.

The process ends with the service: on an orderly end it is killed, and when the service dies its pipe breaks.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import signal
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from inksight.errors import UsageError

State = Literal["running", "stopping", "done", "failed", "given up"]
_LINE_BYTES = 1024**2
_INTERRUPTED = 130
_RATE_FROM = 3  # steps: the first ones compile


@dataclass
class Training:
    """One training and all that is known of it. what: data, preset and choices, as the page asked for it.

    phase: starting, loading, training or saving. rows: the history so far. result: what the command printed.
    """

    number: int
    what: dict[str, Any]
    state: State = "running"
    phase: str = "starting"
    done: int = 0
    planned: int = 0
    rows: list[dict[str, float | None]] = field(default_factory=list)
    result: dict[str, Any] | None = None
    error: str | None = None
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    _clocked: tuple[int, float] | None = None

    def heard(self, event: dict[str, Any]) -> None:
        """Takes in one progress line."""
        kind = event.pop("event", None)
        if kind == "loading":
            self.phase = "loading"
        elif kind == "row":
            self.rows.append({name: value if math.isfinite(value) else None for name, value in event.items()})
        elif kind in ("built", "step"):
            self.phase = "training"
            self.done, self.planned = event.get("done", 0), event.get("planned", 0)
            if self._clocked is None and self.done >= _RATE_FROM:
                self._clocked = (self.done, time.monotonic())
        if kind == "interrupted" or (self.planned and self.done >= self.planned):
            self.phase = "saving"

    def fail(self, reason: str) -> None:
        """It has ended without a run."""
        self.state, self.error, self.ended = "failed", reason, time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether its process has ended."""
        return self.ended is not None

    @property
    def seconds_left(self) -> float | None:
        """Until its last step, at the speed seen so far; None while nobody can know."""
        if self._clocked is None or self.phase != "training" or self.done == self._clocked[0]:
            return None
        steps, seconds = self.done - self._clocked[0], time.monotonic() - self._clocked[1]
        return max(self.planned - self.done, 0) * seconds / steps

    def to_dict(self, after: int) -> dict[str, Any]:
        """For the page: all of it, but of the rows only those from the index `after` on."""
        left = self.seconds_left
        return {
            **{name: getattr(self, name) for name in ("number", "what", "state", "phase", "done", "planned", "error")},
            "rows": self.rows[max(after, 0) :],
            "num_rows": len(self.rows),
            "seconds": round((self.ended or time.monotonic()) - self.started, 1),
            "seconds_left": None if left is None else round(left, 1),
            "run": None if self.result is None else Path(self.result["run"]).name,
            "result": self.result,
        }


class Trainer:
    """Trains one network at a time. It belongs to the event loop."""

    def __init__(self) -> None:
        self.training: Training | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None

    async def start(self, what: dict[str, Any], arguments: list[str]) -> Training:
        """Starts `inksight train ARGUMENTS…`.

        Args:
            what: how the page shows it.
        Raises:
            UsageError: another one is running.
        """
        if self.training is not None and not self.training.is_over:
            raise UsageError("a training is running already; stop it, or wait for its end.")
        number = 1 if self.training is None else self.training.number + 1
        self.training = training = Training(number, what)
        self._process = None
        program = [sys.executable, "-m", "inksight", "train", *arguments, "--json", "--progress", "json"]
        try:
            self._process = await asyncio.create_subprocess_exec(
                *program,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=_LINE_BYTES,
                start_new_session=True,  # a Ctrl-C in the terminal is for the service
            )
        except BaseException as error:  # one that is out of time, too: what never began must not seem to run
            training.fail(f"its process could not be started ({error}).")
            raise
        self._watching = asyncio.create_task(_watch(training, self._process))
        return training

    def stop(self) -> None:
        """Asks the training to end now and save what it has learned; asked again, it gives up.

        Raises:
            UsageError: none is running.
        """
        if self.training is None or self.training.is_over or self._process is None:
            raise UsageError("no training is running.")
        self.training.state = "stopping"
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)

    async def close(self) -> None:
        """Ends a training that is running; `inksight train --resume` can go on with it."""
        if self._process is not None and self._watching is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._watching


async def _watch(training: Training, process: asyncio.subprocess.Process) -> None:
    """Listens to a training until it has ended. What cannot be understood ends it."""
    assert process.stdout is not None
    assert process.stderr is not None
    words: deque[str] = deque(maxlen=20)
    try:
        answer, _ = await asyncio.gather(process.stdout.read(), _listen(training, process.stderr, words))
        code = await process.wait()
        result = json.loads(answer) if code == 0 else None
    except ValueError as error:  # a line without end, or words where JSON was to be
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        training.fail(f"it could not be understood ({error}).")
        return
    training.ended = time.monotonic()
    if code == 0:
        training.state, training.result = "done", result
    elif code in (_INTERRUPTED, -signal.SIGINT):
        training.state = "given up"
    else:
        training.fail(_reason(list(words), code))


async def _listen(training: Training, stream: asyncio.StreamReader, words: deque[str]) -> None:
    """Takes in progress lines; what is none of them is kept in `words`."""
    async for raw in stream:
        line = raw.decode(errors="replace").strip()
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if isinstance(event, dict):
            training.heard(event)
        else:
            words.append(line)


def _reason(words: list[str], code: int) -> str:
    """Why a process failed, in its own words."""
    errors = [word for word in words if word.startswith("Error: ")]
    if errors:
        return errors[-1].removeprefix("Error: ")
    return words[-1] if words else f"the training ended with code {code} and no word."
