"""A search while it runs: Ray Tune starts the trials and tells what they say, ASHA stops some, all of it is kept."""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from inksight.data.dataset import Dataset
from inksight.search.tune.folder import TrialOutcome, TuneFolder, best_of
from inksight.search.tune.plan import BASE, Point, TunePlan
from inksight.search.tune.results import Search
from inksight.search.tune.sampler import Sampler
from inksight.search.tune.trial import HALVING, LOOKS, run_trial

ATTEMPTS = 3  # of a trial whose process dies, before that is what came of it
_TEXT = 500
_ENVIRONMENT = {
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is ours
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_GLOBAL_CHECKPOINT_S": "86400",  # our own folder is what a search goes on from
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "86400",
}


@dataclass
class Running:
    """A trial under way. looks: accuracy by share. node, pid: where it was at its last look."""

    number: int
    point: Point
    started: float
    looks: dict[float, float] = field(default_factory=dict)
    attempts: int = 1
    node: str = ""
    pid: int = 0


class TuneCallback:
    """The base class of callbacks of a search; every method does nothing."""

    def begun(self, search: Search) -> None:
        """Called before the first trial of this command."""

    def changed(self, running: Iterable[Running], outcomes: Sequence[TrialOutcome]) -> None:
        """Called when a trial begins, reports an accuracy or ends; `outcomes` holds all that have ended."""

    def ended(self, outcome: TrialOutcome, count: int) -> None:
        """Called after each trial, number `count` of those that have ended."""

    def stopping(self) -> None:
        """Called on Ctrl-C."""


class EnoughError(BaseException):
    """Time is up, somebody pressed Ctrl-C, or something is wrong here: trials under way are given up.

    Ray Tune lets it pass; of any other error it would make its own.
    """


class Conduct:
    """What goes out and comes back. All of it runs in the driver's one thread."""

    def __init__(
        self,
        folder: TuneFolder,
        dataset: Dataset,
        parallel: Callable[[], int],
        enough: Callable[[], bool],
        callback: TuneCallback,
        better: Callable[[], None],
    ) -> None:
        """parallel: how many trials at once. enough: whether to end. better: called with each new best trial."""
        self.folder, self.plan, self.dataset = folder, folder.plan, dataset
        self.outcomes = folder.outcomes()
        self._parallel, self._enough, self._callback, self._better = parallel, enough, callback, better
        self._sampler = Sampler(self.plan, self.outcomes)
        self._running: dict[str, Running] = {}
        done = {outcome.number for outcome in self.outcomes}
        for number in done:
            folder.running.pop(number, None)
        begun = sorted(folder.running)
        rest = [number for number in range(self.plan.trials) if number not in done and number not in folder.running]
        self._todo = [*begun, *rest]
        self._attempts: dict[int, int] = {}  # of those whose process died

    def run(self) -> None:
        """Does all trials that are left; at least one must be.

        Raises:
            EnoughError: see there.
        """
        from ray import tune
        from ray.tune.schedulers import ASHAScheduler

        scheduler = ASHAScheduler(
            "share", metric="accuracy", mode="max", max_t=100, grace_period=LOOKS[0], reduction_factor=HALVING
        )
        for outcome in self.outcomes:
            _remind(scheduler, outcome)
        searcher, callback = _adapters(self)
        trial = tune.with_parameters(_trainable, plan=self.plan, about=self.folder.about, data=self.dataset)
        with _quiet(), self._faults():
            tune.Tuner(
                tune.with_resources(trial, {"cpu": 1}),
                tune_config=tune.TuneConfig(
                    search_alg=searcher,
                    scheduler=scheduler,
                    num_samples=len(self._todo) * ATTEMPTS,  # at most: `ask` says when all is done
                    reuse_actors=True,
                ),
                run_config=tune.RunConfig(
                    name=self.folder.ray.name,
                    storage_path=str(self.folder.path.resolve()),
                    verbose=0,
                    callbacks=[callback],
                ),
            ).fit()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Raises what went wrong here as it is."""
        try:
            yield
        except EnoughError as enough:
            if enough.__cause__ is not None:
                raise enough.__cause__ from None
            raise

    def ask(self, name: str) -> dict[str, Any] | str | None:
        """The next trial, called `name` by Ray; None as long as there are enough, "FINISHED" when all are done."""
        if not self._todo and not self._running:
            return "FINISHED"
        if not self._todo or len(self._running) >= self._parallel():
            return None
        number = self._todo.pop(0)
        known = {} if number == BASE else self.folder.running.get(number)
        point: Point = self._sampler.ask(number) if known is None else known
        self.folder.begin(number, point)
        self._running[name] = Running(number, point, time.monotonic(), attempts=self._attempts.get(number, 0) + 1)
        self._changed()
        return {"number": number, "point": point}

    def heard(self, name: str, result: dict[str, Any]) -> None:
        """A trial was looked at."""
        running = self._running[name]
        running.node, running.pid = result["node_ip"], result["pid"]
        if "ended" not in result:
            running.looks[result["share"]] = result["accuracy"]
            self._changed()

    def died(self, name: str, text: str) -> None:
        """A trial's process died, or never came to life: the trial is the next to be done, a few times."""
        running = self._running[name]
        if running.attempts < ATTEMPTS:
            self._attempts[running.number] = running.attempts
            self._todo.insert(0, running.number)
            del self._running[name]
            self._changed()
        else:
            self._end(name, {"ended": "failed", "error": f"its process died {ATTEMPTS} times: {text}"[:_TEXT]})

    def ended(self, name: str, result: dict[str, Any]) -> None:
        """A trial ended, or was stopped."""
        self._end(name, {"ended": "stopped", **result})

    def require_more(self) -> None:
        """Raises EnoughError where the search is to end."""
        if self._enough():
            raise EnoughError

    def _end(self, name: str, result: dict[str, Any]) -> None:
        running = self._running.pop(name)
        measured = result["ended"] in ("finished", "stopped")
        outcome = TrialOutcome(
            number=running.number,
            point=running.point,
            ended=result["ended"],
            seconds=result.get("seconds", round(time.monotonic() - running.started, 3)),
            accuracy=result["accuracy"] if measured else None,
            share=result.get("share", 0.0),
            looks=tuple(sorted(running.looks.items())),
            parameters=result.get("parameters", 0),
            multiply_adds=result.get("multiply_adds", 0),
            latency_ms=result.get("latency_ms"),
            node=running.node,
            attempts=running.attempts,
            error=result.get("error"),
        )
        self.folder.end(outcome)
        before = best_of(self.outcomes)
        self.outcomes.append(outcome)
        self._sampler.tell(outcome)
        if best_of(self.outcomes) != before:
            self._better()
        self._callback.ended(outcome, len(self.outcomes))
        self._changed()

    def _changed(self) -> None:
        self._callback.changed(self._running.values(), self.outcomes)


