"""What an experiment says so far: each setting's figures, and for each knob's values the difference they make."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from inksight.search.ablation.effects import Judged, difference, judge
from inksight.search.ablation.folder import PAGE, Outcome
from inksight.search.ablation.plan import BASE, ExperimentPlan


@dataclass(frozen=True)
class SettingFigures:
    """One setting over its seeds. accuracies: by seed. sd: 0 for one seed. seconds: of the fastest training."""

    name: str
    changes: dict[str, Any]
    accuracies: dict[int, float]
    mean: float
    sd: float
    seconds: float
    slowest_s: float
    parameters: int
    multiply_adds: int
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Effect:
    """What one value of a knob does, beside the reference.

    judged: None as long as there is nothing to compare. seeds: those in `judged`. failed: trainings that failed.
    """

    knob: str
    value: Any
    reference: Any
    judged: Judged | None
    seeds: tuple[int, ...]
    failed: int = 0

    @property
    def verdict(self) -> str:
        """A word: that of `Judged`, or "failed", or "missing"."""
        if self.failed:
            return "failed"
        return self.judged.verdict if self.judged else "missing"

    @property
    def text(self) -> str:
        """The verdict as a plain sentence."""
        judged = self.judged
        if self.failed:
            return f"failed: {self.failed} training{'s' * (self.failed > 1)} did not end well"
        if judged is None:
            return "not trained yet"
        if judged.verdict == "same":
            return "no effect: not one picture is answered otherwise"
        low, high = judged.interval
        size = f"{points(judged.difference.value)} pt"
        if math.isfinite(low):
            size += f" ({points(low)} to {points(high)})"
        words = {"open": f"too few {judged.lacks} to say"}.get(judged.verdict, judged.verdict)
        return f"{words}: {size}"


@dataclass(frozen=True)
class _Comparison:
    """One question. table: as `difference` takes it, where there is one. error_rate: of the reference."""

    knob: str
    value: Any
    seeds: tuple[int, ...]
    failed: int
    table: np.ndarray | None = None
    error_rate: float = 0.0


@dataclass(frozen=True)
class Experiment:
    """An experiment folder, read. images: in the validation part. costs: by setting. ended: "finished", "time limit" or
    "interrupted". seconds: of this command."""

    path: Path
    plan: ExperimentPlan
    about: Mapping[str, Any]
    outcomes: tuple[Outcome, ...]
    images: int
    costs: Mapping[str, Mapping[str, int]]
    ended: str = "finished"
    seconds: float = 0.0

    def __repr__(self) -> str:
        done, planned = len(self.outcomes), len(self.plan.trials)
        return f"Experiment {self.path}: {done:,} of {planned:,} trainings done, {self.ended}"

    @property
    def page(self) -> Path:
        """The page for people."""
        return self.path / PAGE

    @property
    def left_out(self) -> int:
        """Trainings that were planned and not done."""
        return len(self.plan.trials) - len(self.outcomes)

    @cached_property
    def settings(self) -> tuple[SettingFigures, ...]:
        """In the plan's order, those that were not trained yet too."""
        return tuple(self._figures(setting.name, dict(setting.changes)) for setting in self.plan.settings)

    @cached_property
    def effects(self) -> tuple[Effect, ...]:
        """Knob by knob, value by value, without the references."""
        asked = [self._compared(knob, value) for knob, values in self.plan.knobs.items() for value in values[1:]]
        answered = [one for one in asked if one.table is not None]
        judged = iter(
            judge(
                [difference(one.table) for one in answered if one.table is not None],
                [one.error_rate for one in answered],
            )
        )
        return tuple(
            Effect(
                knob=one.knob,
                value=one.value,
                reference=self.plan.knobs[one.knob][0],
                judged=None if one.table is None else next(judged),
                seeds=one.seeds,
                failed=one.failed,
            )
            for one in asked
        )

    def accuracies(self, knob: str, value: Any) -> list[float]:
        """Of a value of a knob by seed; in a grid, the mean over the settings that have it."""
        names = [name for name, _ in self.plan.pairs(knob, value)]
        if not self.plan.grid and value == self.plan.knobs[knob][0]:
            names = [BASE]
        seeds = [seed for seed in self._seeds if all(self._is_there(name, seed) for name in names)]
        return [float(np.mean([self._by_trial[name, seed].accuracy for name in names])) for seed in seeds]

    def to_dict(self) -> dict[str, Any]:
        """The whole of it in plain values."""
        failed = sum(outcome.error is not None for outcome in self.outcomes)
        return {
            "experiment": str(self.path),
            "page": str(self.page),
            "data": self.about["data"]["name"],
            "preset": self.plan.preset,
            "ended": self.ended,
            "trials": {
                "planned": len(self.plan.trials),
                "done": len(self.outcomes) - failed,
                "failed": failed,
                "left_out": self.left_out,
            },
            "seeds": list(self._seeds),
            "validation_images": self.images,
            "seconds": round(self.seconds, 2),
            "notes": list(self.plan.notes),
            "settings": [_setting_row(each) for each in self.settings],
            "effects": [_effect_row(each) for each in self.effects],
        }

    def _figures(self, name: str, changes: dict[str, Any]) -> SettingFigures:
        all_of_it = [outcome for outcome in self.outcomes if outcome.setting == name]
        done = [outcome for outcome in all_of_it if outcome.error is None]
        accuracies = {outcome.seed: outcome.accuracy for outcome in sorted(done, key=lambda outcome: outcome.seed)}
        values = list(accuracies.values())
        return SettingFigures(
            name=name,
            changes=changes,
            accuracies=accuracies,
            mean=float(np.mean(values)) if values else math.nan,
            sd=float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
            seconds=min((outcome.seconds for outcome in done), default=math.nan),
            slowest_s=max((outcome.seconds for outcome in done), default=math.nan),
            parameters=self.costs[name]["parameters"],
            multiply_adds=self.costs[name]["multiply_adds"],
            errors=tuple(dict.fromkeys(outcome.error for outcome in all_of_it if outcome.error is not None)),
        )

    @cached_property
    def _by_trial(self) -> dict[tuple[str, int], Outcome]:
        return {(outcome.setting, outcome.seed): outcome for outcome in self.outcomes}

    def _compared(self, knob: str, value: Any) -> _Comparison:
        """What there is to compare; in a grid, the mean over all combinations of the other knobs."""
        pairs = self.plan.pairs(knob, value)
        names = {name for pair in pairs for name in pair}
        failed = sum(outcome.error is not None and outcome.setting in names for outcome in self.outcomes)
        seeds = tuple(seed for seed in self._seeds if all(self._is_there(name, seed) for name in names))
        if failed or not seeds:
            return _Comparison(knob, value, seeds, failed)
        table = np.array([sum(self._right(a, seed) - self._right(b, seed) for a, b in pairs) for seed in seeds])
        right = np.mean([self._right(b, seed).mean() for _, b in pairs for seed in seeds])
        return _Comparison(knob, value, seeds, 0, table / len(pairs), 1 - float(right))

    @property
    def _seeds(self) -> range:
        return range(self.plan.base.seed, self.plan.base.seed + self.plan.seeds)

    def _is_there(self, name: str, seed: int) -> bool:
        outcome = self._by_trial.get((name, seed))
        return outcome is not None and outcome.error is None

    def _right(self, name: str, seed: int) -> np.ndarray:
        """Which validation pictures were answered rightly: float (images,), 0 or 1."""
        right = np.ones(self.images)
        right[list(self._by_trial[name, seed].wrong)] = 0
        return right


def points(rate: float) -> str:
    """A difference of rates in percent points: 0.0021 -> "+0.21"."""
    text = f"{100 * rate:+.2f}".replace("-", "−")
    return "0.00" if text in ("+0.00", "−0.00") else text


def _setting_row(figures: SettingFigures) -> dict[str, Any]:
    """One setting in plain values; what was not measured is null."""
    row = {"setting": figures.name, **asdict(figures), "seeds": list(figures.accuracies)}
    row["accuracies"] = list(figures.accuracies.values())
    del row["name"]
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}


def _effect_row(effect: Effect) -> dict[str, Any]:
    """One effect in plain values; what was not measured is null."""
    judged = effect.judged
    bounded = judged is not None and math.isfinite(judged.interval[0])
    return {
        "knob": effect.knob,
        "value": effect.value,
        "reference": effect.reference,
        "seeds": list(effect.seeds),
        "difference": judged.difference.value if judged else None,
        "interval95": list(judged.interval) if judged and bounded else None,
        "p": judged.p if judged and bounded else None,
        "p_adjusted": judged.p_adjusted if judged and bounded else None,
        "verdict": effect.verdict,
        "text": effect.text,
    }
