"""The ways out: one row and one file a format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from inksight.errors import UsageError, unknown
from inksight.export.html import export_html
from inksight.export.proof import Proof
from inksight.runs import SHIPPED, resolve

FORMATS: dict[str, Callable[[Path, Path], Proof]] = {"html": export_html}
"""Format -> function of (a run folder, the file to write); it proves what it has written."""


def export(run: str | Path, format: str, out: Path | None = None) -> tuple[Path, Proof]:
    """Writes a run's model in another format.

    Args:
        run: a run folder, "latest" or "shipped".
        format: a key of FORMATS.
        out: the file to write; `NAME.FORMAT` in this folder unless given.
    Returns:
        the file, and how equal it is to the run's own model.
    Raises:
        UsageError: no such format.
        RunError: there is no such run, or its model is damaged.
        EngineError: the model cannot be written so, or the export is not equal to it; no file is left then.
        StorageError: the file cannot be written.
    """
    if format not in FORMATS:
        raise UsageError(unknown("export format", format, FORMATS))
    folder = resolve(run)
    name = "inksight" if folder == SHIPPED else folder.resolve().name
    path = out or Path(f"{name}.{format}")
    return path, FORMATS[format](folder, path)
