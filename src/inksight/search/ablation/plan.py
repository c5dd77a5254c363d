"""Knobs and their values -> the settings to train: the base and its neighbours, or every combination."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

from inksight.config import IMPLIED, TrainConfig
from inksight.errors import UsageError, unknown
from inksight.models import NETS
from inksight.training.objective import TAKEN
from inksight.training.session import chosen

BASE = "base"
MOST_SETTINGS = 1000
MOST_SEEDS = 1000
LEAST_VALIDATION = 0.1  # share of the training part, where the base holds none out

# What is tried when nobody says what: the tutorial's "try other kernel sizes, pool sizes, …".
INVITATION: dict[str, tuple[Any, ...]] = {
    "kernel_size": (3, 5, 7),
    "pool_size": (2, 3),
    "activation": ("relu", "tanh", "gelu"),
    "dropout": (0.0, 0.2, 0.5),
    "dense_units": (64, 128, 256),
    "optimizer": ("adam", "sgd", "rmsprop"),
    "loss": ("sparse_categorical_crossentropy", "categorical_focal_crossentropy", "mean_squared_error"),
}
_NO_KNOBS = {
    "seed": "every setting is trained on several: give --seeds",
    "backend": "one process has one; make one experiment for each",
    "device": "one process has one; make one experiment for each",
    "metrics": "they change what is reported, not what is learned",
    "validation": "all settings are measured on the same pictures; give it for all of them",
}

Changes = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Setting:
    """One configuration, and by which knobs it was reached. name: "base", or "kernel_size=3, dropout=0.5"."""

    name: str
    changes: Changes
    config: TrainConfig


@dataclass(frozen=True)
class ExperimentPlan:
    """What an experiment trains.

    base: its seed is the first of `seeds`, and chooses the validation part. knobs: values by knob, the reference
    first: what the others are compared with. notes: what was decided besides, in sentences.
    """

    preset: str
    base: TrainConfig
    knobs: dict[str, tuple[Any, ...]]
    grid: bool
    seeds: int
    notes: tuple[str, ...] = ()

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        """The references first, so that whatever is trained later can be compared."""
        if self.grid:
            combinations = itertools.product(*self.knobs.values())
            return tuple(self._setting(dict(zip(self.knobs, values, strict=True))) for values in combinations)
        others = [{name: value} for name, values in self.knobs.items() for value in values[1:]]
        return (Setting(BASE, (), self.base), *map(self._setting, others))

    @property
    def trials(self) -> list[tuple[Setting, int]]:
        """All settings with the first seed, then with the second, …: an early end leaves them even."""
        return [(setting, self.base.seed + number) for number in range(self.seeds) for setting in self.settings]

    def pairs(self, knob: str, value: Any) -> list[tuple[str, str]]:
        """Names of the settings with this value, each with the setting that differs from it in the reference only."""
        if not self.grid:
            return [(f"{knob}={spoken(value)}", BASE)]
        by_changes = {setting.changes: setting.name for setting in self.settings}
        return [
            (name, by_changes[tuple((k, self.knobs[knob][0] if k == knob else v) for k, v in changes)])
            for changes, name in by_changes.items()
            if dict(changes)[knob] == value
        ]

    def _setting(self, changes: Mapping[str, Any]) -> Setting:
        config = _without_strangers(replace(self.base, **changes), self.base)
        name = ", ".join(f"{knob}={spoken(value)}" for knob, value in changes.items())
        return Setting(name, tuple(changes.items()), config)


def make_plan(
    preset: str,
    base: TrainConfig,
    knobs: Mapping[str, Any],
    choices: Mapping[str, Any],
    *,
    grid: bool = False,
    seeds: int = 3,
) -> ExperimentPlan:
    """Checks everything that can be checked without training.

    Args:
        preset: the name of `base`.
        knobs: values of fields of TrainConfig, a single one or several, texts too.
        choices: fields of `base` that were chosen by hand, for all settings.
    Raises:
        UsageError: an unknown knob, one that the network does not know, a value out of range, nothing to compare.
    """
    lists = {name: [values] if isinstance(values, (str, int, float)) else values for name, values in knobs.items()}
    wanted = {known_knob(name): [parsed(name, value) for value in values] for name, values in lists.items()}
    base = chosen(base, dict(choices))
    require_seeds(base.seed, seeds)
    base, notes = _fair(base, wanted, choices)
    plan = ExperimentPlan(
        preset, base, {name: _reference_first(base, name, values, grid) for name, values in wanted.items()}, grid, seeds
    )
    single = [name for name, values in plan.knobs.items() if len(values) < 2]
    if single:
        raise UsageError(
            f"there is nothing to compare for {single[0]}: {plan.knobs[single[0]][0]} is what it is anyway. "
            "Give another value."
        )
    count = len(plan.settings)
    if count > MOST_SETTINGS:
        raise UsageError(f"{count:,} settings came; at most {MOST_SETTINGS:,} are trained. Give fewer values.")
    _require_known(plan)
    strange = {name for setting in plan.settings for name in _strangers(setting.config, base)}
    notes += [f"{name} is left out for optimizers that have none" for name in sorted(strange)]
    if "optimizer" in plan.knobs and "learning_rate" not in plan.knobs:
        notes.append(
            f"the learning rate is {spoken(base.learning_rate)} for every optimizer; another may suit some better"
        )
    return replace(plan, notes=tuple(notes))


def require_seeds(first: int, count: int) -> None:
    """Raises UsageError for too many seeds, or where the last is none."""
    if not 1 <= count <= MOST_SEEDS:
        raise UsageError(f"{count} seeds came; 1 to {MOST_SEEDS:,} were wanted, 3 for instance.")
    greatest = next(item.metadata["high"] for item in fields(TrainConfig) if item.name == "seed")
    if first + count - 1 > greatest:
        raise UsageError(
            f"{count} seeds from {first} on came; the last may be {greatest}. Give a seed of {greatest - count + 1} or "
            "less."
        )


def spoken(value: Any) -> str:
    """A knob's value for people, and in names: two values never look the same."""
    if not isinstance(value, float):
        return "default" if value is None else str(value)
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))  # one of NumPy is spoken as a plain one


