"""The reference of a recipe's choices: every field of TrainConfig, and what each preset has there."""

from __future__ import annotations

from dataclasses import fields

from inksight.training.config import PRESET_NOTES, PRESETS, TrainConfig

HEAD = """# Choices of a recipe

Every row is a field of `TrainConfig` and a flag of `inksight train` (`filters`: `--filters`). A dash means the network's
own value.

"""


def reference() -> str:
    """The whole page: a table, and what each preset costs and reaches."""
    order = [name for name in PRESET_NOTES if name in PRESETS]
    lines = [f"| choice | {' | '.join(order)} | what it is |", f"|---{'|---' * len(order)}|---|"]
    for item in fields(TrainConfig):
        values = [getattr(PRESETS[name], item.name) for name in order]
        among = item.metadata["among"]
        text = item.metadata["help"] + (f" One of {', '.join(among)}." if among else "")
        shown = " | ".join("–" if value is None else f"{value}" for value in values)
        lines.append(f"| `{item.name}` | {shown} | {text} |")
    notes = [f"- `{name}`: {PRESET_NOTES[name]}" for name in order]
    return HEAD + "\n".join([*notes, "", *lines]) + "\n"
