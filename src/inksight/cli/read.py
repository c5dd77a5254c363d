"""`inksight read`: the numbers on pictures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inksight.cli.model import Model, chosen_model
from inksight.cli.output import AsJson, emit, note
from inksight.cli.sources import each_picture, report_error
from inksight.errors import InksightError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from inksight.predictor import Predictor, Reading

GREEN, ORANGE = (0, 130, 60), (220, 110, 0)


def read(
    pictures: Annotated[
        list[str], typer.Argument(metavar="PICTURE", help="Files, folders of pictures, or - for stdin.")
    ],
    model: Model = None,
    annotate: Annotated[
        Path | None, typer.Option(help="PNG to make of one picture: what was read, drawn on it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read the numbers on each picture: lines in order, a box and a confidence for each digit."""
    from inksight.predictor import Predictor

    if annotate is not None and (len(pictures) > 1 or Path(pictures[0]).is_dir()):
        raise UsageError(f"--annotate makes one picture of one, {annotate}; several came. Give one PICTURE at a time.")
    predictor = Predictor.load(chosen_model(model))
    predictor.require_reader()
    raise typer.Exit(each_picture(pictures, lambda name: _read_one(predictor, name, annotate, as_json), as_json))


def _read_one(predictor: Predictor, source: str, annotate: Path | None, as_json: bool) -> int:
    """Prints what one picture says, or the error that stands in its place; gives the exit code."""
    from inksight.picture import load_picture, parse_picture

    try:
        picture = parse_picture(sys.stdin.buffer.read(), "stdin") if source == "-" else load_picture(source)
        reading = predictor.read(picture, "stdin" if source == "-" else source)
        if annotate is not None:
            _write_annotated(picture.pixels, reading, annotate)
    except InksightError as error:
        return report_error(error, source, as_json)
    if as_json:
        emit(reading.to_dict())
    else:
        print(f"{reading.source}: {reading}", flush=True)
        for text in reading.notes:
            note(f"{reading.source}: {text}")
    if annotate is not None:
        note(f"What was read is drawn in {annotate}.")
    return 0


def _write_annotated(pixels: np.ndarray, reading: Reading, path: Path) -> None:
    """Draws boxes and labels on the picture: digits green, signs orange."""
    import cv2

    from inksight.files import whole_file

    drawn = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels.copy()
    thickness = max(1, round(min(drawn.shape[:2]) / 250))
    for each in (each for line in reading.lines for each in line):
        left, top, width, height = each.box
        colour = GREEN if each.sign is None else ORANGE
        cv2.rectangle(drawn, (left, top), (left + width, top + height), colour, thickness)
        size = max(0.4, height / 60)
        place = (left, top - 2 * thickness if top > 25 * size else top + height + round(25 * size))
        text = each.sign or each.label
        cv2.putText(drawn, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thickness + 1, cv2.LINE_AA)
    _, content = cv2.imencode(".png", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
    with whole_file(path) as temporary:
        temporary.write_bytes(content.tobytes())
