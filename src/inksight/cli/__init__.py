"""The command line: one file a command. Results go to stdout, progress and prose to stderr.

Every command imports its stage inside the function, so that `inksight predict` never waits for Keras.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from importlib import metadata
from typing import Annotated, Any, NoReturn

import typer

from inksight.cli import app as page
from inksight.cli import (
    card,
    compare,
    data,
    doctor,
    evaluate,
    experiment,
    explain,
    export,
    look,
    predict,
    read,
    report,
    serve,
    share,
    track,
    train,
    tune,
)
from inksight.cli.config_flags import WithConfigFlags
from inksight.cli.output import fail
from inksight.errors import InksightError
from inksight.utils.optional import not_installed

commands = typer.Typer(
    name="inksight",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
COMMAND_CLASSES = {
    train.train: train.TrainCommand,
    tune.tune: WithConfigFlags,
    experiment.experiment: WithConfigFlags,
}
commands.add_typer(data.app, name="data")
for command in (
    look.look,
    train.train,
    evaluate.evaluate,
    compare.compare,
    predict.predict,
    read.read,
    explain.explain,
    report.report,
    card.card,
    export.export,
    track.track,
    share.push,
    share.pull,
    experiment.experiment,
    tune.tune,
    doctor.doctor,
    page.app,
    serve.serve,
):
    commands.command(cls=COMMAND_CLASSES.get(command))(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"inksight {metadata.version('inksight')}")
        raise typer.Exit


@commands.callback()
def inksight(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """From a folder of small pictures to a trained, measured and explained classifier, in seconds."""


def main() -> None:
    """Runs the command line; ends in SystemExit: 0 success, 1 failure, 2 wrong usage, 130 interrupted."""
    try:
        commands()
    except InksightError as error:
        sys.exit(fail(error))
    except ModuleNotFoundError as error:
        if (told := not_installed(error)) is None:
            raise
        sys.exit(fail(told))
    except KeyboardInterrupt:
        sys.exit(130)


def run() -> NoReturn:
    """The `inksight` command. All files are whole by then, so the engines' half second of tidying up is skipped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a sign shows "?", and goes on
    try:
        main()
        code: Any = 0
    except SystemExit as end:
        code = end.code
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)
