"""`inksight push` and `inksight pull`: a run to another place, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inksight.cli.completion import run_names
from inksight.cli.model import chosen_run
from inksight.cli.output import AsJson, emit, note, progress_bar

Url = Annotated[
    str,
    typer.Argument(help="The folder that is the run there: s3://BUCKET/NAME, hf://USER/NAME, file:///…, or a path."),
]


def push(
    run: Annotated[str, typer.Argument(help="A run folder, or latest.", autocompletion=run_names)],
    url: Url,
    as_json: AsJson = False,
) -> None:
    """Copy a run to a place that others reach, with the SHA-256 of each file. URLs need the extra share."""
    from inksight.errors import command
    from inksight.integrations.hub import push as send
    from inksight.utils.storage import shown

    run = chosen_run(run)
    with progress_bar() as progress:
        place = shown(send(run, url, progress))
    if as_json:
        emit({"run": run, "url": place})
    else:
        note(f"{place} holds {run}. {command('pull', place)} brings it elsewhere.")


def pull(
    url: Url,
    out: Annotated[Path | None, typer.Option(help="Run folder to make. Default: runs/NAME.")] = None,
    as_json: AsJson = False,
) -> None:
    """Bring a run from where it was pushed, and check every file. It comes whole or not at all."""
    from inksight.integrations.hub import pull as fetch
    from inksight.utils.storage import shown

    with progress_bar() as progress:
        run = fetch(url, out, progress)
    if as_json:
        emit({"run": str(run.path), "url": shown(url), "test": {"accuracy": run.metrics["test"]["accuracy"]}})
    else:
        note(f"Saved in {run.path}: every file is as it was pushed.")
