"""`inksight predict`: what a model says about pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from inksight.cli.model import Model, chosen_model
from inksight.cli.output import AsJson, RayAddress, emit, note, percent, print_picture
from inksight.cli.sources import each_picture, named_picture, report_error
from inksight.errors import InksightError, UsageError

if TYPE_CHECKING:
    from inksight.predictor import Answer, Predictor


def predict(
    pictures: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PICTURE", help="Files, folders of pictures, NAME:INDEX of a data set's test part, or - for stdin."
        ),
    ] = None,
    model: Model = None,
    batch: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Instead of PICTURE: answer all pictures of a folder and below it, of a Parquet file or a folder of "
            "those, or of a URL (s3://, gs://, …) of such, into --out. Cut short, the same command goes on.",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(help="Of --batch: FILE.parquet, or FOLDER/ for many Parquet files; of a URL the second only."),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Of --batch: a Parquet file's column of pictures. Default: by type and name."
        ),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Of --batch: processes. Default: as many as CPUs.")] = None,
    ray_address: RayAddress = None,
    as_json: AsJson = False,
) -> None:
    """Say which class each picture shows, and how sure that is."""
    if batch is not None:
        from inksight.cli.batch import predict_store

        if pictures:
            raise UsageError(f"--batch came with {pictures[0]} beside it; give either a batch or single pictures.")
        predict_store(batch, out, chosen_model(model), column, workers, ray_address, as_json)
        return
    _require_no_batch_flags(out=out, column=column, workers=workers, ray_address=ray_address)
    if not pictures:
        raise UsageError("no picture came. Give files, folders or NAME:INDEX; or --batch SOURCE --out FILE.parquet.")
    from inksight.predictor import Predictor

    predictor = Predictor.load(chosen_model(model))
    raise typer.Exit(each_picture(pictures, lambda name: _predict_one(predictor, name, as_json), as_json))


def _require_no_batch_flags(**given: str | int | None) -> None:
    """Raises UsageError for what means something only beside --batch."""
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"--{name.replace('_', '-')} is of --batch only. Leave it out, or give --batch SOURCE.")


def _predict_one(predictor: Predictor, source: str, as_json: bool) -> int:
    """Prints one answer, or the error that stands in its place; gives the exit code."""
    try:
        answer, truth = _answer(predictor, source)
    except InksightError as error:
        return report_error(error, source, as_json)
    if as_json:
        emit(answer.to_dict() | ({"true_label": truth} if truth is not None else {}))
    else:
        print_picture(answer.input)
        print(f"{source}: {in_words(answer)}{f'; its label is {truth}' if truth is not None else ''}", flush=True)
        for text in answer.notes:
            note(f"{source}: {text}")
    return 0


def _answer(predictor: Predictor, source: str) -> tuple[Answer, str | None]:
    """The answer, and the true label where the source is a data set's picture."""
    picture, name, truth = named_picture(predictor, source)
    return predictor.predict(picture, name), truth


def in_words(answer: Answer) -> str:
    """An answer as a person would say it."""
    if answer.verdict == "class":
        return f"{answer.label} ({percent(answer.confidence, 1)})"
    if answer.verdict == "rejected":
        return f"none of the known classes ({answer.label} is the nearest)"
    best = sorted(answer.probabilities.items(), key=lambda item: -item[1])[:2]
    return "unsure: it might be " + " or ".join(f"{name} ({percent(share, 0)})" for name, share in best)
