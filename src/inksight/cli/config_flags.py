"""Flags made from the fields of TrainConfig, and the help of the commands that take them."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from typing import Annotated, Any, ClassVar

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption

from inksight.cli import completion
from inksight.config import PANELS, TrainConfig

_FIELDS = {item.name: item for item in fields(TrainConfig)}


def with_config_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Gives `command` one keyword parameter for each field of TrainConfig in place of its `**choices`."""
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.kind is not p.VAR_KEYWORD]
    made = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_flag(item))
        for name, item in _FIELDS.items()
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
    return Annotated[kind | None, typer.Option(name, help=text, show_default=False, autocompletion=complete)]


class WithConfigFlags(TyperCommand):
    """A command whose help leaves out the flags of TrainConfig, and says where they are listed."""

    note = "Every choice of a recipe is a flag here too, such as --epochs 3. See inksight train --help-all."

    def shown(self) -> list[Any]:
        """The parameters that the help lists."""
        return [parameter for parameter in self.params if parameter.name not in _FIELDS]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Writes the help with the parameters that are shown."""
        brief = copy.copy(self)
        brief.params, brief.epilog = self.shown(), self.note
        TyperCommand.format_help(brief, ctx, formatter)


class WithPanels(WithConfigFlags):
    """A command whose --help lists its common flags, and whose --help-all lists all of them in panels.

    A subclass says where its own flags belong; a field of TrainConfig says it in its metadata.
    """

    panels: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    common: ClassVar[tuple[str, ...]] = ()
    note = "These are the common flags. All of them: --help-all."

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.append(
            TyperOption(
                param_decls=["--help-all"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=self._print_all,
                help="Show every flag and exit.",
            )
        )

    def shown(self) -> list[Any]:
        """Arguments and common flags."""
        return [parameter for parameter in self.params if self._panel(parameter) is None or self._is_common(parameter)]

    def _panel(self, parameter: Any) -> str | None:
        """The panel of a flag; None for arguments and --help-all."""
        if isinstance(parameter, TyperArgument):
            return None
        if parameter.name in _FIELDS:
            return str(_FIELDS[parameter.name].metadata["panel"])
        return next((panel for panel, names in self.panels.items() if parameter.name in names), None)

    def _is_common(self, parameter: Any) -> bool:
        item = _FIELDS.get(parameter.name)
        return parameter.name in self.common if item is None else bool(item.metadata["common"])

    def _print_all(self, ctx: Any, parameter: Any, wanted: bool) -> None:
        """Prints all flags in panels and ends the command."""
        if not wanted:
            return
        every = copy.copy(self)
        every.params = []
        for panel in (None, *PANELS):
            for parameter in (each for each in self.params if self._panel(each) == panel):
                shown: Any = copy.copy(parameter)
                shown.rich_help_panel = panel
                every.params.append(shown)
        TyperCommand.format_help(every, ctx, ctx.make_formatter())
        raise typer.Exit
