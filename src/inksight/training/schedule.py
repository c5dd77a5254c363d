"""The course of the learning rate, as a share of its peak over the share of the training that is done."""

from __future__ import annotations

import math
from collections.abc import Callable

WARM_UP = 0.3
_SLOW_STEPS = 2  # the first compiles, and the second may have to wait for it: they say nothing about speed
_ENOUGH_STEPS = 4  # to know a speed by


def constant(progress: float) -> float:
    """The peak throughout."""
    return 1.0


def cosine(progress: float) -> float:
    """From the peak to zero along half a cosine. Source: Loshchilov & Hutter 2017."""
    return (1 + math.cos(math.pi * progress)) / 2


def one_cycle(progress: float) -> float:
    """Straight up for the first three tenths, straight down to zero after. Source: Smith & Topin 2018."""
    return progress / WARM_UP if progress < WARM_UP else (1 - progress) / (1 - WARM_UP)


SHAPES: dict[str, Callable[[float], float]] = {"constant": constant, "cosine": cosine, "one_cycle": one_cycle}


class Pace:
    """How far the training is, in steps planned or in time allowed, whichever ends first.

    Without a time limit progress is step / planned, the same on every run. With one, each step advances by its share
    of the steps that the clock still allows, so that the schedule ends where the time does.
    """

    def __init__(self, planned_steps: int, ends_at: float | None, steps_after: float = 0.0) -> None:
        """ends_at: a reading of time.monotonic(), or None for no limit. steps_after: time to keep free, in steps."""
        self.planned_steps = planned_steps
        self.ends_at = ends_at
        self.steps_after = steps_after
        self.step = 0
        self.progress = 0.0
        self._ticks = 0
        self._first_tick: tuple[int, float] | None = None  # that a speed is reckoned from

    def tick(self, now: float) -> None:
        """One step is done; `now` is time.monotonic()."""
        self.step += 1
        self._ticks += 1
        left = self.steps_left(now)
        self.progress += (1 - self.progress) / (left + 1)
        if left == 0:
            self.progress = 1.0

    def steps_left(self, now: float) -> int:
        """Steps still to be done, at the speed seen so far when there is a time limit."""
        planned = self.planned_steps - self.step
        if self.ends_at is None or planned <= 0:
            return max(planned, 0)
        if now >= self.ends_at:
            return 0
        if self._ticks < _SLOW_STEPS:
            return planned
        if self._first_tick is None:
            self._first_tick = (self.step, now)
        steps, seconds = self.step - self._first_tick[0], now - self._first_tick[1]
        if steps < _ENOUGH_STEPS or not seconds:
            return planned
        allowed = (self.ends_at - now) * steps / seconds - self.steps_after
        return min(planned, max(int(allowed) + 1, 0))

    @property
    def midway(self) -> float:
        """Progress in the middle of the step to come, 0–1: where its learning rate is read off."""
        return self.progress + (1 - self.progress) / (2 * max(self.planned_steps - self.step, 1))

    @property
    def done(self) -> bool:
        """Whether the last step has been taken."""
        return self.progress >= 1.0
