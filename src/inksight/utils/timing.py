"""Seconds, stage by stage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Clock:
    """Seconds of each stage, and of all since `started` (time.monotonic())."""

    started: float
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the block's duration under `name`."""
        before = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0) + time.monotonic() - before

    def resume(self, name: str, seconds: float) -> None:
        """Counts `seconds` of the stage `name` that another process spent."""
        self.started -= seconds
        self.seconds[name] = self.seconds.get(name, 0) + seconds

    def rounded(self) -> dict[str, float]:
        """Total first, all with two decimals."""
        total = {"total": time.monotonic() - self.started}
        return {name: round(value, 2) for name, value in (total | self.seconds).items()}
