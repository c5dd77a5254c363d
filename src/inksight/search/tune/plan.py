"""What a search is: a base, a space around it, how many trials; and the config of each trial."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from inksight.config import IMPLIED, TrainConfig
from inksight.config import preset as preset_named
from inksight.errors import UsageError
from inksight.search.ablation.plan import LEAST_VALIDATION
from inksight.search.tune.space import Space, base_value, default_space, given_space
from inksight.training.objective import TAKEN, require_taken
from inksight.training.session import chosen

MOST_TRIALS = 100_000
BASE = 0  # the number of the trial that is the base as it is
Point = dict[str, Any]  # a value for each knob of the space


@dataclass(frozen=True)
class TunePlan:
    """What a search tries.

    base: as the preset and the flags have it; its seed is the search's. fixed: its fields that flags decided.
    latency_ms: most time that a picture may take.
    """

    preset: str
    base: TrainConfig
    space: Space
    trials: int
    latency_ms: float | None = None
    fixed: tuple[str, ...] = ()

    @property
    def validation(self) -> float:
        """Share of the training part that all trials are measured on."""
        return self.base.validation or LEAST_VALIDATION

    @property
    def base_point(self) -> Point | None:
        """Where the base lies in the space; None where it does not."""
        point = {name: base_value(self.base, name) for name in self.space}
        return point if all(value in self.space[name] for name, value in point.items()) else None

    def config(self, number: int, point: Mapping[str, Any]) -> TrainConfig:
        """A trial's recipe: the base with a point's values; what its optimizer does not have is left out."""
        if number == BASE:
            return self.base
        changes = {name: value for name, value in point.items() if value != base_value(self.base, name)}
        if changes:  # what they imply is for what nobody decided
            changes |= {name: getattr(self.base, name) for name in IMPLIED if name in self.fixed}
        return _without_strangers(chosen(self.base, changes), keep=())

    def seed(self, number: int) -> int:
        """Of a trial's training."""
        return (self.base.seed + number) % (_GREATEST_SEED + 1)


def _without_strangers(config: TrainConfig, keep: Container[str]) -> TrainConfig:
    """Without what its optimizer does not have."""
    left_out: dict[str, Any] = {
        name: None for name, table in TAKEN.items() if config.optimizer not in table and name not in keep
    }
    return replace(config, **left_out)


_GREATEST_SEED: int = next(item.metadata["high"] for item in fields(TrainConfig) if item.name == "seed")


def make_plan(
    preset: str, knobs: Mapping[str, Any] | None, choices: Mapping[str, Any], trials: int, latency_ms: float | None
) -> TunePlan:
    """Checks everything that can be checked without training.

    Args:
        knobs: as `given_space` takes them; None for the default space.
        choices: fields of the base that stay as they are given.
    Raises:
        UsageError: see `given_space`; too few or too many trials; a limit that nothing keeps.
    """
    base = _without_strangers(chosen(preset_named(preset), dict(choices)), keep=choices)
    require_taken(base)
    require_trials(trials)
    if latency_ms is not None and not 0 < latency_ms < float("inf"):
        raise UsageError(f"the latency limit is {latency_ms} ms; more than 0 was wanted, 0.5 for instance.")
    space = default_space(base, choices) if knobs is None else given_space(base, knobs, choices)
    return TunePlan(preset, base, space, trials, latency_ms, tuple(choices))


def require_trials(trials: int) -> None:
    """Raises UsageError for a number of trials that makes no search."""
    if not 1 <= trials <= MOST_TRIALS:
        raise UsageError(f"{trials} trials came; 1 to {MOST_TRIALS:,} were wanted, 50 for instance.")
