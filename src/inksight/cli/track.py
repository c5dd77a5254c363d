"""`inksight track`: a finished run -> a tracker."""

from __future__ import annotations

from typing import Annotated

import typer

from inksight.cli.output import AsJson, emit, note


def track(
    to: Annotated[str, typer.Option(metavar="TRACKER", help="mlflow, tensorboard or wandb.")],
    run: Annotated[str, typer.Argument(help="A run folder, or latest.")] = "latest",
    as_json: AsJson = False,
) -> None:
    """Send a finished run to a tracker, from the run folder alone: parameters, metrics of its course, all its files.

    What inksight train --track could not send is sent so later. What is there already is not doubled.
    """
    from inksight.runs import resolve
    from inksight.tracking.session import track as send

    if run == "latest":
        run = str(resolve(run))
    where = send(run, to, note)
    if as_json:
        emit({"run": run, "to": to, "where": where})
    else:
        note(f"{to} has {run}: {where}")
