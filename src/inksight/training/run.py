"""The main job, end to end: data -> fit -> export -> proof -> test -> run folder."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inksight import data as data_room
from inksight import runs
from inksight.config import PRESETS, TrainConfig
from inksight.config import preset as preset_named
from inksight.data.dataset import Dataset
from inksight.data.registry import KnownSet
from inksight.errors import UsageError
from inksight.models import engine
from inksight.tracking.session import TrackingSession
from inksight.tracking.table import require_tracker
from inksight.training.checkpoint_dir import CheckpointDir, claim
from inksight.training.device import anywhere, resolve_device
from inksight.training.finalize import Trained, finish
from inksight.training.provenance import provenance
from inksight.training.session import chosen, deadline, load_checked, prepare, require_time_limit
from inksight.utils import notebook
from inksight.utils.timing import Clock

if TYPE_CHECKING:
    from inksight.callbacks import Callback
    from inksight.models.table import LayerRow
    from inksight.training.workers import Workers

# What is still to do after the last step whatever the data: export, proof, figures. Kept free under a time limit.
_RESERVE_S = 2.5
_LATE_IMPORTS = ("onnx", "onnxruntime", "matplotlib.figure", "matplotlib.backends.backend_agg")


def train(
    data: str | Path | Dataset = "mnist",
    preset: str = "quick",
    *,
    config: TrainConfig | str | Path | None = None,
    out: str | Path | None = None,
    time_limit_s: float | None = None,
    size_px: int | None = None,
    preprocessing: str | None = None,
    on: Workers | None = None,
    track: str | None = None,
    callback: Callback | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    started: float | None = None,
    **choices: Any,
) -> runs.Run:
    """Trains, tests and saves a classifier.

    Args:
        data: a data set, its name, or a path.
        preset: a key of PRESETS, the base of `choices`.
        config: a whole TrainConfig instead of a preset, or a preset file; the run is called after the file.
        out: the run folder to make; default `runs/<data>-<preset>-<number>`.
        time_limit_s: seconds, from `started`, in which all is to be done; the schedule is fitted to it.
        size_px: the side pictures are brought to; default 28.
        preprocessing: how foreign pictures become inputs, "digits" or "resize"; default: as the data set says.
        on: workers that train together, `inksight.Workers(4)`; default this process.
        track: "mlflow", "tensorboard" or "wandb": told of the training while it runs, and given the run. One that does
            not answer stops nothing.
        callback: shown each step and epoch. progress: shown the loading of a data set. In a notebook's kernel a bar
            under the cell shows both unless others are given.
        started: when the clock began, a reading of time.monotonic(); default now.
        choices: fields of TrainConfig, seed and backend among them.
    Returns:
        the finished run.
    Raises:
        InksightError: one of its kinds. A StorageError, and any error after the first checkpoint, leaves
            `<run>.unfinished` for `resume` to go on with; else nothing is left half done.
    """
    clock = Clock(time.monotonic() if started is None else started)
    clock.seconds["start"] = time.monotonic() - clock.started
    preset, base = _base(preset, config)
    config = chosen(base, choices)
    out = Path(out) if out is not None else None
    if out is not None:
        runs.require_free(out)
    callback, progress = notebook.shown(callback, progress)
    require_time_limit(time_limit_s)
    track = require_tracker(track)
    request = TrainRequest(data, preset, config, time_limit_s, size_px, preprocessing, track)
    return run_training(request, out, clock, callback, progress, on)


@dataclass(frozen=True)
class TrainingPlan:
    """What `train` would do: the data's name, its pictures by part, (height, width, channels) and number of classes;
    the layers; the length."""

    data: str
    images: dict[str, int]
    shape: tuple[int, int, int]
    classes: int
    layers: list[LayerRow]
    epochs: int
    steps_per_epoch: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with the sum of the parameters."""
        return {**asdict(self), "parameters": sum(layer.parameters for layer in self.layers)}


def plan_training(
    data: str | Path | Dataset = "mnist",
    preset: str = "quick",
    *,
    config: TrainConfig | str | Path | None = None,
    size_px: int | None = None,
    preprocessing: str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    **choices: Any,
) -> TrainingPlan:
    """Loads the data and builds the network as `train` would with these arguments, and trains nothing."""
    wanted = chosen(_base(preset, config)[1], choices)
    dataset = load_checked(data, size_px, preprocessing, wanted, progress).held_out(wanted.validation, wanted.seed)
    session = prepare(dataset, wanted)
    from inksight.models.table import layer_table
    from inksight.training.batches import planned_epochs, steps_per_epoch

    return TrainingPlan(
        data=dataset.name,
        images={name: len(part) for name, part in dataset.parts.items()},
        shape=(dataset.size_px, dataset.size_px, dataset.channels),
        classes=len(dataset.classes),
        layers=layer_table(session.model),
        epochs=planned_epochs(session.config, len(dataset.train)),
        steps_per_epoch=steps_per_epoch(session.config, len(dataset.train)),
    )


