"""A run and a few pictures that it gets wrong -> a new run that has learned them and forgotten nothing."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inksight import data as data_room
from inksight import runs
from inksight.config import TrainConfig
from inksight.data.dataset import Dataset, Split
from inksight.errors import DataError, RunError, UsageError
from inksight.evaluation.evaluate import labelled_as
from inksight.inference.predictor import Predictor
from inksight.models import engine
from inksight.models.weights import load_network, seed_dropout
from inksight.tracking.session import TrackingSession
from inksight.tracking.table import require_tracker
from inksight.training.checkpoint_dir import CheckpointDir, claim
from inksight.training.device import anywhere, resolve_device
from inksight.training.finalize import Trained, finish
from inksight.training.provenance import provenance
from inksight.training.rehearsal import finetuning_config, held_out, rehearsal, without
from inksight.training.session import prepare
from inksight.utils import notebook
from inksight.utils.timing import Clock

if TYPE_CHECKING:
    import keras

    from inksight.callbacks import Callback

PRESET = "finetuned"


def finetune(
    run: runs.RunLike,
    data: str | Path,
    *,
    out: str | Path | None = None,
    track: str | None = None,
    callback: Callback | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    started: float | None = None,
    **choices: Any,
) -> runs.Run:
    """Trains a run on, on pictures of its own classes, with pictures of its own data between them.

    A fifth of each class with five or more new pictures is held out and only asked before and after. New pictures
    that are in the test or the validation part of the run's data are left out: their figures would mean nothing more.

    Args:
        run: a Run, a run folder or "latest". It is left as it is.
        data: the pictures to learn, with their right labels: any data set; it may lack classes.
        out: the run folder to make; default `runs/<data>-finetuned-<number>`.
        track, callback, progress, started: as for `train`.
        choices: fields of TrainConfig that do not change the network or the division of its data.
    Returns:
        the new run; its `metrics["finetune"]` compares it with the old one.
    Raises:
        InksightError: one of its kinds. A StorageError leaves what is needed to go on with, in `RUN.unfinished`.
    """
    clock = Clock(time.monotonic() if started is None else started)
    clock.seconds["start"] = time.monotonic() - clock.started
    before = _trained_run(run)
    config = finetuning_config(before.config, choices)
    out = Path(out) if out is not None else None
    if out is not None:
        runs.require_free(out)
    track = require_tracker(track)
    callback, progress = notebook.shown(callback, progress)
    return _carry_out(before, str(data), config, clock, callback, progress, track, choices=choices, out=out)


def take_up(
    begun: CheckpointDir,
    clock: Clock,
    callback: Callback | None,
    progress: Callable[[int, int, str], None] | None,
    track: str | None,
) -> runs.Run:
    """Goes on with a finetuning that broke off; arguments as for `resume`."""
    facts = begun.facts
    config = anywhere(TrainConfig.of(facts))
    before = _trained_run(facts["finetune"]["run"])
    return _carry_out(before, facts["finetune"]["data"], config, clock, callback, progress, track, begun=begun)


def _carry_out(
    before: runs.Run,
    data: str,
    config: TrainConfig,
    clock: Clock,
    callback: Callback | None,
    progress: Callable[[int, int, str], None] | None,
    track: str | None,
    *,
    choices: dict[str, Any] | None = None,
    out: Path | None = None,
    begun: CheckpointDir | None = None,
) -> runs.Run:
    """The job itself: a new one of `choices` for `out`, or `begun`, which broke off."""
    predictor = Predictor.load(before.path)
    backend = engine.prepare(config.backend, config.device)
    with clock.stage("data"):
        engine.load_keras()
        config = resolve_device(config, backend)
        whole = _own_data(before, predictor, progress)
        dataset = whole.held_out(config.validation, config.seed)
        new = _new_pictures(data, predictor, progress)
        usable = _usable(new, dataset, data)
        learned, asked = held_out(usable, config.seed)
        if begun is None:
            facts = provenance(whole, PRESET, config, None) | {"command": _command(before, data, choices or {})}
            facts["finetune"] = {"run": str(before.path), "data": data, "sha256": new.sha256}
            facts |= {"track": track} if track else {}
        else:
            facts = begun.going_on(config.device)
            begun.require_data(new.sha256, facts["finetune"]["sha256"], data)
    mixed = replace(dataset, train=rehearsal(dataset.train, learned, config.seed))
    with clock.stage("build"):
        session = prepare(mixed, config, partial(_network, before, config.seed))
    old_test = {name: before.metrics["test"][name] for name in ("accuracy", "errors", "images")}
    compared = {"run": str(before.path), "test_before": old_test, "left_out": len(new) - len(usable)}
    figures = partial(_compared, compared, predictor, {"learned": learned, "held_out": asked})
    with (
        begun or claim(f"{dataset.name}-{PRESET}", out, facts) as place,
        TrackingSession(track, place.path, facts, callback) as told,
    ):
        if place.newest is not None:
            clock.resume("fit", place.newest.seconds)
        with clock.stage("fit"):
            fitted = session.fit(callback=told.callback, checkpointer=place)
        return told.kept(finish(Trained(session.model, mixed, fitted, config, facts, figures), clock, place))


def _network(before: runs.Run, seed: int) -> keras.Model:
    """The network of the run to start from."""
    model = load_network(before.path / runs.KERAS)
    seed_dropout(model, seed)
    return model


def _trained_run(run: runs.RunLike) -> runs.Run:
    """The run to start from."""
    if run == "shipped":
        raise RunError(
            "the shipped model comes without the Keras weights that finetuning starts from. Train one first: "
            "inksight train (seconds) or inksight train --preset robust (as the shipped one); then --finetune latest."
        )
    return runs.load_run(run)


def _own_data(before: runs.Run, predictor: Predictor, progress: Callable[[int, int, str], None] | None) -> Dataset:
    """What the run was trained on, the same pictures in the same parts."""
    origin = before.config["data"]
    if not origin["source"]:
        raise UsageError(f"{before.path} was trained on arrays out of a program; its pictures cannot be had again.")
    card = predictor.card
    whole = data_room.load(
        origin["source"],
        size_px=card.size_px,
        prepare=predictor.inputs,
        preprocessing=card.preprocessing,
        seed=before.config["seed"],
        progress=progress,
    )
    if whole.sha256 != origin["sha256"]:
        raise DataError(
            f"{origin['source']} has changed since {before.path} was trained on it: what was its test part may be "
            "learned from now. Train anew instead."
        )
    return whole


def _new_pictures(data: str | Path, predictor: Predictor, progress: Callable[[int, int, str], None] | None) -> Split:
    """The pictures to learn, as the network takes them and labelled as it counts."""
    split, classes = data_room.load_labelled(
        data, size_px=predictor.card.size_px, prepare=predictor.inputs, progress=progress
    )
    return labelled_as(split, classes, str(data), predictor)


def _usable(new: Split, dataset: Dataset, source: str) -> Split:
    """The new pictures without those that figures are made of."""
    usable = without(new, [part for name, part in dataset.parts.items() if name != "train"])
    if not len(usable):
        raise DataError(
            f"all pictures of {source} are in the test or the validation part of {dataset.name}; learning them would "
            "make its figures mean nothing. Give others."
        )
    return usable


def _command(before: runs.Run, data: str | Path, choices: dict[str, Any]) -> str:
    """The command that makes this run again."""
    words = ["inksight", "train", "--finetune", str(before.path), "--data", str(data)]
    for name, value in choices.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(words)


def _compared(base: dict[str, Any], old: Predictor, parts: dict[str, Split], new: Predictor) -> dict[str, Any]:
    """`base`, and how many of each part's pictures the old and the new model get right."""
    return {
        "finetune": {
            **base,
            **{
                name: {"images": len(part), "right_before": _right(old, part), "right_after": _right(new, part)}
                for name, part in parts.items()
            },
        }
    }


def _right(predictor: Predictor, part: Split) -> int:
    """How many pictures of a part are answered right."""
    return int((predictor.probabilities(part.images).argmax(1) == part.labels).sum())
