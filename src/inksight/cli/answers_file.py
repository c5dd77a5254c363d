"""The answers of `inksight predict --out`, a row a picture: CSV, JSON lines or Parquet, by the file's ending."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inksight.cli.sources import Answered
from inksight.errors import InksightError, UsageError
from inksight.utils.atomic import whole_file

if TYPE_CHECKING:
    from inksight.runs import ModelCard

COLUMNS = ("source", "label", "confidence", "verdict", "error", "notes", "true_label")
_GROUP_ROWS = 16 * 1024
Add = Callable[[Sequence[Answered]], None]
"""Appends rows."""


@contextmanager
def _csv(path: Path, card: ModelCard) -> Iterator[Add]:
    """COLUMNS, and behind them the probability of each class."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, *(f"probability of {name}" for name in card.classes)])

        def add(rows: Sequence[Answered]) -> None:
            for row in rows:
                record = row.to_dict()
                record["notes"] = " ".join(record.get("notes", ()))
                probabilities = record.get("probabilities") or dict.fromkeys(card.classes)
                writer.writerow([*(record.get(name) for name in COLUMNS), *probabilities.values()])

        yield add


@contextmanager
def _json_lines(path: Path, card: ModelCard) -> Iterator[Add]:
    """What --json prints."""
    with open(path, "w", encoding="utf-8") as file:
        yield lambda rows: file.writelines(json.dumps(row.to_dict(), ensure_ascii=False) + "\n" for row in rows)


@contextmanager
def _parquet(path: Path, card: ModelCard) -> Iterator[Add]:
    """The columns of `predict --batch`, and true_label."""
    import pyarrow as pa
    import pyarrow.parquet

    from inksight.inference.batch.part import make_schema, row_of

    schema = make_schema(card, {}, "").append(pa.field("true_label", pa.string()))
    held: list[dict[str, Any]] = []
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:

        def write() -> None:
            writer.write_table(pa.Table.from_pylist(held, schema))
            held.clear()

        def add(rows: Sequence[Answered]) -> None:
            for row in rows:
                answer = row.to_dict()["error"] if isinstance(row.answer, InksightError) else row.answer
                held.append(row_of(row.source, answer) | {"true_label": row.true_label})
            if len(held) >= _GROUP_ROWS:
                write()

        yield add
        write()


FORMATS: dict[str, Callable[[Path, ModelCard], AbstractContextManager[Add]]] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".parquet": _parquet,
}


def require_format(out: str) -> None:
    """Checks, before anything is answered, that a file of this name can be written.

    Raises:
        UsageError: another ending.
        ModuleNotFoundError: Parquet without pyarrow.
    """
    ending = Path(out).suffix.lower()
    if ending not in FORMATS:
        raise UsageError(
            f'--out is "{out}"; FILE.csv, FILE.jsonl or FILE.parquet was expected. FOLDER/ is for --batch only.'
        )
    if ending == ".parquet":
        import pyarrow.parquet  # noqa: F401


@contextmanager
def answers_file(out: str, card: ModelCard) -> Iterator[Add]:
    """A file of answers, which takes its name when the block ends well.

    Raises:
        StorageError: the place takes no file.
    """
    with whole_file(Path(out)) as temporary, FORMATS[Path(out).suffix.lower()](temporary, card) as add:
        yield add
