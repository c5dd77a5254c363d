"""MNIST from its four gzipped IDX files with NumPy alone: what every peer reads, whatever its framework."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np


def images(folder: str, part: str) -> np.ndarray:
    """Pictures of `part` (train or t10k): uint8 (n, 28, 28), bright ink on dark."""
    return parse(Path(folder, f"{part}-images-idx3-ubyte.gz").read_bytes())


def labels(folder: str, part: str) -> np.ndarray:
    """The digits that belong to them: uint8 (n,)."""
    return parse(Path(folder, f"{part}-labels-idx1-ubyte.gz").read_bytes())


def parse(packed: bytes) -> np.ndarray:
    """The array in a gzipped IDX file of bytes: 0, 0, 8 (uint8), the number of axes, their lengths, the values."""
    content = gzip.decompress(packed)
    if content[:3] != b"\0\0\x08":
        raise ValueError(f"an IDX file of bytes begins with 00 00 08, this one with {content[:3].hex(' ')}")
    axes = content[3]
    shape = np.frombuffer(content, ">u4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)
