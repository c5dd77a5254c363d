"""Which model a command works on: the one given, or the default, which a line on stderr names."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from inksight.cli.completion import run_names
from inksight.cli.output import note

DEFAULT_HELP = "Default: the latest run, or the shipped model where there is none."
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="RUN",
        help=f"A run folder, latest or shipped. {DEFAULT_HELP}",
        show_default=False,
        autocompletion=run_names,
    ),
]


def _run_argument(help: str) -> Any:
    return typer.Argument(help=help, show_default=False, autocompletion=run_names)


AnyRun = Annotated[str | None, _run_argument(f"A run folder, latest or shipped. {DEFAULT_HELP}")]
OwnRun = Annotated[str | None, _run_argument("A run folder, or latest. Default: the latest run.")]


def chosen_model(given: str | None, other: str = "--model shipped") -> str:
    """Return the name of the model asked for: "shipped" or a run folder. A default is named on stderr.

    Args:
        given: as on the command line; None for the default.
        other: how the command takes the shipped model.
    Raises:
        RunError: there is no such run.
    """
    from inksight.runs import DEFAULT_ROOT, finished_runs, model_name, resolve

    name = model_name(resolve(given))
    if given is None and name == "shipped":
        why = "no run in {}/ beats the commonest class" if finished_runs() else "no run in {}/ yet"
        note(f"Model: shipped ({why.format(DEFAULT_ROOT)}).")
    elif given is None:
        note(f"Model: {name} (the latest run). Use {other} for the bundled digit model.")
    return name


def chosen_run(given: str | None) -> str:
    """Return the folder of the run asked for; the shipped model is none. A default is named on stderr.

    Raises:
        RunError: there is no such run, or none yet.
    """
    from inksight.runs import model_name, resolve

    name = model_name(resolve("latest" if given is None else given))
    if given is None:
        note(f"Run: {name} (the latest).")
    return name
