"""`inksight track`: a finished run -> a tracker."""

from __future__ import annotations

from typing import Annotated

import typer

from inksight.cli.model import OwnRun, chosen_run
from inksight.cli.output import AsJson, emit, note


def track(
    to: Annotated[str, typer.Option(metavar="TRACKER", help="mlflow, tensorboard or wandb.")],
    run: OwnRun = None,
    as_json: AsJson = False,
) -> None:
    """Send a finished run to a tracker, from the run folder alone: parameters, metrics of its course, all its files.

    What inksight train --track could not send is sent so later. What is there already is not doubled.
    """
    from inksight.tracking.session import track as send

    run = chosen_run(run)
    where = send(run, to, note)
    if as_json:
        emit({"run": run, "to": to, "where": where})
    else:
        note(f"{to} has {run}: {where}")
