"""Flags made from the fields of TrainConfig."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import Field, fields
from typing import Annotated, Any

import typer

from inksight.cli import completion
from inksight.training.config import TrainConfig


def with_config_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Gives `command` one keyword parameter for each field of TrainConfig in place of its `**choices`."""
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.kind is not p.VAR_KEYWORD]
    made = [
        inspect.Parameter(item.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_flag(item))
        for item in fields(TrainConfig)
    ]
    command.__signature__ = inspect.Signature([*own, *made])  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *made)}
    return command


def _flag(item: Field[Any]) -> Any:
    """One field as a typer option."""
    kind = {"int": int, "flo": float, "str": str}[str(item.type)[:3]]
    among = item.metadata["among"]
    text = item.metadata["help"] + (f" One of {', '.join(among)}." if among else "")
    name = f"--{item.name.replace('_', '-')}"
    complete = completion.among(among) if among else None
    panel = "Choices of the recipe (default: the preset's)"
    return Annotated[
        kind | None, typer.Option(name, help=text, show_default=False, rich_help_panel=panel, autocompletion=complete)
    ]
