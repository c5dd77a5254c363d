"""What every training begins with: choices, a data set that is loaded and checked, a network for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inksight import data as data_room
from inksight.config import IMPLIED, TrainConfig
from inksight.data.dataset import Dataset, require_usable
from inksight.errors import UsageError, unknown
from inksight.imaging import digit_input

if TYPE_CHECKING:
    import keras

LEAST_VALIDATION = 200  # fewer pictures say too little about how sure is sure, and how right is right


def require_time_limit(time_limit_s: float | None) -> None:
    """Raises UsageError for a time limit that leaves no time."""
    if time_limit_s is not None and not (math.isfinite(time_limit_s) and time_limit_s > 0):
        raise UsageError(f"the time limit is {time_limit_s} seconds; more than 0 was wanted, 2m for instance.")


def chosen(config: TrainConfig, choices: dict[str, Any]) -> TrainConfig:
    """`config` with `choices` in place of its fields.

    Raises:
        UsageError: no such field, or a value it does not take.
    """
    known = [item.name for item in fields(TrainConfig)]
    for name in choices:
        if name not in known:
            raise UsageError(unknown("setting", name, known))
    implied = {name: value for name, (others, value) in IMPLIED.items() if choices.keys() & set(others)}
    return replace(config, **(implied | choices))


def load_checked(
    data: str | Path | Dataset,
    size_px: int | None,
    preprocessing: str | None,
    config: TrainConfig,
    progress: Callable[[int, int, str], None] | None,
) -> Dataset:
    """The data set, loaded where it is not, and checked."""
    if not isinstance(data, Dataset):
        prepare = partial(digit_input, size_px=size_px or data_room.SIZE_PX) if preprocessing == "digits" else None
        data = data_room.load(
            data, size_px=size_px, prepare=prepare, preprocessing=preprocessing, seed=config.seed, progress=progress
        )
    return require_usable(data)


def require_watchable(dataset: Dataset, config: TrainConfig) -> None:
    """Raises UsageError where early stopping or a target have too little to watch."""
    for name in ("early_stopping", "target"):
        if getattr(config, name) and dataset.validation is None:
            raise UsageError(f"{name} needs a validation part to watch; give validation too, 0.1 for instance.")
    if config.target and dataset.validation is not None and len(dataset.validation) < LEAST_VALIDATION:
        raise UsageError(
            f"the validation part has {len(dataset.validation)} pictures; a target needs at least {LEAST_VALIDATION} "
            "to be told from luck. Give more validation, or leave target out."
        )


def build_model(dataset: Dataset, config: TrainConfig) -> keras.Model:
    """Build the network of `config` for the pictures of `dataset`. The engine must be prepared.

    Raises:
        EngineError: it has a layer that cannot be exported, so that its run could not be saved.
    """
    from inksight.export.onnx import require_exportable
    from inksight.models import build
    from inksight.models.ensemble import members_of
    from inksight.models.whitening import whiten_first_layer

    shape = (dataset.size_px, dataset.size_px, dataset.channels)
    model = build(config.net, shape, len(dataset.classes), config.knobs, config.seed, config.members)
    if config.first_layer == "whitened":
        for member in members_of(model):
            whiten_first_layer(member, dataset.train.batch)
    require_exportable(model)
    return model
