"""`inksight export`: a run's model for other places."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inksight.cli.completion import format_names
from inksight.cli.model import AnyRun, chosen_model
from inksight.cli.output import AsJson, emit
from inksight.errors import UsageError, command

if TYPE_CHECKING:
    from inksight.export.job import Exported

MEGABYTE = 1e6


def export(
    run: AnyRun = None,
    format: Annotated[
        str | None,
        typer.Option(
            help="onnx, keras, saved_model, litert, openvino, html (a page that answers), c or c_int8.",
            autocompletion=format_names,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write, or folder to make. Default: the run's name, here.")
    ] = None,
    verify: Annotated[
        Path | None,
        typer.Option(help="Check this old export again in its own runtime (a page in NumPy); with RUN against that."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a run's model for other places, and prove that it answers the same there."""
    if (format is None) == (verify is None):
        raise UsageError("give --format to write an export, or --verify to check an old one.")
    from inksight.export.job import export_run, verify_export

    if format is not None:
        run = chosen_model(run, command("export", "shipped", "--format", format))
        done = export_run(run, format, out)
    elif out is not None:
        raise UsageError("--verify writes nothing; leave --out away.")
    else:
        assert verify is not None
        done = verify_export(verify, run)
    if as_json:
        emit(_record(done, run))
        return
    print(f"{done.path}: {done.size_bytes / MEGABYTE:.2f} MB, {done.proof}")
    if verify is None:
        print(f"\nIn a program:\n\n{done.snippet}", end="")


def _record(done: Exported, run: str | None) -> dict[str, Any]:
    return {
        "run": run,
        "format": done.format,
        "out": str(done.path),
        "bytes": done.size_bytes,
        "proof": asdict(done.proof),
        "snippet": done.snippet,
    }
