"""`inksight evaluate`: a run measured on its own test part or on other data."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inksight.cli.output import AsJson, emit, note, percent, progress_bar
from inksight.cli.tables import print_classes, print_confusion, print_table

if TYPE_CHECKING:
    from inksight.data.dataset import Split


class Suite(StrEnum):
    """What to measure on."""

    clean = "clean"
    corruptions = "corruptions"
    all = "all"


def evaluate(
    run: Annotated[str, typer.Argument(help="A run folder, latest or shipped.")] = "latest",
    data: Annotated[
        str | None, typer.Option(help="Data set to measure on. Default: the one it was trained on.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to make for confusion.png and errors.png.")] = None,
    suite: Annotated[
        Suite, typer.Option(help="clean: the pictures as they are; corruptions, all: and spoiled in MNIST-C's 15 ways.")
    ] = Suite.clean,
    as_json: AsJson = False,
) -> None:
    """Measure a run: accuracy, each class, the confusion matrix, the wrong ones, and how it holds up."""
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
    corruptions = _corruptions(run, evaluation.split) if suite is not Suite.clean else None
    if as_json:
        more = {} if corruptions is None else {"corruptions": corruptions}
        emit({**metrics, "confusion": evaluation.confusion.tolist(), **more})
        return
    low, high = metrics["interval95"]
    print(
        f"{percent(metrics['accuracy'])} right on {metrics['images']:,} pictures "
        f"(95 % interval {percent(low)} to {percent(high)}, {metrics['errors']:,} wrong)"
    )
    answered = metrics["answered"]
    if answered["accuracy"] is not None:
        print(
            f"{percent(answered['coverage'])} of the answers are sure (confidence of {answered['unsure_below']:.2f} or "
            f"more); {percent(answered['accuracy'])} of those are right"
        )
    print_classes(metrics["per_class"])
    print_confusion(evaluation.confusion, evaluation.classes)
    if corruptions is not None:
        mean = corruptions.pop("mean_error")
        print(f"{percent(mean)} wrong on average when spoiled in {len(corruptions)} ways (MNIST-C):")
        rows = sorted(corruptions.items(), key=lambda row: row[1]["error"])
        print_table(("corruption", "wrong"), [(name, percent(row["error"])) for name, row in rows])


def _corruptions(run: str, split: Split) -> dict[str, Any]:
    """The errors on MNIST-C, with a bar while they are made."""
    from inksight.evaluation import evaluate_corruptions

    with progress_bar() as progress:
        return evaluate_corruptions(run, split, progress=progress)
