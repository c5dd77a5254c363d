"""A source -> shards, found one after the other: folders of pictures, Parquet files, or folders with both."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from inksight.data.folder import IGNORED_FOLDERS
from inksight.errors import DataError, UsageError
from inksight.imaging.decode import EXTENSIONS
from inksight.inference.batch.parquet import image_column, open_parquet
from inksight.inference.batch.part import BATCH
from inksight.inference.batch.shard import PICTURES, Shard, called
from inksight.utils.storage import Store, is_url, refusals

PARQUET = (".parquet", ".pq", ".parq")
_RUNS = 64  # of a row group at most: each run reads the group from its start


@dataclass
class _Open:
    """What is being put together: pictures that make no whole shard yet, and the number of the next shard."""

    number: int = 0
    names: list[str] = field(default_factory=list)

    def taken(self) -> Shard:
        """All names as a shard."""
        shard, self.names = Shard(self.number, len(self.names), self.names), []
        self.number += 1
        return shard


def whole_place(source: str) -> str:
    """A source as all nodes understand it: a URL, or a path from the root."""
    return source if is_url(source) else os.path.abspath(source)


def list_shards(source: Store, shown: str, column: str | None) -> Iterator[Shard]:
    """The shards of a source, folder by folder, by name in each: its pictures, its Parquet files, then what is below.

    What is hidden, and what is neither picture nor Parquet by its name, is left aside. Of all this no more is held than
    the names in one folder.

    Args:
        shown: what errors call the source. column: as for image_column.
    Raises:
        DataError: a place that cannot be read, a Parquet file without pictures, or nothing there.
    """
    found = 0
    with refusals(shown):
        shards = (
            _parquet_shards(source, "", 0, shown, column) if _is_parquet(source) else _folder(source, shown, column)
        )
        for shard in shards:
            found += shard.rows
            yield shard
    if not found:
        raise DataError(
            f"no picture in {shown}: files ending in {', '.join(sorted(EXTENSIONS))}, and Parquet files, were looked "
            "for."
        )


def _is_parquet(source: Store) -> bool:
    """Whether the source is one Parquet file, and not a folder.

    Raises:
        UsageError: it is a file of another kind.
    """
    by_name = _ending(source.place.partition("?")[0]) in PARQUET
    if source.place.startswith("http"):
        if not by_name:
            raise UsageError(f"{source.place} is no Parquet file by its name; over HTTP nothing else can be listed.")
        return True
    if not source.is_file():
        return False
    if not by_name:
        raise UsageError(
            f"{source.place} is a single file; a folder of pictures, a Parquet file or a folder of those was wanted. "
            "For single pictures: inksight predict PICTURE."
        )
    return True


def _folder(source: Store, shown: str, column: str | None) -> Iterator[Shard]:
    """The shards of a folder and all below it."""
    open_shard = _Open()
    for folder, folders, files in source.walk():
        folders[:] = [name for name in folders if not name.startswith(".") and name not in IGNORED_FOLDERS]
        files = sorted(name for name in files if not name.startswith("."))
        for name in files:
            if _ending(name) in EXTENSIONS:
                open_shard.names.append(folder + name)
                if len(open_shard.names) == PICTURES:
                    yield open_shard.taken()
        for name in files:
            if _ending(name) in PARQUET:
                if open_shard.names:
                    yield open_shard.taken()
                for shard in _parquet_shards(source, folder + name, open_shard.number, shown, column):
                    open_shard.number = shard.number + 1
                    yield shard
    if open_shard.names:
        yield open_shard.taken()


def _parquet_shards(source: Store, name: str, number: int, shown: str, column: str | None) -> Iterator[Shard]:
    """The shards of one Parquet file: a row group, or a run of its rows. number: of the first one."""
    path = called(shown, name)
    with refusals(path), source.open(name) as file:
        parquet = open_parquet(file, path)
        if BATCH in (parquet.schema_arrow.metadata or {}):  # answers that an earlier batch put here
            return
        where = image_column(parquet.schema_arrow, column, path)
        first = 0
        for group in range(parquet.metadata.num_row_groups):
            rows = parquet.metadata.row_group(group).num_rows
            run = rows if source.remote else max(PICTURES, -(-rows // _RUNS))
            for start in range(0, rows, max(1, run)):
                yield Shard(number, min(run, rows - start), [name], group, start, first + start, where)
                number += 1
            first += rows


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower()
