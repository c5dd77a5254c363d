"""`inksight export`: a run's model for other places."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inksight.cli.completion import format_names, run_names
from inksight.cli.output import AsJson, emit

MEGABYTE = 1e6


def export(
    run: Annotated[str, typer.Argument(help="A run folder, latest or shipped.", autocompletion=run_names)],
    format: Annotated[
        str,
        typer.Option(
            autocompletion=format_names,
            help="html: one file with the weights inside that draws and answers in any browser.",
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="The file to write. Default: the run's name, here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a run's model for other places, and prove that it answers the same there."""
    from inksight.export.formats import export as write

    path, proof = write(run, format, out)
    size = path.stat().st_size
    if as_json:
        equal = {"pictures": proof.pictures, "largest_difference": proof.largest_difference}
        emit({"run": run, "format": format, "out": str(path), "bytes": size, "equal": equal})
        return
    print(
        f"{path}: {size / MEGABYTE:.2f} MB, equal to ONNX Runtime on {proof.pictures} pictures "
        f"(largest difference {proof.largest_difference:.1g})"
    )
