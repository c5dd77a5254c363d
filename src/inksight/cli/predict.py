"""`inksight predict`: what a model says about pictures."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inksight.cli.model import Model, chosen_model
from inksight.cli.output import AsJson, RayAddress, emit, fail, note, percent, print_picture, progress_bar
from inksight.cli.sources import ADDRESS_HELP, Answered, Unusable, answered, pictures_in, unreadable
from inksight.errors import InksightError, UsageError

if TYPE_CHECKING:
    from inksight.inference.predictor import Answer, Predictor

MOST_CLASSES = 10


def predict(
    pictures: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PICTURE", help=f"Files, folders with pictures in them or below, {ADDRESS_HELP}, or - for stdin."
        ),
    ] = None,
    model: Model = None,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Write the answers there instead of printing them, a row a picture: FILE.csv, FILE.jsonl or "
            "FILE.parquet. With --batch: FILE.parquet, or FOLDER/ for many Parquet files (for a URL, FOLDER/ only).",
        ),
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Instead of PICTURE, for very many pictures: answer a folder and all below it, a Parquet file or a "
            "folder of those, or a URL (s3://, gs://, …) of such, in parallel on Ray, into --out. After an "
            "interruption the same command goes on.",
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="With --batch: a Parquet file's column of pictures. Default: by type and name."
        ),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="With --batch: processes. Default: as many as CPUs.")] = None,
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
    _require_no_batch_flags(column=column, workers=workers, ray_address=ray_address)
    if not pictures:
        raise UsageError(
            "no picture came. Give files, folders or NAME:SPLIT/INDEX; or --batch SOURCE --out FILE.parquet."
        )
    if out is not None:
        from inksight.cli.answers_file import require_format

        require_format(out)
    from inksight.inference.predictor import Predictor

    predictor, found = Predictor.load(chosen_model(model)), pictures_in(pictures)
    tally = _print_answers(predictor, found, as_json) if out is None else _save(predictor, found, out, as_json)
    raise typer.Exit(1 if tally.errors and tally.pictures > 1 else tally.code)


@dataclass
class Tally:
    """Counts of predictions. labels: the number of pictures by predicted class, of those with the verdict "class"."""

    labels: Counter[str] = field(default_factory=Counter)
    unsure: int = 0
    rejected: int = 0
    errors: int = 0
    code: int = 0

    @property
    def pictures(self) -> int:
        """The number of pictures, unreadable ones included."""
        return self.labels.total() + self.unsure + self.rejected + self.errors

    def add(self, answer: Answer | InksightError) -> None:
        """Counts one prediction, or the error in its place."""
        if isinstance(answer, InksightError):
            self.errors += 1
            self.code = max(self.code, 2 if isinstance(answer, UsageError) else 1)
        elif answer.verdict == "class":
            self.labels[str(answer.label)] += 1
        else:
            self.unsure += answer.verdict == "unsure"
            self.rejected += answer.verdict == "rejected"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        counts = {"unsure": self.unsure, "rejected": self.rejected, "errors": self.errors}
        return {"pictures": self.pictures, "labels": dict(self.labels.most_common()), **counts}

    def in_words(self) -> str:
        """A one-line summary, the commonest classes first."""
        commonest = self.labels.most_common(MOST_CLASSES)
        told = [f"{name} ({count:,})" for name, count in commonest]
        if others := len(self.labels) - len(commonest):
            rest = self.labels.total() - sum(count for _, count in commonest)
            told.append(f"{others:,} more class{'' if others == 1 else 'es'} ({rest:,})")
        for count, words in ((self.unsure, "unsure"), (self.rejected, "none of the known classes")):
            told += [f"{count:,} {words}"] if count else []
        told += [f"{self.errors:,} could not be read"] if self.errors else []
        return f"{self.pictures:,} {'picture' if self.pictures == 1 else 'pictures'}: {', '.join(told)}."


def _require_no_batch_flags(**given: str | int | None) -> None:
    """Raises UsageError for what means something only beside --batch."""
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"--{name.replace('_', '-')} is of --batch only. Leave it out, or give --batch SOURCE.")


def _print_answers(predictor: Predictor, pictures: Sequence[str | Unusable], as_json: bool) -> Tally:
    """Prints a line a picture, and what came of them on stderr; a single picture is drawn on a terminal."""
    tally, is_drawn = Tally(), len(pictures) == 1 and sys.stdout.isatty()
    for rows in answered(predictor, pictures):
        for row in rows:
            tally.add(row.answer)
            if as_json:
                emit(row.to_dict())
            _print_answer(row, as_json, is_drawn)
    if len(pictures) > 1 and not as_json:
        note(tally.in_words())
    elif len(pictures) > 1 and tally.errors:
        note(f"{unreadable(tally.errors, tally.pictures)}.")
    return tally


def _print_answer(row: Answered, as_json: bool, is_drawn: bool) -> None:
    """Prints an error, or an answer for a person."""
    if isinstance(row.answer, InksightError):
        fail(row.answer)
    elif not as_json:
        if is_drawn:
            print_picture(row.answer.input)
        truth = "" if row.true_label is None else f"; its label is {row.true_label}"
        print(f"{row.source}: {in_words(row.answer)}{truth}", flush=True)
        for text in row.answer.notes:
            note(f"{row.source}: {text}")


def _save(predictor: Predictor, pictures: Sequence[str | Unusable], out: str, as_json: bool) -> Tally:
    """Writes the answers into a file, and prints what came of them."""
    from inksight.cli.answers_file import answers_file

    tally = Tally()
    with progress_bar() as progress, answers_file(out, predictor.card) as add:
        for rows in answered(predictor, pictures):
            add(rows)
            for row in rows:
                tally.add(row.answer)
            progress(tally.pictures, len(pictures), "answering")
    if as_json:
        emit({"out": out, **tally.to_dict()})
    else:
        print(f"{tally.in_words()}\nSaved in {out}.")
    if tally.errors:
        note(f"{unreadable(tally.errors, tally.pictures)}: see the column error.")
    return tally


def in_words(answer: Answer) -> str:
    """An answer as a person would say it."""
    if answer.verdict == "class":
        return f"{answer.label} ({percent(answer.confidence, 1)})"
    if answer.verdict == "rejected":
        return f"none of the known classes ({answer.label} is the nearest)"
    best = sorted(answer.probabilities.items(), key=lambda item: -item[1])[:2]
    return "unsure: it might be " + " or ".join(f"{name} ({percent(share, 0)})" for name, share in best)
