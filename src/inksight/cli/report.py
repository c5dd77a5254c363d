"""`inksight report`: a run as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inksight.cli.model import AnyRun, chosen_model
from inksight.cli.output import AsJson, emit, note


def report(
    run: AnyRun = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write. Default: report.html in the run folder; shipped.html here.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a run's report anew: figures, every wrong answer and why, how far to trust it. One file, read offline.

    What `inksight evaluate RUN --suite corruptions` or `--suite all` has measured since the training is in it, too.
    """
    from inksight.report.report import write_report

    run = chosen_model(run, "inksight report shipped")
    path = write_report(run, out)
    if as_json:
        emit({"run": run, "report": str(path), "bytes": path.stat().st_size})
    else:
        note(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
