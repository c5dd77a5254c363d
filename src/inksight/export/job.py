"""A run -> a file for other places, proved; and an old export, asked again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inksight.errors import RunError, StorageError, UsageError, unknown
from inksight.export import sidecar
from inksight.export.format import Format, Source, require
from inksight.export.formats import FORMATS
from inksight.export.proof import Proof, expected_answers, golden_pictures, prove
from inksight.runs import SHIPPED, RunLike, resolve, write_json
from inksight.utils.atomic import whole_file, whole_folder


@dataclass(frozen=True)
class Exported:
    """An export that was proved. path: the file or folder; beside it, or in it, is its sidecar.
    snippet: how a program uses it."""

    path: Path
    format: str
    proof: Proof
    snippet: str

    def __repr__(self) -> str:
        return f"Exported {self.path}: {self.format}, {self.size_bytes / 1e6:.2f} MB"

    @property
    def size_bytes(self) -> int:
        """Of the file, or of all in the folder."""
        files = [self.path] if self.path.is_file() else [file for file in self.path.rglob("*") if file.is_file()]
        return sum(file.stat().st_size for file in files)


def export_run(run: RunLike | None, format: str, out: str | Path | None = None) -> Exported:
    """Writes a run's model in another format and asks it 1,000 pictures there before it may stay.

    Args:
        run: a Run, a run folder, "latest" or "shipped"; None for the latest run, or the shipped model where there is
            none.
        format: a key of FORMATS.
        out: the file to write, or for some formats the folder to make; `NAME.SUFFIX` here unless given.
    Raises:
        UsageError: no such format.
        RunError: there is no such run, or its model is damaged.
        EngineError: an extra is missing, the model cannot be written so, or the export is not equal to it; nothing is
            left then.
        StorageError: the place cannot be written, or a folder is there already.
    """
    if format not in FORMATS:
        raise UsageError(unknown("export format", format, FORMATS))
    row = FORMATS[format]
    folder = resolve(run)
    source = Source.load(folder)
    require((*row.needs, *row.to_ask), f"the format {format}")
    name = "inksight" if folder == SHIPPED else folder.resolve().name
    path = Path(out) if out is not None else Path(f"{name}{row.suffix}")
    _require_place(path, row, folder)
    images = golden_pictures(source.card.size_px, source.card.channels)
    expected = expected_answers(source, images)
    with (whole_folder if row.is_folder else whole_file)(path) as temporary:
        row.write(source, temporary)
        proof = prove(f"the {format} export", row.answer(temporary, images), expected, row)
        beside = sidecar.describe(format, row, source.card, temporary, path.name, expected, proof)
        if row.is_folder:
            write_json(temporary / sidecar.IN_FOLDER, beside)
        else:
            with whole_file(sidecar.beside(path)) as file:
                write_json(file, beside)
    return Exported(path, format, proof, beside["snippet"])


def _require_place(path: Path, row: Format, run: Path) -> None:
    """Raises UsageError or StorageError where an export would take the place of something else."""
    ending = f".{row.suffix.rpartition('.')[2]}"
    if not row.is_folder and not path.is_dir() and path.suffix != ending:
        raise UsageError(f"{path} was to be written; give --out a name that ends in {ending}.")
    if path.is_dir() or (row.is_folder and path.exists()):
        raise StorageError(f"{path} exists already; it is left as it was. Choose another --out.")
    if path.resolve().parent == run.resolve():
        raise StorageError(f"{path} lies in the run itself, whose files are its own. Choose another --out.")
    place = sidecar.beside(path)
    if not row.is_folder and place.exists() and not sidecar.is_one(place):
        raise StorageError(f"{place} exists already and is no sidecar of an export. Choose another --out.")


def verify_export(export: str | Path, run: RunLike | None = None) -> Exported:
    """Asks an old export the same pictures again.

    Args:
        export: a file or folder that `export_run` has written.
        run: what to compare it with; None for the answers that are kept in its sidecar, which needs nothing else.
    Raises:
        RunError: there is no such export, its sidecar is missing or damaged, or its bytes have changed.
        EngineError: its runtime is not installed, or it answers otherwise.
    """
    path = Path(export)
    beside = sidecar.load(path)
    if beside.format not in FORMATS:
        raise RunError(f"{path} {unknown('export format', beside.format, FORMATS)} A later version may know it.")
    row = FORMATS[beside.format]
    require(row.to_ask, f"asking {path.name}")
    sidecar.require_unchanged(path, beside.files)
    images = golden_pictures(beside.size_px, beside.channels)
    expected = beside.expected if run is None else _answers_of(run, path, images)
    proof = prove(str(path), row.answer(path, images), expected, row)
    return Exported(path, beside.format, proof, beside.snippet)


def _answers_of(run: RunLike, export: Path, images: np.ndarray) -> np.ndarray:
    """What a run says to pictures of an export's size."""
    folder = resolve(run)
    source = Source.load(folder)
    if (source.card.size_px, source.card.channels) != images.shape[2:]:
        raise RunError(
            f"{folder} takes pictures of {source.card.size_px} px and {source.card.channels} channel(s), {export} of "
            f"{images.shape[2]} px and {images.shape[3]}; it is no export of that run."
        )
    return expected_answers(source, images)
