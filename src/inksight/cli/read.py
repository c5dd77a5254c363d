"""`inksight read`: the numbers on pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inksight.cli.model import Model, chosen_model
from inksight.cli.output import AsJson, emit, fail, note
from inksight.cli.sources import (
    ADDRESS_HELP,
    Answered,
    Unusable,
    as_text,
    named_picture,
    pictures_in,
    unreadable,
)
from inksight.errors import InksightError, UsageError

if TYPE_CHECKING:
    from inksight.imaging.decode import ParsedPicture
    from inksight.inference.predictor import Predictor, Reading

GREEN, ORANGE, RED = (0, 130, 60), (220, 110, 0), (200, 0, 40)


def read(
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURE", help=f"Files, folders with pictures in them or below, {ADDRESS_HELP}, or - for stdin."
        ),
    ],
    model: Model = None,
    annotate: Annotated[
        Path | None, typer.Option(help="PNG to make of one picture: what was read, drawn on it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read the numbers on each picture: lines in order, a box and a confidence for each digit."""
    from inksight.inference.predictor import Predictor

    if annotate is not None and (len(pictures) > 1 or Path(pictures[0]).is_dir()):
        raise UsageError(f"--annotate makes one picture of one, {annotate}; several came. Give one PICTURE at a time.")
    predictor, found = Predictor.load(chosen_model(model)), pictures_in(pictures)
    predictor.require_reader()
    codes = [_read_one(predictor, each, annotate, as_json) for each in found]
    if len(found) > 1 and (errors := sum(map(bool, codes))):
        note(f"{unreadable(errors, len(found))}.")
    raise typer.Exit(1 if len(codes) > 1 and any(codes) else max(codes))


def _read_one(predictor: Predictor, source: str | Unusable, annotate: Path | None, as_json: bool) -> int:
    """Prints what one picture says, or the error that stands in its place; gives the exit code."""
    from inksight.inference.predictor import decoded

    try:
        if isinstance(source, Unusable):
            raise source.error
        named = named_picture(source, predictor, lambda picture: picture)
        picture = decoded(named.picture, named.source)
        reading = predictor.read(picture, named.source)
        if annotate is not None:
            _write_annotated(picture, reading, annotate)
    except InksightError as error:
        if as_json:
            emit(Answered(as_text(source.folder if isinstance(source, Unusable) else source), error).to_dict())
        return fail(error)
    if as_json:
        emit(reading.to_dict() | ({} if named.true_label is None else {"true_label": named.true_label}))
    else:
        truth = "" if named.true_label is None else f"; its label is {named.true_label}"
        print(f"{reading.source}: {reading}{truth}", flush=True)
        for text in reading.notes:
            note(f"{reading.source}: {text}")
    if annotate is not None:
        note(f"What was read is drawn in {annotate}.")
    return 0


def _write_annotated(picture: ParsedPicture, reading: Reading, path: Path) -> None:
    """Draws boxes and labels on the picture: digits green, unsure ones red and with a question mark, signs orange."""
    import cv2

    from inksight.utils.atomic import whole_file

    pixels = picture.pixels
    drawn = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels.copy()
    thickness = max(1, round(min(drawn.shape[:2]) / 250))
    for each in (each for line in reading.lines for each in line):
        left, top, width, height = (round(side / picture.scale) for side in each.box)
        colour = ORANGE if each.sign is not None else RED if each.unsure else GREEN
        cv2.rectangle(drawn, (left, top), (left + width, top + height), colour, thickness)
        size = max(0.4, height / 60)
        place = (left, top - 2 * thickness if top > 25 * size else top + height + round(25 * size))
        text = each.sign or f"{each.label}{'?' if each.unsure else ''}"
        cv2.putText(drawn, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thickness + 1, cv2.LINE_AA)
    _, content = cv2.imencode(".png", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
    with whole_file(path) as temporary:
        temporary.write_bytes(content.tobytes())
