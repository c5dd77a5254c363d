"""`inksight data doubt`: the labels that are probably wrong, ranked, and a sheet of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inksight.cli.completion import among, data_names
from inksight.cli.duration import parse_duration
from inksight.cli.output import AsJson, Preprocessing, emit, note, percent, progress_bar

if TYPE_CHECKING:
    from inksight.search.label_issues import Doubt


def doubt(
    source: Annotated[
        str,
        typer.Argument(
            metavar="NAME|PATH", help="A known data set or the path of your own.", autocompletion=data_names
        ),
    ],
    split: Annotated[
        str,
        typer.Option(
            help="Whose labels: train, validation, test or all.",
            autocompletion=among(("train", "validation", "test", "all")),
        ),
    ] = "all",
    preset: Annotated[
        str,
        typer.Option(
            help="How networks are trained: standard, or quick (half the time, and ranks less well).",
            autocompletion=among(("standard", "quick")),
        ),
    ] = "standard",
    limit: Annotated[int, typer.Option(min=1, help="How many of them to tell and to show.")] = 100,
    out: Annotated[Path | None, typer.Option(help="Write a sheet of them there, as PNG.")] = None,
    time: Annotated[str | None, typer.Option(help="Time limit for the training, such as 30s, 2m.")] = None,
    size: Annotated[int | None, typer.Option(help="Bring the pictures to this many pixels a side.")] = None,
    preprocessing: Preprocessing = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides all chance.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Find labels that are probably wrong: networks judge the pictures that they have not learned from."""
    from inksight.search.label_issues import find_doubts
    from inksight.utils.montage import save_png

    with progress_bar() as progress:
        doubts = find_doubts(
            source,
            split,
            preset,
            size_px=size,
            preprocessing=preprocessing,
            time_limit_s=parse_duration(time),
            seed=seed,
            progress=progress,
        )
    rows, images = doubts.ranked(limit), len(doubts.split)
    if out is not None:
        save_png(out, doubts.sheet(limit))
    if as_json:
        emit(
            {
                "source": source,
                "split": split,
                "preset": preset,
                "images": images,
                "estimated_errors": doubts.estimated_errors,
                "networks": doubts.networks,
                "seconds": round(doubts.seconds, 2),
                "out": str(out) if out else None,
                "doubts": [row.to_dict() for row in rows],
            }
        )
        return
    likely = doubts.estimated_errors
    print(
        f"{f'About {likely:,}' if likely else 'None'} of {images:,} labels {'is' if likely == 1 else 'are'} clearly "
        f"wrong, by {doubts.networks} networks in {doubts.seconds:.0f} s. The most doubtful first"
        f"{', a line below the last of that many' if likely else ''}:"
    )
    _print_rows(rows, source)
    if out is not None:
        note(f"Sheet of {len(rows)} written to {out}.")


def _print_rows(rows: list[Doubt], source: str) -> None:
    """The ranked labels for people."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from inksight.data.address import Address

    table = Table(box=None, pad_edge=False)
    for name in ("picture", "label", "rather"):
        table.add_column(name, overflow="fold")
    table.add_column("the label's probability", justify="right")
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        table.add_row(
            Text(row.file or str(Address(source, row.split, row.index))),
            Text(row.given),
            Text(row.suggested),
            percent(row.confidence, 1),
            end_section=row.error and following is not None and not following.error,
        )
    Console().print(table)
