"""`inksight card`: a run's model card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inksight.cli.model import OwnRun, chosen_run
from inksight.cli.output import AsJson, emit, note


def card(
    run: OwnRun = None,
    out: Annotated[Path | None, typer.Option(help="File to write. Default: README.md in the run folder.")] = None,
    license: Annotated[
        str | None, typer.Option(help="Of the model, such as apache-2.0. Default: that of the data, where it is known.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a run's model card anew: what it knows, how good it is, how to use it, its limits, how to make it again.

    Its front matter is what the Hugging Face Hub reads. It names no path of this machine.
    """
    from inksight.report.model_card import write_readme

    run = chosen_run(run)
    path = write_readme(run, out, license)
    if as_json:
        emit({"run": run, "card": str(path), "bytes": path.stat().st_size})
    else:
        note(f"{path}: {path.stat().st_size / 1e3:.1f} kB")
