"""A search, end to end: data -> trials, each kept as it ends -> the best recipe as a preset file."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inksight.cluster import connected
from inksight.data.dataset import Dataset
from inksight.errors import EngineError, UsageError
from inksight.models import engine
from inksight.runs import write_json
from inksight.search.ablation.folder import about
from inksight.search.tune import folder as folders
from inksight.search.tune.conduct import Conduct, EnoughError, TuneCallback
from inksight.search.tune.folder import TuneFolder
from inksight.search.tune.plan import TunePlan, make_plan, require_trials
from inksight.search.tune.results import Search
from inksight.search.tune.trial import latency_ms
from inksight.training.session import build_model, deadline, load_checked, require_time_limit
from inksight.utils.atomic import whole_file
from inksight.utils.signals import interruptible

TRIALS = 50
_RESERVE_S = 4.0  # for Ray to end, under a time limit


def tune(
    data: str | Path | Dataset | None = None,
    preset: str | None = None,
    *,
    trials: int | None = None,
    knobs: Mapping[str, Any] | None = None,
    latency_limit_ms: float | None = None,
    parallel: int | None = None,
    ray_address: str | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    time_limit_s: float | None = None,
    size_px: int | None = None,
    preprocessing: str | None = None,
    callback: TuneCallback | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    started: float | None = None,
    **choices: Any,
) -> Search:
    """Searches for a recipe that is better than a preset's, on one machine or on a cluster.

    Everything is measured on the validation part; the test part is not looked at, and does not travel. What ended is
    kept as it ends, and the same call with the same `out`, or with `resume`, goes on from there.

    Args:
        data: a data set, its name, or a path; default mnist, or what the resumed search had.
        preset: a key of PRESETS, the base; the first trial is the base itself. Default quick.
        trials: how many in all, those that were stopped early or failed too; default 50.
        knobs: a range, "0.001..0.03" or (0.001, 0.03), or values, "a,b" or ["a", "b"], by field of TrainConfig;
            default the tutorial's knobs and the recipe's.
        latency_limit_ms: most milliseconds that ONNX Runtime may take for a picture, on one thread.
        parallel: trials at once; default one for each CPU.
        ray_address: as for `inksight.Workers`.
        out: the folder; default `tunes/<data>-<preset>-<number>`.
        resume: a folder to go on with, whose plan stands; `trials` may add to it.
        time_limit_s: seconds, from `started`, in which all is to be done; trials under way then are given up.
        size_px, preprocessing: as for `train`.
        callback: shown each trial. progress: shown the loading of a data set.
        started: a reading of time.monotonic(); default now.
        choices: fields of TrainConfig that all trials share; they are not searched. seed decides the whole search.
    Raises:
        InksightError: one of its kinds. A trial that fails is no error, but one of the results.
    """
    started = time.monotonic() if started is None else started
    require_time_limit(time_limit_s)
    if parallel is not None and parallel < 1:
        raise UsageError(f"{parallel} trials at once came; at least 1 was wanted.")
    decided = {"preset": preset, "knobs": knobs, "latency": latency_limit_ms, "out": out, "size_px": size_px}
    decided |= {"preprocessing": preprocessing, **choices}
    if resume is None:
        plan = make_plan(preset or "quick", knobs, choices, TRIALS if trials is None else trials, latency_limit_ms)
        order = _Order(data or "mnist", plan, None if out is None else Path(out), size_px, preprocessing)
    elif given := [name for name, value in decided.items() if value is not None]:
        raise UsageError(f"the search in {resume} has decided its {', '.join(given)}; leave them out to go on.")
    else:
        order = _Order.resumed(data, Path(resume), trials)
    backend = engine.prepare(order.plan.base.backend, order.plan.base.device)
    whole = load_checked(order.data, order.size_px, order.preprocessing, order.plan.base, progress)
    dataset = whole.held_out(order.plan.validation, order.plan.base.seed)
    if dataset.validation is None:
        raise UsageError(
            f"{whole.name} is too small to hold out {order.plan.validation:g} of it. Give more --validation."
        )
    facts = about(whole, backend)
    dataset = replace(dataset, test=dataset.validation)  # nobody here is to look at the test pictures
    del whole
    with folders.held(order.out, order.plan, facts, resume is not None) as folder:
        manner = _Manner(
            parallel, ray_address, deadline(started, time_limit_s, _RESERVE_S, 0.8), callback or TuneCallback(), started
        )
        return _Job(folder, dataset, manner).run()


@dataclass(frozen=True)
class _Order:
    """What was asked for, before the data is there."""

    data: str | Path | Dataset
    plan: TunePlan
    out: Path | None
    size_px: int | None
    preprocessing: str | None

    @classmethod
    def resumed(cls, data: str | Path | Dataset | None, path: Path, trials: int | None) -> _Order:
        """A search that goes on."""
        there = folders.open_folder(path)
        data = data or there.about["data"]["source"]
        if not data:
            raise UsageError(f"{path} was made of arrays out of a program; give them again as data.")
        plan = replace(there.plan, trials=max(trials or 0, there.plan.trials))
        require_trials(plan.trials)
        return cls(data, plan, path, there.about["size_px"], there.about["preprocessing"])


@dataclass(frozen=True)
class _Manner:
    """How this command carries the search on; another one may do it otherwise. Fields as for `tune`."""

    parallel: int | None
    ray_address: str | None
    ends_at: float | None
    callback: TuneCallback
    started: float


class _Job:
    """A search while it is carried on."""

    def __init__(self, folder: TuneFolder, dataset: Dataset, manner: _Manner) -> None:
        self._folder, self._dataset, self._manner = folder, dataset, manner
        self._where = ""
        self._ended = "finished"
        self._interrupted = False

    def run(self) -> Search:
        """Does the trials that are left, writes the best recipe, and gives the results."""
        if self._seen().left_out and self._is_enough():
            self._ended = "time limit"
        elif self._seen().left_out:
            with interruptible(self._interrupt), connected(self._manner.ray_address) as cluster:
                self._where = cluster.where
                if self._folder.plan.base.device == "gpu" and not cluster.gpus:
                    raise EngineError(f"a GPU was wanted, and there is none on {cluster.where}. Leave --device out.")
                self._search()
        if self._folder.plan.latency_ms is not None and self._ended != "interrupted":
            self._time_the_best(self._folder.plan.latency_ms)
        self._keep_best()
        return self._seen()

    def _search(self) -> None:
        """Lets Ray do what is left."""
        self._manner.callback.begun(self._seen())
        conduct = Conduct(
            self._folder, self._dataset, self._at_once, self._is_enough, self._manner.callback, self._keep_best
        )
        try:
            conduct.run()
        except EnoughError:
            self._ended = "interrupted" if self._interrupted else "time limit"

    def _time_the_best(self, limit_ms: float) -> None:
        """Measures the best trial's network again now that nothing runs beside; where it is too slow, the next one."""
        known = self._folder.latencies_ms()
        by_network: dict[Any, float] = {}
        while (best := self._seen().best) is not None and best.number not in known:
            config = self._folder.plan.config(best.number, best.point)
            network = (config.net, config.members, *sorted(config.knobs.items()))
            if network not in by_network:
                engine.prepare(self._folder.about["backend"])
                engine.load_keras()
                by_network[network] = latency_ms(build_model(self._dataset, config))
            known[best.number] = by_network[network]
            self._folder.keep_latencies(known)

    def _at_once(self) -> int:
        """How many trials may run now: nodes may come and go."""
        import ray

        return self._manner.parallel or max(1, int(ray.cluster_resources().get("CPU", 1)))

    def _is_enough(self) -> bool:
        ends_at = self._manner.ends_at
        return self._interrupted or (ends_at is not None and time.monotonic() > ends_at)

    def _interrupt(self) -> None:
        self._interrupted = True
        self._manner.callback.stopping()

    def _keep_best(self) -> None:
        """Writes the preset file, where there is a best trial."""
        seen = self._seen()
        if seen.config is not None:
            with whole_file(seen.preset_file) as file:
                write_json(file, seen.config.to_file(seen.plan.preset, seen.found()))

    def _seen(self) -> Search:
        """The results so far."""
        assert self._dataset.validation is not None
        return Search(
            path=self._folder.path,
            plan=self._folder.plan,
            about=self._folder.about,
            outcomes=tuple(self._folder.outcomes()),
            images=len(self._dataset.validation),
            latencies_ms=self._folder.latencies_ms(),
            where=self._where,
            ended=self._ended,
            seconds=time.monotonic() - self._manner.started,
        )