def _base(preset: str, config: TrainConfig | str | Path | None) -> tuple[str, TrainConfig]:
    """What choices are made on, and its name, which is a preset's only where it is that preset."""
    if config is None:
        return preset, preset_named(preset)
    if isinstance(config, TrainConfig):
        return "custom", config
    name = Path(config).stem
    return "custom" if name in PRESETS else name, TrainConfig.load(config)


@dataclass(frozen=True, eq=False)
class TrainRequest:
    """What to train; the fields are those of `train`."""

    data: str | Path | Dataset
    preset: str
    config: TrainConfig
    time_limit_s: float | None
    size_px: int | None
    preprocessing: str | None
    track: str | None = None


def run_training(
    request: TrainRequest,
    out: Path | None,
    clock: Clock,
    callback: Callback | None,
    progress: Callable[[int, int, str], None] | None,
    on: Workers | None = None,
    begun: CheckpointDir | None = None,
) -> runs.Run:
    """Load, build, fit, and leave the rest to `finish`. Arguments and errors as for `train`.

    Args:
        begun: the checkpoints of this very request, if it broke off; the training goes on from there.
    """
    with on.gathered() if on else nullcontext() as group:
        # Load
        backend = engine.prepare(request.config.backend, request.config.device)
        config = replace(request.config, backend=backend)
        with ThreadPoolExecutor(1) as side, clock.stage("data"):
            if not isinstance(request.data, Dataset) and isinstance(data_room.find(request.data), KnownSet):
                side.submit(engine.load_keras)  # meanwhile; a path may turn out bad, and then nobody wants to wait
            whole = load_checked(request.data, request.size_px, request.preprocessing, config, progress)
            dataset = whole.held_out(config.validation, config.seed)
            engine.load_keras()
            config = group.resolve_device(config) if group else resolve_device(config, backend)
            if begun is None:
                facts = provenance(whole, request.preset, config, request.time_limit_s, group.count if group else 1)
                facts |= {"track": request.track} if request.track else {}
            else:
                facts = begun.going_on(config.device)
                begun.require_data(whole.sha256, facts["data"]["sha256"], whole.source or whole.name)
            del whole  # the held-out set is a copy of most of it

        # Build
        if group is not None:
            group.require(dataset, config)
        with clock.stage("build"):
            session = prepare(dataset, config, resolve=lambda config, backend: config)

        # Fit, calibrate, test, save
        threading.Thread(target=_import_late, daemon=True).start()
        with (
            begun or claim(f"{dataset.name}-{request.preset}", out, facts) as place,
            TrackingSession(request.track, place.path, facts, callback) as tracking,
        ):
            if place.newest is not None:
                clock.resume("fit", place.newest.seconds)
            limit = deadline(clock.started, request.time_limit_s, _RESERVE_S)
            with clock.stage("fit"):
                if group:
                    fitted = group.fit(session.model, dataset, config, backend, limit, tracking.callback, place)
                else:
                    fitted = session.fit(ends_at=limit, callback=tracking.callback, checkpointer=place)
            return tracking.kept(finish(Trained(session.model, dataset, fitted, config, facts), clock, place))


def take_up(
    begun: CheckpointDir,
    data: Dataset | None,
    clock: Clock,
    callback: Callback | None,
    progress: Callable[[int, int, str], None] | None,
    on: Workers | None,
    track: str | None,
) -> runs.Run:
    """Goes on with a training that broke off; arguments as for `resume`."""
    facts = begun.facts
    if data is None and not facts["data"]["source"]:
        raise UsageError(
            f"{begun.path} was trained on arrays out of a program: in Python, inksight.resume(..., data=the same "
            f"Dataset) goes on with it. Or delete {begun.folder}."
        )
    config = anywhere(TrainConfig.of(facts))
    chosen_before = {name: facts[name] for name in ("preset", "time_limit_s", "size_px", "preprocessing")}
    source = facts["data"]["source"] if data is None else data
    request = TrainRequest(source, config=config, track=track, **chosen_before)
    return run_training(request, None, clock, callback, progress, on, begun)


def _import_late() -> None:
    """Imports what is needed after the training while it runs: half a second saved."""
    for name in _LATE_IMPORTS:
        import_module(name)
