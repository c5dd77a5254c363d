"""The search space: which fields of TrainConfig are turned, and between what."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from inksight.config import TrainConfig
from inksight.errors import UsageError
from inksight.models import NETS
from inksight.search.ablation.plan import effective, known_knob, parsed

_WIDE = 10  # from here on, high / low, a range is searched by its logarithm


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both of them too. whole: whole ones only. log: drawn evenly by their logarithm."""

    low: float
    high: float
    whole: bool
    log: bool

    def __contains__(self, value: Any) -> bool:
        return isinstance(value, (int, float)) and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}" + (" by its logarithm" if self.log else "")


@dataclass(frozen=True)
class Choice:
    """Values in no order."""

    values: tuple[Any, ...]

    def __contains__(self, value: Any) -> bool:
        return value in self.values

    def __str__(self) -> str:
        return ", ".join(map(str, self.values))


Space = dict[str, Range | Choice]

# What is searched when nobody says what: a range (low, high) or values. The tutorial's knobs, then the recipe's.
TABLE: dict[str, tuple[float, float] | list[Any]] = {
    "filters": (8, 48),
    "kernel_size": [3, 5, 7],
    "pool_size": [2, 3],
    "activation": ["relu", "gelu", "silu", "tanh"],
    "dense_units": (64, 512),
    "dropout": (0.0, 0.5),
    "optimizer": ["adam", "adamw", "nadam"],  # sgd wants other learning rates
    "learning_rate": (0.001, 0.03),
    "momentum": (0.5, 0.98),
    "weight_decay": (0.0, 0.05),
    "label_smoothing": (0.0, 0.2),
    "weight_averaging": [0.0, 0.9, 0.95, 0.98, 0.99, 0.998],
    "batch_size": [32, 64, 128, 256],
    "schedule": ["constant", "cosine", "one_cycle"],
}
# Besides, where pictures are seen often enough for it to pay.
AUGMENTING: dict[str, tuple[float, float] | list[Any]] = {
    "rotation_deg": (0.0, 20.0),
    "scale": (0.0, 0.25),
    "shear": (0.0, 0.25),
    "shift_px": (0.0, 3.0),
    "strokes": (0.0, 0.6),
}
_EPOCHS_TO_AUGMENT = 3
_KERAS_MOMENTUM = 0.9  # β₁ of Keras's Adam family, where none is given


def default_space(base: TrainConfig, fixed: Mapping[str, Any]) -> Space:
    """The table's knobs that the base's network has and that were not `fixed`; the base lies in it.

    Raises:
        UsageError: nothing is left.
    """
    table = TABLE | (AUGMENTING if base.augments or base.epochs >= _EPOCHS_TO_AUGMENT else {})
    own = inspect.signature(NETS[base.net]).parameters
    architecture = {name for build in NETS.values() for name in inspect.signature(build).parameters}
    names = [name for name in table if name not in fixed and (name not in architecture or name in own)]
    if not names:
        raise UsageError(
            "the search space is empty: every choice that is searched by default is fixed. Leave some of them out, or "
            "give --knob."
        )
    return {name: _around(base_value(base, name), _listed(name, table[name])) for name in names}


def given_space(base: TrainConfig, knobs: Mapping[str, Any], fixed: Mapping[str, Any]) -> Space:
    """A space of knobs as people give them: "0.001..0.03", (0.001, 0.03) for a range, "a,b" or ["a", "b"] for values.

    Raises:
        UsageError: an unknown knob, one that the network does not have, one that is fixed too, a value out of range, or
            nothing to choose from.
    """
    space = {known_knob(name): _listed(known_knob(name), wanted) for name, wanted in knobs.items()}
    for name, one in space.items():
        if name in fixed:
            raise UsageError(f"{name} is fixed and searched at once; leave one of the two out.")
        _require_of_net(base, name)
        ends = one.values if isinstance(one, Choice) else (one.low, one.high)
        for value in ends:
            replace(base, **{name: value})
    searched = [name for name, one in space.items() if not isinstance(one, Choice) or len(one.values) > 1]
    if not searched:
        raise UsageError(
            "the search space is empty: each knob has a single value. Give a range or several values, "
            "learning_rate=0.001..0.03 or batch_size=64,128 for instance."
        )
    return space


def base_value(base: TrainConfig, name: str) -> Any:
    """What the base has for a knob: its own, the network's or Keras's."""
    value = effective(base, name)
    return _KERAS_MOMENTUM if value is None and name == "momentum" else value


def to_json(space: Space) -> dict[str, Any]:
    """As it stands in tune.json."""
    return {
        name: {"values": list(one.values)}
        if isinstance(one, Choice)
        else {"low": one.low, "high": one.high, "whole": one.whole, "log": one.log}
        for name, one in space.items()
    }


def of_json(content: Mapping[str, Any]) -> Space:
    """Back from there."""
    return {name: Choice(tuple(one["values"])) if "values" in one else Range(**one) for name, one in content.items()}


def _listed(name: str, wanted: Any) -> Range | Choice:
    """A knob's range or values as they were given."""
    if isinstance(wanted, str):
        low, dots, high = wanted.partition("..")
        wanted = (low, high) if dots else [value.strip() for value in wanted.split(",") if value.strip()]
    if isinstance(wanted, tuple) and len(wanted) == 2:
        return _range(name, *(parsed(name, end) for end in wanted))
    values = wanted if isinstance(wanted, (list, tuple)) else [wanted]
    return Choice(tuple(dict.fromkeys(parsed(name, value) for value in values)))


def _range(name: str, low: Any, high: Any) -> Range:
    """From low to high; raises UsageError where there is nothing between."""
    kind = _kind(name)
    if kind == "str" or not all(isinstance(end, (int, float)) and math.isfinite(end) for end in (low, high)):
        raise UsageError(f"{name} is searched from {low} to {high}; only numbers have a range. Give values by comma.")
    if not low < high:
        raise UsageError(f"{name} is searched from {low:g} to {high:g}; the greater number was wanted last.")
    return Range(low, high, kind == "int", low > 0 and high / low >= _WIDE)


def _around(value: Any, one: Range | Choice) -> Range | Choice:
    """With `value` in it."""
    if value is None or value in one:
        return one
    if isinstance(one, Choice):
        return Choice((value, *one.values))
    low, high = min(one.low, value), max(one.high, value)
    return replace(one, low=low, high=high, log=one.log and low > 0)


def _require_of_net(base: TrainConfig, name: str) -> None:
    """Raises UsageError where the base's network has no such knob and others do."""
    having = [net for net, build in NETS.items() if name in inspect.signature(build).parameters]
    if having and base.net not in having:
        raise UsageError(f"the network {base.net} has no {name}; these have: {', '.join(having)}.")


def _kind(name: str) -> str:
    return next(str(item.type) for item in fields(TrainConfig) if item.name == name)[:3]
