"""Pictures named on the command line, and what to say of those that cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from inksight.cli.output import emit, fail
from inksight.errors import InksightError, PictureError


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


def report_error(error: InksightError, source: str, as_json: bool) -> int:
    """An error as one answer among others; gives the exit code."""
    if as_json:
        emit({"source": source, "error": str(error)})
    return fail(error)
