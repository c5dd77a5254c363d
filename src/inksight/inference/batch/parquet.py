"""The pictures in a Parquet file: which column holds them, and a run of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from inksight.errors import DataError

NAMES = ("image", "img", "picture", "photo", "bytes", "content", "data", "png", "jpeg", "jpg")
_HELD_BYTES = 32 * 1024**2  # of pictures at once
_BUFFER_BYTES = 1024**2


def open_parquet(file: IO[bytes], name: str) -> Any:
    """An open Parquet file that is read in pieces.

    Raises:
        DataError: it is none, or damaged.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        return pyarrow.parquet.ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except pyarrow.ArrowInvalid as error:
        raise DataError(f"{name} is no Parquet file that can be read ({error}). Copy it again.") from error


def image_column(schema: Any, wanted: str | None, name: str) -> str:
    """The path of the column with the bytes of pictures, "image" or "image.bytes" for instance.

    Args:
        schema: an Arrow schema. wanted: its name where somebody has chosen it; else the likeliest one is taken.
        name: what to call the file.
    Raises:
        DataError: there is none, or several that may be meant; the text lists all columns.
    """
    paths = {field.name: path for field in schema if (path := _bytes_of(field)) is not None}
    there = ", ".join(f"{field.name} ({_in_words(field.type)})" for field in schema) or "none"
    if wanted is not None:
        if wanted in paths:
            return paths[wanted]
        what = "holds no bytes" if wanted in schema.names else "is not there"
        raise DataError(
            f'{name}: the column "{wanted}" {what}; one of the bytes of picture files was wanted. Its columns: {there}.'
        )
    by_name = {column.lower(): column for column in paths}
    likely = [by_name[each] for each in NAMES if each in by_name] or list(paths)
    if not paths:
        raise DataError(
            f"{name} has no column of pictures: one of bytes, or of a struct with bytes in it, was wanted. Its "
            f"columns: {there}."
        )
    if len(paths) > 1 and likely == list(paths):
        raise DataError(
            f"{name} has several columns that may hold pictures. Choose one by --column. Its columns: {there}."
        )
    return paths[likely[0]]


def read_rows(file: Any, group: int, column: str, start: int, count: int) -> Iterator[list[bytes | None]]:
    """The values of `count` rows of a row group from `start` on, some at a time, so that little is held.

    Args:
        file: as open_parquet gives it. column: as image_column gives it.
    """
    at_once = _rows_at_once(file.metadata, group, column)
    skipped = 0
    for batch in file.iter_batches(at_once, row_groups=[group], columns=[column], use_threads=False):
        values = batch.column(0)
        before, after = max(0, start - skipped), min(len(values), start + count - skipped)
        skipped += len(values)
        if before < after:
            if not _is_bytes(values.type):  # the struct around them
                values = values.field("bytes") if values.null_count == 0 else _within(values, "bytes")
            yield values.slice(before, after - before).to_pylist()
        if skipped >= start + count:
            return


def damage(error: BaseException | None) -> str | None:
    """What is wrong with a file, where an error in reading it came of its content; None where not."""
    import pyarrow

    invalid = isinstance(error, pyarrow.ArrowInvalid | pyarrow.ArrowNotImplementedError)
    if invalid or (type(error) is OSError and error.errno is None):  # as what unpacks its pages says
        return f"the file is damaged there ({str(error).strip().rstrip('.')})"
    return None


def _bytes_of(field: Any) -> str | None:
    """The path to a field's bytes: its own name, or that of the bytes in it, the form of Hugging Face's data sets."""
    import pyarrow

    if _is_bytes(field.type):
        return str(field.name)
    if pyarrow.types.is_struct(field.type):
        for index in range(field.type.num_fields):
            inner = field.type.field(index)
            if inner.name == "bytes" and _is_bytes(inner.type):
                return f"{field.name}.bytes"
    return None


def _is_bytes(kind: Any) -> bool:
    from pyarrow import types

    return any(
        check(kind)
        for check in (types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary)
    )


def _in_words(kind: Any) -> str:
    """A type, short."""
    text = str(kind)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _within(values: Any, name: str) -> Any:
    """A field of a struct array; a null struct has a null field."""
    import pyarrow.compute

    return pyarrow.compute.struct_field(values, name)


def _rows_at_once(metadata: Any, group: int, column: str) -> int:
    """As many rows as hold _HELD_BYTES, by the average of the group; 500 at most."""
    found = metadata.row_group(group)
    for index in range(found.num_columns):
        chunk = found.column(index)
        if chunk.path_in_schema == column:
            average = max(1, chunk.total_uncompressed_size // max(1, found.num_rows))
            return int(max(1, min(500, _HELD_BYTES // average)))
    return 1
