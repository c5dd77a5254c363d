"""Pictures named on the command line, and what to say of those that cannot be read."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from inksight.cli.output import emit, fail
from inksight.errors import InksightError, PictureError, shortened

if TYPE_CHECKING:
    from inksight.predictor import Picture, Predictor

OF_A_SET = re.compile(r"(?P<name>.+):(?P<index>-?\d+)")


def pictures_in(source: str) -> Iterator[str]:
    """The source itself, or the pictures in it if it is a folder."""
    from inksight.picture import EXTENSIONS

    folder = Path(source)
    if not folder.is_dir():
        yield source
        return
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS and path.is_file())
    if not found:
        raise PictureError(f"no picture in {source}: files ending in {', '.join(sorted(EXTENSIONS))} were looked for.")
    yield from map(str, found)


def each_picture(sources: Iterable[str], answer: Callable[[str], int], as_json: bool) -> int:
    """Calls `answer` with the name of every picture; a source that cannot be had is reported and does not stop the
    others. Gives the worst exit code."""
    codes = [0]
    for source in sources:
        try:
            codes += [answer(name) for name in pictures_in(source)]
        except InksightError as error:
            codes.append(report_error(error, source, as_json))
    return max(codes)


def named_picture(predictor: Predictor, source: str) -> tuple[Picture, str, str | None]:
    """The picture that a file, NAME:INDEX of a data set's test part or - for stdin stands for, what to call it, and its
    true label where the source is a data set's."""
    if source == "-":
        return sys.stdin.buffer.read(), "stdin", None
    if (match := OF_A_SET.fullmatch(source)) and not Path(source).exists():
        from inksight.data import sample
        from inksight.picture import ParsedPicture

        card, name = predictor.card, match["name"]
        own = name == card.provenance.get("data", {}).get("source")  # then its test part is the one it was tested on
        seed = card.provenance["seed"] if own else 0
        index, size = int(match["index"]), card.size_px
        image, label, classes = sample(name, index, size_px=size, prepare=predictor.inputs, seed=seed)
        truth = classes[label]
        strange = f"its label, {truth}, is not a class of {predictor.name} ({shortened(card.classes)})."
        return ParsedPicture(image, (strange,) if truth not in card.classes else ()), source, truth
    return source, source, None


def report_error(error: InksightError, source: str, as_json: bool) -> int:
    """An error as one answer among others; gives the exit code."""
    if as_json:
        emit({"source": source, "error": str(error)})
    return fail(error)
