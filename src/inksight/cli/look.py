"""`inksight look`: one picture of a data set, in the terminal and as PNG."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inksight.cli.completion import among, data_names
from inksight.cli.output import AsJson, emit, note, print_picture

WANTED_PNG_PX = 280


def look(
    source: Annotated[
        str,
        typer.Argument(
            metavar="NAME|PATH", help="A known data set or the path of your own.", autocompletion=data_names
        ),
    ],
    index: Annotated[int, typer.Option(help="Which picture, counted from 0.")] = 0,
    split: Annotated[
        str, typer.Option(help="train, validation or test.", autocompletion=among(("train", "validation", "test")))
    ] = "train",
    size: Annotated[int | None, typer.Option(help="Bring the picture to this many pixels a side.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the picture there as PNG, enlarged.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show one picture of a data set with its label."""
    from inksight.data import sample
    from inksight.sheet import enlarge, save_png

    image, label, classes = sample(source, index, split, size_px=size)
    if out:
        save_png(out, enlarge(image, max(1, WANTED_PNG_PX // len(image))))
    if as_json:
        record = {"source": source, "split": split, "index": index, "label": classes[label], "shape": list(image.shape)}
        emit(record | {"out": str(out) if out else None})
        return
    colour = "grey" if image.ndim == 2 else "colour"
    print(f"{source}, {split} picture {index}: {classes[label]}   ({image.shape[1]}×{image.shape[0]}, {colour})")
    print_picture(image)
    if out:
        note(f"Written to {out}.")
