"""Optuna's sampler behind two questions: what to try next, and what it should make of what came out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from inksight.search.tune.folder import TrialOutcome
from inksight.search.tune.plan import BASE, Point, TunePlan
from inksight.search.tune.space import Choice

_SAMPLER = 5  # beside the seeds of a training's own draws
_DIGITS = 4
_LEAST_BLIND, _MOST_BLIND = 3, 10  # trials by chance alone, before what was seen counts


class Sampler:
    """A study in memory. Which point a number gets follows from the plan's seed, the number, and what is known then."""

    def __init__(self, plan: TunePlan, outcomes: Iterable[TrialOutcome]) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._plan = plan
        self._distributions = {name: _distribution(one) for name, one in plan.space.items()}
        self._study = optuna.create_study(direction="maximize")
        self._asked: dict[int, Any] = {}
        for outcome in outcomes:
            self.tell(outcome)

    def ask(self, number: int) -> Point:
        """Where to try next."""
        from optuna.samplers import TPESampler

        draw = int(np.random.default_rng([self._plan.base.seed, _SAMPLER, number]).integers(2**31))
        blind = min(_MOST_BLIND, max(_LEAST_BLIND, self._plan.trials // 4))
        self._study.sampler = TPESampler(seed=draw, n_startup_trials=blind, multivariate=True, constant_liar=True)
        trial = self._asked[number] = self._study.ask(self._distributions)
        return {name: self._rounded(name, value) for name, value in trial.params.items()}

    def tell(self, outcome: TrialOutcome) -> None:
        """Takes what came of a trial, of one that was asked for or of an earlier process.

        Best are finished trials by their accuracy; then those that were stopped, the later the better; then those that
        were too slow, the faster the better; then those that failed.
        """
        from optuna.trial import TrialState, create_trial

        steps = dict(outcome.looks)
        if outcome.ended == "too slow" and outcome.latency_ms is not None:
            steps = {0: -outcome.latency_ms}
        asked = self._asked.pop(outcome.number, None)
        finished = outcome.ended == "finished"
        state, value = (TrialState.COMPLETE, outcome.accuracy) if finished else (TrialState.PRUNED, None)
        if asked is not None:
            for step, seen in steps.items():
                asked.report(seen, int(step))
            self._study.tell(asked, value, state)
            return
        point = self._plan.base_point if outcome.number == BASE else outcome.point
        if point is not None:
            self._study.add_trial(
                create_trial(
                    state=state,
                    value=value,
                    params=point,
                    distributions=self._distributions,
                    intermediate_values={int(step): seen for step, seen in steps.items()},
                )
            )

    def _rounded(self, name: str, value: Any) -> Any:
        """As a person would write it."""
        one = self._plan.space[name]
        if isinstance(one, Choice) or not isinstance(value, float):
            return value
        return min(max(float(f"{value:.{_DIGITS}g}"), one.low), one.high)


def _distribution(one: Any) -> Any:
    """Optuna's word for it."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(one, Choice):
        return CategoricalDistribution(one.values)
    kind = IntDistribution if one.whole else FloatDistribution
    return kind(one.low, one.high, log=one.log)
