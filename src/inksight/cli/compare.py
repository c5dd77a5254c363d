"""`inksight compare`: runs against each other on the same test pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inksight.cli.completion import data_names, run_names
from inksight.cli.output import AsJson, emit, note
from inksight.cli.tables import print_table

if TYPE_CHECKING:
    import numpy as np

    from inksight.evaluation.compare import Contender

SHOWN = 12


def compare(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN RUN…", help="Run folders; latest, shipped.", autocompletion=run_names)
    ],
    data: Annotated[
        str | None,
        typer.Option(
            help="Data set to measure on. Default: the test part all were tested on.", autocompletion=data_names
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write a page there that shows the pictures only one gets right.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare runs: accuracy, whether a difference is real or noise, which pictures only one gets right, cost."""
    from inksight.evaluation.compare import compare as measure
    from inksight.report.versus import COLUMNS, rows, versus_page

    comparison = measure(runs, data)
    for contender in comparison.contenders:
        if contender.warning:
            note(f"Warning: {contender.warning}")
    if out is not None:
        from inksight.utils.atomic import whole_file

        with whole_file(out) as temporary:
            temporary.write_text(versus_page(comparison), encoding="utf-8")
        note(f"Pictures in {out}.")
    if as_json:
        emit(comparison.to_dict())
        return
    name, *facts = zip(COLUMNS, *rows(comparison.contenders), strict=True)  # a column each: names are long
    print_table(name, facts)
    for each in comparison.pairings:
        print(f"\n{each.verdict}")
        for winner, indices in ((each.first, each.only_first), (each.second, each.only_second)):
            if len(indices):
                print(f"  only {winner.name} is right: {_few(winner, indices)}")


def _few(winner: Contender, indices: np.ndarray) -> str:
    """The first pictures, and how many there are."""
    words = ", ".join(map(winner.picture_name, indices[:SHOWN].tolist()))
    return f"{words} and {len(indices) - SHOWN:,} more" if len(indices) > SHOWN else words
