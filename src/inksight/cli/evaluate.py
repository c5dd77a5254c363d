"""`inksight evaluate`: a run measured on its own test part or on other data."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inksight.cli.completion import data_names
from inksight.cli.model import AnyRun, chosen_model
from inksight.cli.output import AsJson, emit, note, percent, progress_bar
from inksight.cli.tables import print_classes, print_confusion, print_suites

if TYPE_CHECKING:
    from inksight.evaluation.evaluate import Evaluation


class Suite(StrEnum):
    """What to measure on."""

    clean = "clean"
    corruptions = "corruptions"
    all = "all"


def evaluate(
    run: AnyRun = None,
    data: Annotated[
        str | None,
        typer.Option(help="Data set to measure on. Default: the one it was trained on.", autocompletion=data_names),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to make for confusion.png and errors.png.")] = None,
    suite: Annotated[
        Suite,
        typer.Option(
            help="clean: the pictures as they are; corruptions: and spoiled in MNIST-C's 15 ways; all: and drawings, "
            "photos, numbers apart and touching, scikit-learn's digits, and what is no digit."
        ),
    ] = Suite.clean,
    count: Annotated[
        int, typer.Option(min=1, help="Pictures of each composed kind with --suite all; its time grows with them.")
    ] = 100,
    backend: Annotated[
        str | None,
        typer.Option(
            help="jax, tensorflow or torch: ask model.keras on it, whichever trained it. Default: model.onnx."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a run: accuracy, each class, the confusion matrix, the wrong ones, and how it holds up."""
    from inksight.evaluation.evaluate import evaluate as measure
    from inksight.runs import resolve

    path = resolve(chosen_model(run, "inksight evaluate shipped"))
    evaluation = measure(path, data, backend=backend)
    metrics = evaluation.metrics(("balanced_accuracy",))
    if evaluation.warning:
        note(f"Warning: {evaluation.warning}")
    if out is not None:
        from inksight.report.plots import confusion_png
        from inksight.report.report import write_figures
        from inksight.utils.atomic import whole_folder

        with whole_folder(out) as folder:
            write_figures(folder, {"confusion": confusion_png(evaluation.confusion, evaluation.classes)}, evaluation)
        note(f"Figures in {out}.")
    suites = {} if suite is Suite.clean else _suites(path, evaluation, suite, count)
    if data is None and suites:
        _keep(path, suites)
    for name, why in suites.get("left_out", {}).items():
        note(f"{name} is left out: {why}")
    if as_json:
        confusion, wrong = evaluation.confusion.tolist(), evaluation.mistakes
        emit({"model": evaluation.model, **metrics, "confusion": confusion, "wrong": wrong, **suites})
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
    print(f"{percent(metrics['balanced_accuracy'])} right with each class counted alike")
    print_confusion(evaluation.confusion, evaluation.classes)
    print_suites(metrics, suites)


def _keep(path: Path, suites: dict[str, Any]) -> None:
    """Puts what the suites found into the run folder, for its report; the shipped model has none."""
    from inksight.errors import StorageError, command
    from inksight.runs import SHIPPED, Run, keep_suites

    if path == SHIPPED:
        return
    try:
        keep_suites(Run(path), suites)
    except StorageError as error:
        note(f"Not kept for the report: {error}")
        return
    note(f"Kept in {path}: {command('report', path)} shows it.")


def _suites(run: Path, evaluation: Evaluation, suite: Suite, count: int) -> dict[str, Any]:
    """What further suites find, with a bar while they are measured."""
    from inksight.evaluation.suites import Trial, evaluate_corruptions, evaluate_suites
    from inksight.inference.predictor import Predictor

    with progress_bar() as progress:
        trial = Trial(Predictor.load(run), evaluation.split, count, progress=progress)
        return evaluate_suites(trial) if suite is Suite.all else {"corruptions": evaluate_corruptions(trial)}
