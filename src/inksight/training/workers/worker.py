"""A process that trains with others. Ray holds it as an actor; the first of them speaks for all."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest
from typing import Any, cast

from inksight.callbacks import Callback
from inksight.config import TrainConfig
from inksight.data.dataset import Dataset
from inksight.errors import InksightError, StorageError
from inksight.training.checkpoint import Checkpoint
from inksight.training.device import resolve_device
from inksight.training.session import prepare
from inksight.training.together import Processes

_LISTENED_S = 1.0

Call = tuple[str, str, tuple[Any, ...]]
"""What to call in the process that asked for the training: "callback" or "checkpointer", the method, its arguments."""


@dataclass(frozen=True, eq=False)
class Task:
    """What to train; the fields are those of `fit`.

    left_s: seconds that are left for it. newest: the checkpoint to go on from. due_in_s: when the next one is due.
    """

    config: TrainConfig
    backend: str
    left_s: float | None
    newest: Checkpoint | None
    due_in_s: float


class Worker:
    """One of `count` processes; its methods are called by the group, and may be while `fit` runs."""

    def __init__(self, rank: int, count: int) -> None:
        self._rank, self._count = rank, count
        self._line = _Line() if rank == 0 else None
        self._stop = threading.Event()

    def address(self) -> str:
        """HOST:PORT where the first worker can be met by the others: a port that is free now."""
        import ray

        with socket.socket() as free:
            free.bind(("", 0))
            return f"{ray.util.get_node_ip_address()}:{free.getsockname()[1]}"

    def fit(self, address: str, dataset: Dataset, task: Task) -> tuple[Any, list[Any]] | InksightError:
        """Trains; gives what `fit` of the room training gives, and the weights, or the error that ended it."""
        started = time.monotonic()
        try:
            processes: list[Processes] = []

            def joined(config: TrainConfig, backend: str) -> TrainConfig:
                """No device is looked at until all processes have met."""
                from inksight.training.together import Together

                processes.append(Together(address, self._rank, self._count))
                return resolve_device(config, backend)

            session = prepare(dataset, replace(task.config, backend=task.backend), resolve=joined)
            fitted = session.fit(
                ends_at=None if task.left_s is None else started + task.left_s,
                callback=None if self._line is None else cast(Callback, _RemoteCallback(self._line)),
                checkpointer=_RemoteCheckpointer(self._line, task),
                processes=processes[0],
                stop=self._stop,
            )
            return fitted, session.model.get_weights() if self._rank == 0 else []
        except InksightError as error:
            return error
        finally:
            if self._line is not None:
                self._line.end()

    def calls(self) -> list[Call | None]:
        """What the first worker has to tell, None behind the last; waits for it a little."""
        assert self._line is not None
        return self._line.calls()

    def answer(self, error: StorageError | None, due_in_s: float) -> None:
        """What came of the checkpoint that was told, and when the next one is due."""
        assert self._line is not None
        self._line.answers.put((error, due_in_s))

    def stop(self) -> None:
        """Ends the training after the step at hand."""
        self._stop.set()


class _Line:
    """From the thread that trains to where the training was asked for, and back."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self.answers: queue.SimpleQueue[tuple[StorageError | None, float]] = queue.SimpleQueue()

    def call(self, whom: str, method: str, *arguments: Any) -> None:
        """Tells, and goes on."""
        self._calls.put((whom, method, arguments))

    def end(self) -> None:
        """There is no more to tell."""
        self._calls.put(None)

    def calls(self) -> list[Call | None]:
        """All that was told since the last time; of steps in a row only the last."""
        told: list[Call | None] = []
        try:
            told.append(self._calls.get(timeout=_LISTENED_S))
            while True:
                told.append(self._calls.get_nowait())
        except queue.Empty:
            pass
        return [
            call
            for call, following in zip_longest(told, told[1:])
            if not (call and following and call[:2] == following[:2] == ("callback", "step"))
        ]


class _RemoteCallback:
    """A Callback that passes everything on."""

    def __init__(self, line: _Line) -> None:
        self._line = line

    def __getattr__(self, method: str) -> Callable[..., None]:
        return partial(self._line.call, "callback", method)


class _RemoteCheckpointer:
    """A Checkpointer that lets the checkpoints of the first worker be kept elsewhere; the others only begin at one."""

    notes: Sequence[str] = ()

    def __init__(self, line: _Line | None, task: Task) -> None:
        self.newest = task.newest
        self.tell: Callable[[str], None] = lambda text: None
        self._line = line
        self._next = time.monotonic() + task.due_in_s

    def is_due(self) -> bool:
        """See Checkpointer."""
        return self._line is not None and time.monotonic() >= self._next

    def keep(self, checkpoint: Checkpoint) -> None:
        """See Checkpointer. Waits until it is kept."""
        assert self._line is not None
        self._line.call("checkpointer", "keep", checkpoint)
        error, due_in_s = self._line.answers.get()
        self._next = time.monotonic() + due_in_s
        if error is not None:
            raise error

    def forget(self) -> None:
        """See Checkpointer."""
        if self._line is not None:
            self._line.call("checkpointer", "forget")
