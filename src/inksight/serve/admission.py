"""The door of the queue: who finds it full is told so at once, before any of the body is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.exceptions import HTTPException

from inksight.serve.settings import MIB, Settings

RETRY = {"Retry-After": "1"}


class Place:
    """One request's place in the queue, with the bytes of its body."""

    def __init__(self, gate: Admission) -> None:
        self._gate = gate
        self.bytes = 0

    def expect(self, num_bytes: int) -> None:
        """Raises the 413 if a body of this size is more than a request may have."""
        most = self._gate.settings.body_bytes
        if num_bytes > most:
            raise HTTPException(413, f"the body has more than {most / MIB:g} MiB; send less at a time.")

    def take(self, num_bytes: int) -> None:
        """Counts bytes that came in; raises 413 when it is too many for a request, 503 for all that wait."""
        self.bytes += num_bytes
        self._gate.bytes += num_bytes
        self.expect(self.bytes)
        if self._gate.bytes > self._gate.settings.held_bytes:
            raise HTTPException(503, "the bodies that wait fill the memory for them; try again in a second.", RETRY)


class Admission:
    """Counts the requests inside and the bytes they hold."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.inside = 0
        self.bytes = 0

    @contextmanager
    def place(self) -> Iterator[Place]:
        """A place for the time of the block; raises the 503 where there is none."""
        if self.inside >= self.settings.queue:
            raise HTTPException(503, f"{self.inside} requests wait already; try again in a second.", RETRY)
        place = Place(self)
        self.inside += 1
        try:
            yield place
        finally:
            self.inside -= 1
            self.bytes -= place.bytes
