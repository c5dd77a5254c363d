"""The reference of a recipe's choices: every field of TrainConfig, and what each preset has there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from inksight.config import PANELS, PRESET_NOTES, PRESETS, TrainConfig

HEAD = """# Settings

Every row is a field of `TrainConfig` and a flag of `inksight train`: `dense_units` is `--dense-units`. The first value
is the default; a dash means the default of the network.

"""


def reference() -> str:
    """The whole page: what each preset costs and reaches, and a table of the choices."""
    notes = [f"- `{name}`: {note}" for name, note in PRESET_NOTES.items()]
    lines = []
    for panel in PANELS:
        lines += [f"## {panel}", "", "| setting | what it is | value |", "|---|---|---|", *_rows(panel), ""]
    return HEAD + "\n".join([*notes, "", *lines])


def _rows(panel: str) -> Iterator[str]:
    """The rows of one panel's settings."""
    for item in fields(TrainConfig):
        if item.metadata["panel"] != panel:
            continue
        among = item.metadata["among"]
        text = item.metadata["help"] + (f" One of {', '.join(among)}." if among else "")
        presets: dict[Any, list[str]] = {item.default: []}
        for name, config in PRESETS.items():
            presets.setdefault(getattr(config, item.name), []).append(name)
        del presets[item.default]
        default = "–" if item.default is None else str(item.default)
        values = [default, *(f"{value} in {', '.join(names)}" for value, names in presets.items())]
        yield f"| `{item.name}` | {text} | {'; '.join(values)} |"
