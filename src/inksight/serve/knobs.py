"""What can be chosen on the page before a training, out of the table that the command line's flags are made from."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import Field, fields, replace
from typing import Any

from inksight.config import PRESET_NOTES, PRESETS, TrainConfig, preset
from inksight.errors import UsageError, unknown
from inksight.models import NETS

KNOBS = (
    *("kernel_size", "pool_size", "activation", "dropout", "dense_units"),
    *("optimizer", "loss", "learning_rate", "batch_size", "epochs"),
)
MOST_S = 24 * 3600


def options() -> dict[str, Any]:
    """The presets with what they cost and the value of each knob, and the knobs with their help and limits."""
    by_name = {item.name: item for item in fields(TrainConfig)}
    return {
        "presets": [
            {"name": name, "about": about, "values": {knob: _value(PRESETS[name], knob) for knob in KNOBS}}
            for name, about in PRESET_NOTES.items()
        ],
        "knobs": [_knob(by_name[name]) for name in KNOBS],
        "time_s": {"low": 1, "high": MOST_S},
    }


def chosen_arguments(wish: Mapping[str, Any]) -> list[str]:
    """The flags of `inksight train` for what was chosen: `preset`, `choices` (knobs by name) and `time_s`.

    Raises:
        UsageError: no such preset or knob, or a value it does not take.
    """
    name, choices, time_s = wish.get("preset", "quick"), wish.get("choices", {}), wish.get("time_s")
    if not isinstance(name, str) or not isinstance(choices, dict):
        raise UsageError("the preset has to be a text and the choices an object of knobs and values.")
    for knob in choices:
        if knob not in KNOBS:
            raise UsageError(unknown("knob", knob, KNOBS))
    replace(preset(name), **choices)  # checks every value
    words = ["--preset", name]
    for knob, value in choices.items():
        words += [f"--{knob.replace('_', '-')}", str(value)]
    if time_s is None:
        return words
    if isinstance(time_s, bool) or not isinstance(time_s, int | float) or not 1 <= time_s <= MOST_S:
        raise UsageError(f"the time limit is {time_s!r} seconds; a number from 1 to {MOST_S} was wanted.")
    return [*words, "--time", f"{time_s:g}s"]


def _knob(item: Field[Any]) -> dict[str, Any]:
    """One knob: a choice `among` names, or a number from `low` to `high`."""
    facts = item.metadata
    return {
        "name": item.name,
        "help": facts["help"],
        "among": facts["among"],
        "low": facts.get("low"),
        "high": facts.get("high"),
        "whole": str(item.type).startswith("int"),
    }


def _value(config: TrainConfig, knob: str) -> Any:
    """What a preset sets a knob to: its own value, or that of its network."""
    value = getattr(config, knob)
    if value is not None:
        return value
    return inspect.signature(NETS[config.net]).parameters[knob].default
