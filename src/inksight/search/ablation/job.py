"""An experiment, end to end: plan -> trainings, each kept as it ends -> what is real, and the page."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from inksight.config import TrainConfig
from inksight.config import preset as preset_named
from inksight.data.dataset import Dataset
from inksight.errors import UsageError
from inksight.models import engine
from inksight.runs import write_json
from inksight.search.ablation import folder as folders
from inksight.search.ablation.folder import ExperimentFolder, Outcome
from inksight.search.ablation.plan import ExperimentPlan, Setting, invitation, make_plan, require_seeds
from inksight.search.ablation.results import Experiment
from inksight.search.ablation.trial import OutOfTimeError, costs, run_trial
from inksight.training.device import resolve_device
from inksight.training.session import chosen, deadline, load_checked, require_time_limit
from inksight.utils.atomic import whole_file
from inksight.utils.signals import interruptible

_RESERVE_S = 4.0  # for the page, under a time limit
_SLACK = 1.1  # no training takes exactly as long as the one before it


class ExperimentCallback:
    """The base class of callbacks of an experiment; every method does nothing."""

    def begun(self, experiment: Experiment) -> None:
        """Called before the first training of this command."""

    def starting(self, setting: str, seed: int) -> None:
        """Called before each training."""

    def ended(self, outcome: Outcome, experiment: Experiment) -> None:
        """Called after each training."""

    def stopping(self) -> None:
        """Called on Ctrl-C."""


def experiment(
    data: str | Path | Dataset | None = None,
    preset: str | None = None,
    *,
    knobs: Mapping[str, Any] | None = None,
    grid: bool = False,
    seeds: int | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    time_limit_s: float | None = None,
    size_px: int | None = None,
    preprocessing: str | None = None,
    callback: ExperimentCallback | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    started: float | None = None,
    **choices: Any,
) -> Experiment:
    """Turns one knob after the other around a base, with several seeds, and says which differences are real.

    Everything is measured on the validation part; the test part is not looked at. What was trained is kept in the
    folder as it ends, and the same call with the same `out`, or with `resume`, goes on from there.

    Args:
        data: a data set, its name, or a path; default mnist, or what the resumed experiment had.
        preset: a key of PRESETS, the base of `choices`; default quick.
        knobs: a value or several by field of TrainConfig; default the tutorial's: kernel and pool size, activation,
            dropout, dense units, optimizer, loss, epochs.
        grid: every combination, instead of one knob at a time.
        seeds: trainings of each setting, with the base's seed and those after it; default 3.
        out: the folder; default `experiments/<data>-<preset>-<number>`.
        resume: a folder to go on with, whose plan stands; `seeds` may add to it.
        time_limit_s: seconds, from `started`, in which all is to be done; what does not fit is left for the next call.
        size_px, preprocessing: as for `train`.
        callback: shown each training. progress: shown the loading of a data set.
        started: a reading of time.monotonic(); default now.
        choices: fields of TrainConfig for all settings, seed and backend among them.
    Raises:
        InksightError: one of its kinds. A training that fails is no error, but one of the results.
    """
    started = time.monotonic() if started is None else started
    require_time_limit(time_limit_s)
    ends_at = deadline(started, time_limit_s, _RESERVE_S)
    decided = {"preset": preset, "knobs": knobs, "grid": grid or None, "out": out, "size_px": size_px}
    decided |= {"preprocessing": preprocessing, **choices}
    if resume is None:
        order = _Order.new(data or "mnist", preset or "quick", knobs, grid, seeds, choices)
        order = replace(order, size_px=size_px, preprocessing=preprocessing, out=Path(out) if out is not None else None)
    elif given := [name for name, value in decided.items() if value is not None]:
        raise UsageError(f"the experiment in {resume} has decided its {', '.join(given)}; leave them out to go on.")
    else:
        order = _Order.resumed(data, Path(resume), seeds)
    backend = engine.prepare(order.base.backend, order.base.device)
    whole = order.load(progress)
    engine.load_keras()
    resolve_device(order.base, backend)  # a GPU that is not there would fail every training
    plan = order.plan(len(whole.train))
    dataset = whole.held_out(plan.base.validation, plan.base.seed)
    if dataset.validation is None:
        raise UsageError(
            f"{whole.name} is too small to hold out {plan.base.validation:g} of it. Give more --validation."
        )
    conduct = _Conduct(plan, dataset, folders.about(whole, backend), ends_at, callback, started)
    del whole  # the held-out set is a copy of most of it
    return conduct.run(order.out, resume is not None)


@dataclass(frozen=True)
class _Order:
    """What was asked for, before the data is there. plan: made of the number of training images."""

    data: str | Path | Dataset
    base: TrainConfig
    plan: Callable[[int], ExperimentPlan]
    out: Path | None = None
    size_px: int | None = None
    preprocessing: str | None = None

    @classmethod
    def new(
        cls,
        data: str | Path | Dataset,
        preset: str,
        knobs: Mapping[str, Any] | None,
        grid: bool,
        seeds: int | None,
        choices: Mapping[str, Any],
    ) -> _Order:
        """A new experiment; what can be refused is refused here."""
        base = chosen(preset_named(preset), dict(choices))
        make = partial(make_plan, preset, base, choices=choices, grid=grid, seeds=3 if seeds is None else seeds)
        if knobs:
            plan = make(knobs)
            return cls(data, base, lambda images: plan)
        return cls(data, base, lambda images: make(invitation(base, images)))

    @classmethod
    def resumed(cls, data: str | Path | Dataset | None, path: Path, seeds: int | None) -> _Order:
        """An experiment that goes on."""
        there = folders.open_folder(path)
        data = data or there.about["data"]["source"]
        if not data:
            raise UsageError(f"{path} was made of arrays out of a program; give them again as data.")
        plan = replace(there.plan, seeds=max(seeds or 0, there.plan.seeds))
        require_seeds(plan.base.seed, plan.seeds)
        facts = there.about
        return cls(data, plan.base, lambda images: plan, path, facts["size_px"], facts["preprocessing"])

    def load(self, progress: Callable[[int, int, str], None] | None) -> Dataset:
        """The data set, checked."""
        return load_checked(self.data, self.size_px, self.preprocessing, self.base, progress)


class _Conduct:
    """An experiment while it runs."""

    def __init__(
        self,
        plan: ExperimentPlan,
        dataset: Dataset,
        facts: dict[str, Any],
        ends_at: float | None,
        callback: ExperimentCallback | None,
        started: float,
    ) -> None:
        self._plan, self._dataset, self._facts = plan, dataset, facts
        self._ends_at, self._callback, self._started = ends_at, callback or ExperimentCallback(), started
        self._costs = costs(dataset, plan.settings)
        self._interrupted = False
        self._ended = "finished"

    def run(self, out: Path | None, resumed: bool) -> Experiment:
        """Trains what is missing, writes the page, and gives the results."""
        with folders.held(out, self._plan, self._facts, resumed) as folder:
            self._plan = folder.plan
            folder.lines.cut_torn()
            self._callback.begun(self._seen(folder))
            with interruptible(self._interrupt):
                for setting, seed in self._missing(folder):
                    if not self._go_on(folder, setting):
                        break
                    self._callback.starting(setting.name, seed)
                    if not self._train(folder, setting, seed):
                        break
                return self._told(folder)

    def _missing(self, folder: ExperimentFolder) -> list[tuple[Setting, int]]:
        """Trials that are still to be done."""
        done = {(outcome.setting, outcome.seed) for outcome in folder.outcomes()}
        return [(setting, seed) for setting, seed in self._plan.trials if (setting.name, seed) not in done]

    def _go_on(self, folder: ExperimentFolder, setting: Setting) -> bool:
        """Whether to start one more training; says why not."""
        if self._interrupted:
            self._ended = "interrupted"
        elif self._ends_at is not None:
            expected = _SLACK * expected_s(self._plan, folder.outcomes(), setting)
            if time.monotonic() + expected > self._ends_at:
                self._ended = "time limit"
        return self._ended == "finished"

    def _train(self, folder: ExperimentFolder, setting: Setting, seed: int) -> bool:
        """Does one trial and keeps what came of it; False where it was cut short."""
        config = replace(setting.config, seed=seed)
        try:
            outcome = run_trial(self._dataset, setting.name, config, self._facts["backend"], self._ends_at)
        except OutOfTimeError:
            self._ended = "time limit"
            return False
        if outcome is None:
            self._interrupt()
            self._ended = "interrupted"
            return False
        folder.add(outcome)
        self._callback.ended(outcome, self._seen(folder))
        return True

    def _interrupt(self) -> None:
        """Ends the experiment before the next training."""
        if not self._interrupted:
            self._interrupted = True
            self._callback.stopping()

    def _seen(self, folder: ExperimentFolder) -> Experiment:
        """The results so far."""
        assert self._dataset.validation is not None
        return Experiment(
            path=folder.path,
            plan=self._plan,
            about=folder.about,
            outcomes=tuple(folder.outcomes()),
            images=len(self._dataset.validation),
            costs=self._costs,
            ended=self._ended,
            seconds=time.monotonic() - self._started,
        )

    def _told(self, folder: ExperimentFolder) -> Experiment:
        """Writes the results and the page."""
        from inksight.search.ablation.page import page

        seen = self._seen(folder)
        with whole_file(folder.path / folders.EFFECTS) as file:
            write_json(file, seen.to_dict())
        with whole_file(seen.page) as file:
            file.write_text(page(seen), encoding="utf-8")
        return replace(seen, seconds=time.monotonic() - self._started)


def expected_s(plan: ExperimentPlan, outcomes: Sequence[Outcome], setting: Setting) -> float:
    """Seconds that a training of `setting` will take: as long as its last, else as the slowest so far for its epochs.

    0 where nothing is known yet.
    """
    own = [outcome.seconds for outcome in outcomes if outcome.setting == setting.name and outcome.error is None]
    if own:
        return own[-1]
    epochs = {each.name: each.config.epochs for each in plan.settings}
    done = [outcome for outcome in outcomes if outcome.error is None and outcome.setting in epochs]
    return setting.config.epochs * max((o.seconds / epochs[o.setting] for o in done), default=0.0)
