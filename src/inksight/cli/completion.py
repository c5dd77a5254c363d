"""What a shell completes beside commands and flags: values. They are looked up when Tab is pressed, and not before.

Where nothing is found the shell completes paths.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

Complete = Callable[[str], Iterable[tuple[str, str]]]


def among(names: Iterable[str]) -> Complete:
    """Completes the names of a table."""
    return lambda incomplete: ((name, "") for name in names)


def run_names(incomplete: str) -> Iterator[tuple[str, str]]:
    """Run folders, and the two names."""
    from inksight.runs import METRICS

    yield "latest", "the newest run here"
    yield "shipped", "the model that comes with Inksight"
    yield from _folders(incomplete, lambda folder: (folder / METRICS).is_file())


def unfinished_names(incomplete: str) -> Iterator[tuple[str, str]]:
    """Trainings that did not end, by the run that would have come."""
    from inksight.runs import UNFINISHED

    yield "latest", "the newest training that did not end"
    for name, text in _folders(incomplete, lambda folder: folder.name.endswith(UNFINISHED)):
        yield name.removesuffix(UNFINISHED), text


def data_names(incomplete: str) -> Iterator[tuple[str, str]]:
    """Data sets known by name."""
    from inksight.data.registry import SETS

    return ((known.name, known.title) for known in SETS.values())


def format_names(incomplete: str) -> Iterator[tuple[str, str]]:
    """Formats that a run is exported to."""
    from inksight.export.formats import FORMATS

    return ((name, row.about) for name, row in FORMATS.items())


def corruption_names(incomplete: str) -> Iterator[tuple[str, str]]:
    """Ways in which pictures are spoiled."""
    from inksight.data.synthetic.mnist_c import CORRUPTIONS

    return ((name, "") for name in CORRUPTIONS)


def _folders(incomplete: str, wanted: Callable[[Path], bool]) -> Iterator[tuple[str, str]]:
    """Folders in runs/, or beside the path begun."""
    from inksight.runs import DEFAULT_ROOT

    with contextlib.suppress(OSError):
        for entry in os.scandir(os.path.dirname(incomplete) or DEFAULT_ROOT):
            if entry.is_dir() and not entry.name.startswith(".") and wanted(Path(entry.path)):
                yield _as_word(entry.path), ""


def _as_word(name: str) -> str:
    """A name as bash takes it for one word; the other shells quote it themselves."""
    if os.environ.get("_INKSIGHT_COMPLETE") == "complete_bash":
        return re.sub(r"([^\w./\\:@%+=,~-])", r"\\\1", name)
    return name
