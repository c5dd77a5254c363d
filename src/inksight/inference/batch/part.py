"""A part: the Parquet file of a shard's answers, a row a picture; and all parts -> one file."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inksight.errors import StorageError
from inksight.inference.predictor import Answer
from inksight.runs import ModelCard
from inksight.utils.atomic import whole_file
from inksight.utils.storage import Store

BATCH = b"inksight.batch"  # in a part's metadata: the batch that it belongs to
_PART_GROUP_ROWS = 16 * 1024
_GROUP_ROWS = 128 * 1024  # of the one file; the list of its groups is in memory until it is written


@dataclass(frozen=True)
class Receipt:
    """What a part holds: rows, and how many of them are errors."""

    rows: int
    errors: int


def part_name(number: int) -> str:
    """The file of a shard."""
    return f"part-{number:06}.parquet"


def make_schema(card: ModelCard, facts: dict[str, str], batch: str) -> Any:
    """The columns of answers, and in their metadata what they come from.

    Args:
        facts: strings by name. batch: the mark of the batch.
    """
    import pyarrow as pa

    metadata = {
        "inksight.classes": json.dumps(card.classes, ensure_ascii=False),
        "inksight.training.provenance": json.dumps(card.provenance, ensure_ascii=False),
        **{f"inksight.{name}": value for name, value in facts.items()},
        BATCH.decode(): batch,
    }
    return pa.schema(
        [
            pa.field("source", pa.string(), nullable=False),
            pa.field("label", pa.string()),
            pa.field("confidence", pa.float32()),
            pa.field("verdict", pa.string()),
            pa.field("error", pa.string()),
            pa.field("notes", pa.list_(pa.string())),
            pa.field("probabilities", pa.list_(pa.float32())),
        ],
        metadata=metadata,
    )


def row_of(source: str, answer: Answer | str) -> dict[str, Any]:
    """The columns of an answer, or of the error in its place."""
    if isinstance(answer, str):
        return {"source": source, "error": answer}
    return {
        "source": source,
        "label": answer.label,
        "confidence": answer.confidence,
        "verdict": answer.verdict,
        "notes": answer.notes,
        "probabilities": list(answer.probabilities.values()),
    }


class PartWriter:
    """Answers -> the bytes of a part, some rows at a time."""

    def __init__(self, schema: Any) -> None:
        import pyarrow.parquet

        self._schema, self._sink = schema, io.BytesIO()
        self._writer = pyarrow.parquet.ParquetWriter(self._sink, schema, compression="zstd")
        self._rows = self._errors = 0
        self._held: list[Any] = []

    def add(self, answers: Sequence[tuple[str, Answer | str]]) -> None:
        """Rows: what a picture is called, and its answer or its error."""
        import pyarrow as pa

        self._held.append(pa.RecordBatch.from_pylist([row_of(*each) for each in answers], self._schema))
        self._rows += len(answers)
        self._errors += sum(isinstance(answer, str) for _, answer in answers)
        if sum(map(len, self._held)) >= _PART_GROUP_ROWS:
            self._write()

    def close(self) -> tuple[bytes, Receipt]:
        """The file, and what it holds."""
        self._write()
        self._writer.close()
        return self._sink.getvalue(), Receipt(self._rows, self._errors)

    def _write(self) -> None:
        import pyarrow as pa

        self._writer.write_table(pa.Table.from_batches(self._held, self._schema))
        self._held = []


def find_part(store: Store, number: int, rows: int, batch: str) -> Receipt | None:
    """What the part of a shard holds; None where there is none, or none that is whole and of this batch."""
    import pyarrow
    import pyarrow.parquet

    try:
        with store.open(part_name(number)) as file:
            metadata = pyarrow.parquet.read_metadata(file)
    except (OSError, pyarrow.ArrowInvalid):
        return None
    if metadata.num_rows != rows or (metadata.metadata or {}).get(BATCH) != batch.encode():
        return None
    column = metadata.schema.names.index("error")
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    return Receipt(rows, sum(group.num_rows - group.column(column).statistics.null_count for group in groups))


def join_parts(store: Store, numbers: range, schema: Any, out: Path) -> None:
    """Writes all parts into one file, in their order.

    Raises:
        StorageError: the disk takes no such file, or has not kept a part as it was.
    """
    import pyarrow as pa
    import pyarrow.parquet

    with whole_file(out) as temporary, pyarrow.parquet.ParquetWriter(temporary, schema, compression="zstd") as writer:
        held: list[Any] = []
        for number in numbers:
            try:
                with store.open(part_name(number)) as file:
                    held.append(pyarrow.parquet.read_table(file, schema=schema))
            except (OSError, pa.ArrowInvalid) as error:
                raise StorageError(
                    f"{store.path(part_name(number))} cannot be read ({error}). Delete it, and it is made again."
                ) from error
            if sum(len(table) for table in held) >= _GROUP_ROWS or number == numbers[-1]:
                table = pa.concat_tables(held)
                writer.write_table(table, row_group_size=len(table))
                held = []
