"""Data and choices -> a session: everything that every kind of training needs before its first step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inksight import data as data_room
from inksight.config import IMPLIED, TrainConfig
from inksight.data.dataset import Dataset, require_usable
from inksight.errors import UsageError, unknown
from inksight.imaging import digit_input
from inksight.models import engine
from inksight.training.device import resolve_device

if TYPE_CHECKING:
    import keras

    from inksight.training.fit import Fitted

LEAST_VALIDATION = 200  # fewer pictures say too little about how sure is sure, and how right is right


@dataclass(frozen=True, eq=False)
class Session:
    """A training before its first step.

    config: with the backend and the device that are used. model: built, and known to be exportable.
    """

    dataset: Dataset
    config: TrainConfig
    backend: str
    model: keras.Model

    def fit(self, **options: Any) -> Fitted:
        """Train the model. options: the keyword arguments of `inksight.training.fit.fit`."""
        from inksight.training.fit import fit

        return fit(self.model, self.dataset, self.config, self.backend, **options)


def prepare(
    dataset: Dataset,
    config: TrainConfig,
    model: Callable[[], keras.Model] | None = None,
    resolve: Callable[[TrainConfig, str], TrainConfig] = resolve_device,
) -> Session:
    """Choose backend and device, check the data, build the network and check that it can be exported.

    Args:
        dataset: with its validation part.
        model: gives the network to go on with; default a new one of `config`.
        resolve: gives the config with the device that is used.
    Raises:
        UsageError: the choices do not fit together or do not fit the data.
        EngineError: the backend or the device is missing, or the network cannot be exported.
    """
    backend = engine.prepare(config.backend, config.device)
    engine.load_keras()
    config = resolve(replace(config, backend=backend), backend)
    require_watchable(dataset, config)
    return Session(dataset, config, backend, model() if model else build_model(dataset, config))


def deadline(started: float, time_limit_s: float | None, reserve_s: float, least_share: float = 0.5) -> float | None:
    """When the last step must end so that the rest of the work ends in time, as time.monotonic() counts.

    Args:
        reserve_s: seconds that the rest takes. least_share: of the time limit, which the training gets in any case.
    """
    return None if time_limit_s is None else started + max(time_limit_s - reserve_s, least_share * time_limit_s)


def require_time_limit(time_limit_s: float | None) -> None:
    """Raises UsageError for a time limit that leaves no time."""
    if time_limit_s is not None and not (math.isfinite(time_limit_s) and time_limit_s > 0):
        raise UsageError(f"the time limit is {time_limit_s} seconds; it must be greater than 0, for example 2m.")


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
