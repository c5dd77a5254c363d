"""`inksight evaluate`: a run measured on its own test part or on other data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inksight.cli.output import AsJson, emit, note, percent
from inksight.cli.tables import print_classes, print_confusion


def evaluate(
    run: Annotated[str, typer.Argument(help="A run folder, latest or shipped.")] = "latest",
    data: Annotated[
        str | None, typer.Option(help="Data set to measure on. Default: the one it was trained on.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to make for confusion.png and errors.png.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a run: accuracy, each class, the confusion matrix, the wrong ones."""
    from inksight.evaluation import evaluate as measure

    evaluation = measure(run, data)
    metrics = evaluation.metrics()
    if evaluation.warning:
        note(f"Warning: {evaluation.warning}")
    if out is not None:
        from inksight.files import whole_folder
        from inksight.report.figures import write_figures

        with whole_folder(out) as folder:
            write_figures(folder, evaluation, [])
        note(f"Figures in {out}.")
    if as_json:
        emit({**metrics, "confusion": evaluation.confusion.tolist()})
        return
    low, high = metrics["interval95"]
    print(
        f"{percent(metrics['accuracy'])} right on {metrics['images']:,} pictures "
        f"(95 % interval {percent(low)} to {percent(high)}, {metrics['errors']:,} wrong)"
    )
    print_classes(metrics["per_class"])
    print_confusion(evaluation.confusion, evaluation.classes)
