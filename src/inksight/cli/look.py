"""`inksight look`: one picture of a data set, in the terminal and as PNG."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inksight.cli.completion import data_names
from inksight.cli.output import AsJson, emit, note, print_picture

WANTED_PNG_PX = 280


def look(
    picture: Annotated[
        str,
        typer.Argument(
            metavar="NAME:SPLIT/INDEX",
            help="Which picture, counted from 0: mnist:train/7777; mnist:4444 is short for the test part.",
            autocompletion=data_names,
        ),
    ],
    size: Annotated[int | None, typer.Option(help="Bring the picture to this many pixels a side.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the picture there as PNG, enlarged.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show one picture of a data set with its label."""
    from inksight.data import sample
    from inksight.data.address import parse_address
    from inksight.errors import UsageError
    from inksight.utils.montage import enlarge, save_png

    if (address := parse_address(picture)) is None:
        raise UsageError(f'"{picture}" names no picture of a data set; NAME:SPLIT/INDEX was expected: mnist:test/0.')
    image, label, classes, file = sample(address.data, address.index, address.split, size_px=size)
    if out:
        save_png(out, enlarge(image, max(1, WANTED_PNG_PX // len(image))))
    if as_json:
        record = {"source": address.data, "split": address.split, "index": address.index, "file": file}
        record |= {"label": classes[label], "shape": list(image.shape), "out": str(out) if out else None}
        emit(record)
        return
    named = "" if file is None else f", {file}"
    colour = "grey" if image.ndim == 2 else "colour"
    print(f"{address}{named}: {classes[label]}   ({image.shape[1]}×{image.shape[0]}, {colour})")
    print_picture(image)
    if out:
        note(f"Written to {out}.")
