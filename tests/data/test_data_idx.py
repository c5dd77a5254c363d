"""IDX bytes: good ones give arrays, all others say what is wrong."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from inksight.data.idx import load_idx, parse_idx
from inksight.errors import DataError


def idx_bytes(array: np.ndarray) -> bytes:
    """An array of bytes as IDX, plain."""
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def packed(content: bytes) -> bytes:
    """Gzip without the time, which would give a test another name in each process."""
    return gzip.compress(content, mtime=0)


IMAGES = np.arange(2 * 3 * 4).reshape(2, 3, 4).astype(np.uint8)
GOOD = idx_bytes(IMAGES)


@pytest.mark.parametrize("content", [GOOD, gzip.compress(GOOD)], ids=["plain", "packed"])
def test_images_come_back(content: bytes) -> None:
    array = parse_idx(content, "x", 3)
    assert array.dtype == np.uint8
    np.testing.assert_array_equal(array, IMAGES)


def test_labels_come_back() -> None:
    np.testing.assert_array_equal(parse_idx(idx_bytes(np.array([3, 1, 2])), "x", 1), [3, 1, 2])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG" + GOOD[4:], r"x is not an IDX file of images: it starts with 0x89504e47, 0x00000803 was wanted"),
        (b"\0\0\x0d\x03" + GOOD[4:], "0x00000d03, 0x00000803 was wanted"),
        (idx_bytes(np.array([1])), "starts with 0x00000801, 0x00000803 was wanted"),
        (b"", "not an IDX file"),
        (GOOD[:10], r"cut short inside its header \(10 bytes\)"),
        (GOOD[:-1], r"cut short: its header announces 24 bytes of 2×3×4, 23 came"),
        (GOOD + b"\0", r"too long: more bytes follow the 24 that its header announces \(2×3×4\)"),
        (packed(GOOD[:-1]), "announces 24 bytes of 2×3×4, 23 came"),
        (packed(GOOD + b"\0"), "too long"),
        (packed(GOOD) + b"rubbish", "too long"),
        (packed(GOOD)[:-12], "cut short inside its gzip stream"),
        (packed(GOOD)[:-1], "cut short inside its gzip stream"),
        (packed(GOOD)[:-8] + bytes(8), "damaged"),
        (packed(b""), "not an IDX file"),
    ],
)
def test_bad_bytes_are_explained(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_idx(content, "x", 3)


def test_a_gzip_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(GOOD + bytes(100_000_000), compresslevel=9)
    tracemalloc.start()
    with pytest.raises(DataError, match="too long"):
        parse_idx(bomb, "x", 3)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_an_announced_giant_is_not_allocated() -> None:
    giant = b"\0\0\x08\x03" + b"\xff" * 12 + bytes(100)
    for content in (giant, gzip.compress(giant)):
        with pytest.raises(DataError, match="100 came"):
            parse_idx(content, "x", 3)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone cannot be read: No such file"):
        load_idx(tmp_path / "gone", 3)
