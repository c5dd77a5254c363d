"""The command line's reference, made from the command line itself: a new command appears by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.core import TyperArgument, TyperGroup
from typer.main import get_command

from inksight.cli import commands
from inksight.cli.config_flags import WithConfigFlags

HEAD = """# Commands

Every command takes `--help`, and `--json` for one JSON object a line on stdout; everything else goes to stderr. Exit
codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted.
"""


def reference() -> str:
    """The whole page."""
    return HEAD + "\n".join(_described(get_command(commands), "inksight"))


def _described(command: Any, name: str) -> Iterator[str]:
    """One command's lines, or those of all that are under it, by name."""
    if isinstance(command, TyperGroup):
        for inner, each in sorted(command.commands.items()):
            yield from _described(each, f"{name} {inner}")
        return
    arguments = [each for each in command.params if isinstance(each, TyperArgument)]
    is_brief = type(command) is WithConfigFlags
    shown = command.shown() if is_brief else command.params
    options = [each for each in shown if not isinstance(each, TyperArgument) and "--help" not in each.opts]
    usage = " ".join([name, *(_argument(each) for each in arguments), "[OPTIONS]" if options else ""]).strip()
    yield f"\n## `{name}`\n\n{command.help or ''}\n\n```text\n{usage}\n```\n"
    if is_brief:
        yield f"{command.note}\n"
    yield "| | |\n|---|---|"
    for each in (*arguments, *options):
        shown = _argument(each) if isinstance(each, TyperArgument) else _option(each)
        yield f"| {_code(shown)} | {_help(each)} |"


def _code(text: str) -> str:
    """Text as code in a table's cell."""
    return f"<code>{text.replace('|', '&#124;')}</code>"


def _argument(each: Any) -> str:
    """`DATA`, in brackets where it may be left out, with dots where there may be many."""
    name = each.metavar or (each.name or "").upper()
    return f"{name if each.required else f'[{name}]'}{'…' if each.nargs == -1 else ''}"


def _option(each: Any) -> str:
    """`--preset TEXT`."""
    value = "" if getattr(each, "is_flag", False) else f" {each.metavar or _kind(each)}"
    return f"{each.opts[0]}{value}"


def _kind(each: Any) -> str:
    """What an option takes, as a word."""
    choices = getattr(each.type, "choices", None)
    kind = each.type.name.split()[0].upper()  # "int range" is an int to whoever types it
    return "|".join(str(getattr(one, "value", one)) for one in choices) if choices else kind


def _help(each: Any) -> str:
    """An option's help, with its default where it has one that the help does not tell."""
    text = getattr(each, "help", None) or ""
    default = getattr(each.default, "value", each.default)
    plain = isinstance(default, str | int | float) and not isinstance(default, bool)
    told = f" Default: {default}." if plain and "efault" not in text else ""
    return (text + told).replace("|", "&#124;").replace("\n", " ")
