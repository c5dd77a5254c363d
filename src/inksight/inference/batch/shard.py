"""Some 2,000 pictures that are answered together: written down by name, and read one after the other."""

from __future__ import annotations

import errno
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from inksight.errors import DataError
from inksight.inference.batch.parquet import damage, open_parquet, read_rows
from inksight.utils.storage import MOST_BYTES, Store, is_url, refusals

PICTURES = 2000
_AT_ONCE = 64
Found = tuple[str, bytes | str]
"""What a picture is called, and its bytes or why there are none."""


@dataclass(frozen=True)
class Shard:
    """A shard by name.

    number: its place in the listing. rows: how many pictures. names: files, relative to the source; or one Parquet
    file, and then its row group, the first row in that, the number of that row in the file, and the column's path.
    """

    number: int
    rows: int
    names: list[str]
    group: int | None = None
    start: int = 0
    first: int = 0
    column: str = ""

    def to_line(self) -> bytes:
        """It as a line of the listing."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()


def from_line(line: bytes) -> Shard:
    """A line of the listing -> the shard."""
    return Shard(**json.loads(line))


def pack(line: bytes) -> bytes:
    """A line as it travels: names are much alike, a tenth is left of them."""
    return zlib.compress(line, 1)


def unpack(content: bytes) -> Shard:
    """What `pack` gave -> the shard."""
    return from_line(zlib.decompress(content))


def read_shard(shard: Shard, source: Store, shown: str) -> Iterator[list[Found]]:
    """The pictures of a shard in their order, some at a time; always `shard.rows` of them.

    Args:
        source: where the names are. shown: what the source is called in answers.
    Raises:
        DataError: the source cannot be had from here.
    """
    if not source.remote and not os.path.exists(source.place):
        raise DataError(
            f"{source.place} is not on the node {os.uname().nodename}. It must be on all nodes under the same path: on "
            "a disk that they share, or give an object store's URL."
        )
    if shard.group is None:
        yield from _read_files(shard, source, shown)
    else:
        yield from _read_parquet(shard, source, shown)


def called(shown: str, name: str) -> str:
    """What a file of a source is called: what was given, and the rest of the way. Bytes that are no text become �."""
    if is_url(shown):
        return f"{shown.rstrip('/')}/{name}" if name else shown
    return os.fsencode(Path(shown, name)).decode("utf-8", "replace")


def _read_files(shard: Shard, source: Store, shown: str) -> Iterator[list[Found]]:
    for start in range(0, shard.rows, _AT_ONCE):
        names = shard.names[start : start + _AT_ONCE]
        with refusals(source.place):
            contents = source.read_pictures(names)
            refused = [each for each in contents if isinstance(each, PermissionError)]
            if source.remote and len(refused) == len(contents) > 1:  # not some pictures are: the whole store is
                raise refused[0]
        rows = [called(shown, name) for name in names]
        yield [(row, _content(row, content)) for row, content in zip(rows, contents, strict=True)]


def _content(name: str, content: bytes | OSError) -> bytes | str:
    """Bytes, or in words why there are none."""
    if isinstance(content, bytes):
        if len(content) < MOST_BYTES:
            return content
        content = OSError(errno.EFBIG, "File too large")
    if isinstance(content, FileNotFoundError):
        return f"{name} is gone; it was there when the batch began."
    if content.errno == errno.EFBIG:
        return f"{name} has more than {MOST_BYTES // 1024**2} MiB; at most that is read."
    return f"{name} cannot be read: {content.strerror or content}."


def _read_parquet(shard: Shard, source: Store, shown: str) -> Iterator[list[Found]]:
    """A run of rows. What damage takes of it are rows with an error, too."""
    assert shard.group is not None
    name = shard.names[0]
    path = called(shown, name)
    done = 0
    try:
        with refusals(path), source.open(name) as file:
            for values in read_rows(open_parquet(file, path), shard.group, shard.column, shard.start, shard.rows):
                rows = [f"{path}#{number}" for number in range(shard.first + done, shard.first + done + len(values))]
                done += len(values)
                yield [(row, _value(row, value)) for row, value in zip(rows, values, strict=True)]
        why = "the file has fewer rows than when the batch began"
    except DataError as error:
        if (found := damage(error.__cause__)) is None:
            raise
        why = found
    for start in range(done, shard.rows, _AT_ONCE):
        rows = [f"{path}#{shard.first + index}" for index in range(start, min(start + _AT_ONCE, shard.rows))]
        yield [(row, f"{row} cannot be read: {why}.") for row in rows]


def _value(name: str, value: bytes | None) -> bytes | str:
    return f"{name} is null; the bytes of a picture were wanted." if value is None else value
