"""Pictures named on the command line, and what to say of those that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
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


def report_error(error: InksightError, source: str, as_json: bool) -> int:
    """An error as one answer among others; gives the exit code."""
    if as_json:
        emit({"source": source, "error": str(error)})
    return fail(error)
