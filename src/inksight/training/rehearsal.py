"""Learning a few pictures more without forgetting: old ones come along, in small steps, for a short time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from inksight.config import TrainConfig
from inksight.data.dataset import Split, joined, stratified, take
from inksight.errors import UsageError, unknown

REHEARSED = 16_000  # old pictures, or OLD_FOR_NEW for each new one if that is more
OLD_FOR_NEW = 3
MOST_TIMES = 100  # one new picture: a single label that is wrong must not outweigh all there is
ENOUGH_TO_HOLD_OUT = 5  # pictures of a class; of fewer, all are learned
HELD_OUT = 0.2
FIXED = (  # what the network was built and its data was divided by
    *("net", "filters", "kernel_size", "pool_size", "activation", "dense_units", "dense_activation", "dropout"),
    *("first_layer", "members", "validation", "seed"),
)
RECIPE: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": 5e-4,
    "momentum": None,
    "beta_2": None,
    "weight_decay": 0.0,
    "schedule": "cosine",
    "weight_averaging": 0.0,
    "epochs": 1,
    "least_steps": 200,
    "batch_size": 64,
    "early_stopping": 0,
    "target": 0.0,
    "plain_epochs": 0.0,
    "backend": None,  # weights know none
    "device": "auto",
    "precision": "auto",
}
_LEAST_CHANGES = {"rotation_deg": 8.0, "scale": 0.08, "shear": 0.08, "shift_px": 1.0}  # so that few become many


def finetuning_config(before: Mapping[str, Any], choices: Mapping[str, Any]) -> TrainConfig:
    """How a run is trained on: its own choices, RECIPE, and `choices` on top.

    Args:
        before: config.json of the run.
        choices: fields of TrainConfig but those of FIXED.
    Raises:
        UsageError: no such field, or one that the run has decided for good.
    """
    known = [item.name for item in fields(TrainConfig)]
    for name in choices:
        if name in FIXED:
            raise UsageError(f"{name} was decided when the run was trained; it cannot be changed by finetuning.")
        if name not in known:
            raise UsageError(unknown("setting", name, known))
    base = TrainConfig.of(before)
    changes = {name: max(getattr(base, name), least) for name, least in _LEAST_CHANGES.items()}
    steps = {"least_steps": 0} if "epochs" in choices else {}
    return replace(base, **(RECIPE | changes | steps | dict(choices)))


def rehearsal(old: Split, new: Split, seed: int) -> Split:
    """Old pictures, drawn by the seed, and the new ones between them, over and over: one for OLD_FOR_NEW old ones."""
    count = min(len(old), max(REHEARSED, OLD_FOR_NEW * len(new)))
    drawn = take(old, np.random.default_rng([seed, 5]).permutation(len(old))[:count])
    times = min(max(1, round(count / OLD_FOR_NEW / len(new))), MOST_TIMES)
    return joined([drawn, *[new] * times])


def held_out(split: Split, seed: int) -> tuple[Split, Split]:
    """New pictures to learn and others to ask afterwards: a fifth of each class that has enough."""
    enough = np.flatnonzero(np.bincount(split.labels)[split.labels] >= ENOUGH_TO_HOLD_OUT)
    _, chosen = stratified(split.labels[enough], HELD_OUT, seed)
    is_held = np.zeros(len(split), bool)
    is_held[enough[chosen]] = True
    return take(split, np.flatnonzero(~is_held)), take(split, np.flatnonzero(is_held))


def without(split: Split, others: list[Split]) -> Split:
    """The pictures that are in none of the other parts, byte for byte."""
    seen = {image.tobytes() for part in others for image in part.images}
    return take(split, np.flatnonzero([image.tobytes() not in seen for image in split.images]))