def _trainable(config: dict[str, Any], plan: TunePlan, about: dict[str, Any], data: Dataset) -> None:
    """What Ray Tune runs in a worker."""
    from ray import tune

    number = config["number"]
    made = replace(plan.config(number, config["point"]), seed=plan.seed(number), backend=about["backend"])
    run_trial(data, made, about["backend"], plan.latency_ms, tune.report)


def _adapters(conduct: Conduct) -> tuple[Any, Any]:
    """Ray Tune's two views of a Conduct: a Searcher and a Callback. Of neither it is to write anything to its files."""
    from ray.tune import Callback
    from ray.tune.search import Searcher

    class Asked(Searcher):  # type: ignore[misc]  # made here: Ray is imported late
        def __reduce__(self) -> Any:
            return object, ()

        @_let_through
        def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
            return conduct.ask(trial_id)

        @_let_through
        def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
            if not error:  # Told knows more of it
                conduct.ended(trial_id, result)

        def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
            """Nothing: our own folder holds it all."""

    class Told(Callback):  # type: ignore[misc]
        def __reduce__(self) -> Any:
            return object, ()

        @_let_through
        def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: Any, **more: Any) -> None:
            conduct.heard(trial.trial_id, result)

        @_let_through
        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **more: Any) -> None:
            conduct.died(trial.trial_id, " ".join(str(trial.get_error()).split()))

        @_let_through
        def on_step_end(self, iteration: int, trials: Any, **more: Any) -> None:
            conduct.require_more()

    return Asked("accuracy", "max"), Told()


def _let_through(told: Callable[..., Any]) -> Callable[..., Any]:
    """Whatever goes wrong in it ends the search as it is, and not as an error of Ray Tune's."""

    @functools.wraps(told)
    def guarded(*arguments: Any, **more: Any) -> Any:
        try:
            return told(*arguments, **more)
        except Exception as error:
            raise EnoughError from error

    return guarded


def _remind(scheduler: Any, outcome: TrialOutcome) -> None:
    """Lets ASHA know what an earlier process saw."""
    trial = SimpleNamespace(trial_id=f"earlier-{outcome.number}")
    scheduler.on_trial_add(None, trial)
    for share, accuracy in outcome.looks:
        scheduler.on_trial_result(None, trial, {"share": share, "accuracy": accuracy})
    scheduler.on_trial_remove(None, trial)


@contextmanager
def _quiet() -> Iterator[None]:
    """Ray Tune prints nothing, and leaves Ctrl-C alone."""
    os.environ |= {name: os.environ.get(name, value) for name, value in _ENVIRONMENT.items()}
    logger = logging.getLogger("ray.tune")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
