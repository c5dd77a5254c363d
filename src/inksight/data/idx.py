"""IDX bytes, packed with gzip or plain -> an array. Source: "The IDX file format", Yann LeCun's MNIST page."""

from __future__ import annotations

import math
import struct
import sys
import zlib
from pathlib import Path

import numpy as np

from inksight.errors import DataError

UNSIGNED_BYTE = 0x08
GZIP_MAGIC = b"\x1f\x8b"
GZIP_WINDOW = 31  # zlib's word for "a gzip header around it"


def load_idx(path: Path, dimensions: int) -> np.ndarray:
    """Reads and parses one IDX file; see `parse_idx`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Check the path.") from error
    return parse_idx(content, str(path), dimensions)


def parse_idx(content: bytes, name: str, dimensions: int) -> np.ndarray:
    """Parses one IDX array of unsigned bytes. Never unpacks more than the header announces.

    Args:
        content: the whole file.
        name: what to call it in errors.
        dimensions: 3 for images (n, height, width), 1 for labels (n,).
    Returns:
        uint8, read-only.
    Raises:
        DataError: wrong magic, wrong length, a gzip stream that is cut short or damaged.
    """
    unpacker = _Gzip(content, name) if content[:2] == GZIP_MAGIC else _Plain(content)
    shape = _parse_header(unpacker.read(4 + 4 * dimensions), name, dimensions)
    wanted = math.prod(shape)
    body = unpacker.read(wanted + 1)
    if len(body) < wanted:
        raise DataError(
            f"{name} is cut short: its header announces {wanted:,} bytes of {'×'.join(map(str, shape))}, "
            f"{len(body):,} came. Copy or fetch it again."
        )
    if len(body) > wanted or unpacker.rest():
        raise DataError(
            f"{name} is too long: more bytes follow the {wanted:,} that its header announces "
            f"({'×'.join(map(str, shape))}). Copy or fetch it again."
        )
    return np.frombuffer(body, np.uint8).reshape(shape)


def _parse_header(header: bytes, name: str, dimensions: int) -> tuple[int, ...]:
    """The shape that the header announces."""
    wanted = bytes([0, 0, UNSIGNED_BYTE, dimensions])
    if header[:4] != wanted:
        kind = "images" if dimensions == 3 else "labels"
        raise DataError(
            f"{name} is not an IDX file of {kind}: it starts with 0x{header[:4].hex()}, 0x{wanted.hex()} was wanted."
        )
    if len(header) < 4 + 4 * dimensions:
        raise DataError(f"{name} is cut short inside its header ({len(header)} bytes). Copy or fetch it again.")
    return struct.unpack(f">{dimensions}I", header[4:])


class _Plain:
    """Bytes as they are, read from front to back."""

    def __init__(self, content: bytes) -> None:
        self._content = memoryview(content)

    def read(self, size: int) -> bytes:
        """At most `size` bytes."""
        piece, self._content = self._content[:size], self._content[size:]
        return bytes(piece)

    def rest(self) -> bool:
        """Whether bytes are left."""
        return len(self._content) > 0


class _Gzip:
    """Packed bytes, unpacked only as far as they are asked for, so that a bomb never goes off."""

    def __init__(self, content: bytes, name: str) -> None:
        self._packed = content
        self._name = name
        self._stream = zlib.decompressobj(GZIP_WINDOW)

    def read(self, size: int) -> bytes:
        """At most `size` bytes."""
        try:
            piece = self._stream.decompress(self._packed, min(size, sys.maxsize))
        except zlib.error as error:
            raise DataError(f"{self._name} is damaged ({error}). Copy or fetch it again.") from error
        self._packed = self._stream.unconsumed_tail
        if len(piece) < size and not self._stream.eof:
            raise DataError(f"{self._name} is cut short inside its gzip stream. Copy or fetch it again.")
        return piece

    def rest(self) -> bool:
        """Whether bytes follow the stream."""
        return bool(self._stream.unused_data)