def effective(config: TrainConfig, knob: str) -> Any:
    """The value of a knob: the config's, or the network's own."""
    value = getattr(config, knob)
    parameter = inspect.signature(NETS[config.net]).parameters.get(knob)
    return parameter.default if value is None and parameter is not None else value


def invitation(base: TrainConfig, images: int) -> dict[str, tuple[Any, ...]]:
    """The tutorial's knobs, and twice the epochs where epochs of so many training images decide how long it takes."""
    by_epochs = base.least_steps * base.batch_size <= base.epochs * images
    return INVITATION | ({"epochs": (base.epochs, 2 * base.epochs)} if by_epochs else {})


def known_knob(name: str) -> str:
    """The field's name, dashes allowed."""
    name = name.replace("-", "_")
    known = {item.name for item in fields(TrainConfig)}
    if name in _NO_KNOBS:
        raise UsageError(f"{name} is no knob: {_NO_KNOBS[name]}.")
    if name not in known:
        raise UsageError(unknown("knob", name, known - _NO_KNOBS.keys()))
    return name


def parsed(name: str, value: Any) -> Any:
    """A value as the field has it; a text is read as a number where a number is wanted."""
    kind = next(str(item.type) for item in fields(TrainConfig) if item.name == name.replace("-", "_"))[:3]
    if kind == "flo" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind == "str" or not isinstance(value, str):
        return value
    try:
        return int(value) if kind == "int" else float(value)
    except ValueError:
        raise UsageError(
            f'{name} is "{value}"; {"a whole number" if kind == "int" else "a number"} was wanted.'
        ) from None


def _fair(base: TrainConfig, knobs: Mapping[str, Any], choices: Mapping[str, Any]) -> tuple[TrainConfig, list[str]]:
    """The base with what the knobs imply, so that settings differ in their knob only; and what was changed in it."""
    implied = {
        name: value
        for name, (others, value) in IMPLIED.items()
        if set(others) & knobs.keys() and name not in choices and getattr(base, name) != value
    }
    notes = [
        f"{name} is {value} in all settings, so that they differ in their knob only" for name, value in implied.items()
    ]
    if not base.validation:
        implied["validation"] = LEAST_VALIDATION
    return replace(base, **implied), notes


def _reference_first(base: TrainConfig, name: str, values: Sequence[Any], grid: bool) -> tuple[Any, ...]:
    """The values, each once and checked, the base's first; a grid has no others than those that were wanted."""
    for value in values:
        replace(base, **{name: value})
    own = effective(base, name)
    first = [own] if own in values or not grid else []
    return tuple(dict.fromkeys([*first, *values]))


def _strangers(config: TrainConfig, base: TrainConfig) -> list[str]:
    """Settings of the base's optimizer that this one does not have."""
    if config.optimizer == base.optimizer:
        return []
    return [name for name, table in TAKEN.items() if getattr(base, name) is not None and config.optimizer not in table]


def _without_strangers(config: TrainConfig, base: TrainConfig) -> TrainConfig:
    """The config without them."""
    left_out: dict[str, Any] = dict.fromkeys(_strangers(config, base))
    return replace(config, **left_out)


def _require_known(plan: ExperimentPlan) -> None:
    """Raises UsageError where a network's function does not take one of the knobs."""
    for setting in plan.settings:
        for knob in setting.config.knobs:
            knowing = [name for name, build in NETS.items() if knob in inspect.signature(build).parameters]
            if setting.config.net not in knowing:
                raise UsageError(
                    f"the network {setting.config.net} has no {knob}; these have: {', '.join(knowing) or 'none'}. "
                    "Leave it out, or take another --net."
                )
