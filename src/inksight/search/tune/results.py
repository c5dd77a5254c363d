"""What a search says: its best recipe, beside the base it began from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inksight.config import TrainConfig
from inksight.metrics.interval import wilson_interval
from inksight.search.tune.folder import BEST, TrialOutcome, best_of
from inksight.search.tune.plan import BASE, TunePlan
from inksight.search.tune.space import to_json

KINDS = ("finished", "stopped", "too slow", "failed")


@dataclass(frozen=True)
class Search:
    """A search folder, read. images: in the validation part. where: it ran, in words. ended: "finished", "time limit"
    or "interrupted". seconds: of this command."""

    path: Path
    plan: TunePlan
    about: Mapping[str, Any]
    outcomes: tuple[TrialOutcome, ...]
    images: int
    latencies_ms: Mapping[int, float]
    where: str = ""
    ended: str = "finished"
    seconds: float = 0.0

    def __repr__(self) -> str:
        return f"Search {self.path}: {len(self.outcomes):,} of {self.plan.trials:,} trials done, {self.ended}"

    @property
    def best(self) -> TrialOutcome | None:
        """The trial whose recipe is in the preset file."""
        slow = [number for number, ms in self.latencies_ms.items() if ms > (self.plan.latency_ms or ms)]
        return best_of(self.outcomes, slow)

    @property
    def base(self) -> TrialOutcome | None:
        """The trial of the base as it was."""
        return next((outcome for outcome in self.outcomes if outcome.number == BASE), None)

    @property
    def config(self) -> TrainConfig | None:
        """The best recipe, its seed the base's."""
        return None if self.best is None else self.plan.config(self.best.number, self.best.point)

    @property
    def preset_file(self) -> Path:
        """Where it is, as `TrainConfig.load` and `inksight train --config` take it."""
        return self.path / BEST

    @property
    def left_out(self) -> int:
        """Trials that were planned and not done."""
        return self.plan.trials - len(self.outcomes)

    def count(self, ended: str) -> int:
        """Of trials that ended so."""
        return sum(outcome.ended == ended for outcome in self.outcomes)

    def interval(self, outcome: TrialOutcome) -> tuple[float, float]:
        """95 % interval of an accuracy, for the choice of validation pictures alone."""
        return wilson_interval(round((outcome.accuracy or 0.0) * self.images), self.images)

    def found(self) -> dict[str, Any]:
        """What the preset file says of how its recipe was found."""
        assert self.best is not None
        best = self.row(self.best)
        return {
            "data": self.about["data"],
            "trial": best["number"],
            "trials": len(self.outcomes),
            "validation": {
                "accuracy": best["accuracy"],
                "interval95": best["interval95"],
                "base": None if self.base is None else self.base.accuracy,
                "images": self.images,
            },
            **{name: best[name] for name in ("seconds", "parameters", "multiply_adds", "latency_ms")},
            "latency_limit_ms": self.plan.latency_ms,
        }

    def to_dict(self) -> dict[str, Any]:
        """The whole of it in plain values."""
        return {
            "search": str(self.path),
            "preset_file": None if self.best is None else str(self.preset_file),
            "data": self.about["data"]["name"],
            "preset": self.plan.preset,
            "where": self.where,
            "ended": self.ended,
            "trials": {
                "planned": self.plan.trials,
                "left_out": self.left_out,
                **{kind.replace(" ", "_"): self.count(kind) for kind in KINDS},
            },
            "validation_images": self.images,
            "latency_limit_ms": self.plan.latency_ms,
            "seconds": round(self.seconds, 2),
            "space": to_json(self.plan.space),
            "best": self.best and self.row(self.best),
            "base": self.base and self.row(self.base),
            "config": None if self.config is None else self.config.to_dict(),
        }

    def row(self, outcome: TrialOutcome) -> dict[str, Any]:
        """One trial in plain values."""
        interval = list(self.interval(outcome)) if outcome.accuracy is not None else None
        latency_ms = self.latencies_ms.get(outcome.number, outcome.latency_ms)
        return {**asdict(outcome), "latency_ms": latency_ms, "interval95": interval}
