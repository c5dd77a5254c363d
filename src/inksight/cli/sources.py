"""Pictures named on the command line, and what to say of those that cannot be read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inksight.errors import InksightError, PictureError, shortened

if TYPE_CHECKING:
    from inksight.data.square import Prepare
    from inksight.inference.predictor import Answer, Picture, Predictor

ADDRESS_HELP = "NAME:SPLIT/INDEX of a data set (mnist:test/4444, or mnist:4444 for short)"
_AT_ONCE = 64


@dataclass(frozen=True)
class Named:
    """A picture and what to call it. true_label: of a data set's picture."""

    picture: Picture
    source: str
    true_label: str | None = None


@dataclass(frozen=True)
class Answered:
    """A picture with its answer, or with the error in its place."""

    source: str
    answer: Answer | InksightError
    true_label: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        if isinstance(self.answer, InksightError):
            return {"source": self.source, "error": as_text(str(self.answer))}
        return self.answer.to_dict() | ({} if self.true_label is None else {"true_label": self.true_label})


@dataclass(frozen=True)
class Unusable:
    """A folder that has no pictures, or cannot be read."""

    folder: str
    error: InksightError


def pictures_in(sources: Iterable[str]) -> list[str | Unusable]:
    """The sources; in place of each folder the pictures in it and below it."""
    found: list[str | Unusable] = []
    for source in sources:
        try:
            found += _walked(source) if os.path.isdir(source) else [source]
        except PictureError as error:
            found.append(Unusable(source, error))
    return found


def _walked(folder: str) -> list[str]:
    """The pictures in a folder, by name, and then those below it; what is hidden is left aside."""
    from inksight.data.folder import IGNORED_FOLDERS
    from inksight.imaging.decode import EXTENSIONS

    def refuse(error: OSError) -> None:
        raise PictureError(f"{error.filename} cannot be read: {error.strerror}.") from error

    found: list[str] = []
    for place, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in IGNORED_FOLDERS)
        pictures = (name for name in files if not name.startswith(".") and Path(name).suffix.lower() in EXTENSIONS)
        found += [str(Path(place, name)) for name in sorted(pictures)]
    if not found:
        raise PictureError(f"no picture in {folder}: files ending in {', '.join(sorted(EXTENSIONS))} were looked for.")
    return found


def named_picture(source: str, predictor: Predictor, prepare: Prepare | None = None) -> Named:
    """The picture that a file, an address or - for stdin stands for; a file is not read yet.

    Args:
        predictor: the model to answer; the data it was trained on is split as in the training.
        prepare: brings a data set's picture to the network's size; default: as the predictor does.
    """
    if source == "-":
        return Named(sys.stdin.buffer.read(), "stdin")
    from inksight.data.address import parse_address

    if (address := parse_address(source)) is None:
        return Named(Path(source), as_text(source))
    from inksight.data import sample
    from inksight.imaging.decode import ParsedPicture

    card, prepare = predictor.card, prepare or predictor.inputs
    own = address.data == card.provenance.get("data", {}).get("source")
    seed = card.provenance["seed"] if own else 0
    found = sample(address.data, address.index, address.split, size_px=card.size_px, prepare=prepare, seed=seed)
    truth = found.classes[found.label]
    strange = f"its label, {truth}, is not a class of {predictor.name} ({shortened(card.classes)})."
    return Named(ParsedPicture(found.image, (strange,) if truth not in card.classes else ()), str(address), truth)


def answered(predictor: Predictor, pictures: Sequence[str | Unusable]) -> Iterator[list[Answered]]:
    """Answers what `pictures_in` gave, some at a time; an unreadable picture has its error in place of the answer."""
    for start in range(0, len(pictures), _AT_ONCE):
        opened = [_opened(predictor, each) for each in pictures[start : start + _AT_ONCE]]
        there = [(each.picture, each.source) for each in opened if isinstance(each, Named)]
        answers = iter(predictor.predict_each(there))
        rows = []
        for each in opened:
            if isinstance(each, Named):
                rows.append(Answered(each.source, next(answers), each.true_label))
            else:
                rows.append(each)
        yield rows


def _opened(predictor: Predictor, source: str | Unusable) -> Named | Answered:
    """A picture that can be asked about, or the error in its place."""
    if isinstance(source, Unusable):
        return Answered(as_text(source.folder), source.error)
    try:
        return named_picture(source, predictor)
    except InksightError as error:
        return Answered(as_text(source), error)


def unreadable(errors: int, pictures: int) -> str:
    """How many of some pictures could not be read, in words."""
    return f"{errors:,} of {pictures:,} pictures could not be read"


def as_text(name: str) -> str:
    """A text with file names in it as it may be written: bytes that are no text become �."""
    return os.fsencode(name).decode("utf-8", "replace")
