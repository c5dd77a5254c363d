"""`inksight explain`: why a model answers a picture as it does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from inksight.cli.completion import data_names
from inksight.cli.model import Model, chosen_model
from inksight.cli.output import AsJson, emit, note, print_picture, progress_bar
from inksight.cli.predict import in_words as answer_in_words
from inksight.cli.sources import ADDRESS_HELP, named_picture


def explain(
    picture: Annotated[str, typer.Argument(metavar="PICTURE", help=f"A file, {ADDRESS_HELP}, or - for stdin.")],
    model: Model = None,
    data: Annotated[
        str | None,
        typer.Option(
            autocompletion=data_names,
            help="Where the training pictures are, for those that look like it. Default: the run's own data.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Draw everything, each layer too, on one picture: a PNG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say why a model answers so: what mattered, what it looks like, what would flip it, what each layer gives."""
    from inksight.explanation.explain import explain as explained
    from inksight.explanation.explanation import in_words
    from inksight.inference.predictor import Predictor

    predictor = Predictor.load(chosen_model(model))
    named = named_picture(picture, predictor)
    name, truth = named.source, named.true_label
    with progress_bar() as progress:
        found = explained(named.picture, predictor, data=data, source=name, progress=progress)
    found = replace(found, true_label=truth)
    if out is not None:
        found.save(out)
    if as_json:
        emit(found.to_dict() | {"out": str(out) if out else None})
        return
    print_picture(found.answer.input)
    print(f"{name}: {answer_in_words(found.answer)}{f'; its label is {truth}' if truth is not None else ''}")
    for line in in_words(found):
        print(line)
    for text in found.notes:
        note(f"{name}: {text}")
    if out is not None:
        note(f"Written to {out}.")
