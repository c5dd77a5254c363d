"""The last step from ink to input: the normalisation that made MNIST.

Source: facebookresearch/qmnist, making_qmnist/xnist.lsh, with exact area weights (fudge 1).
"""

from __future__ import annotations

import numpy as np

MNIST_PX = 28
MNIST_BOX_PX = 20


def normalise(ink: np.ndarray, size_px: int = MNIST_PX) -> np.ndarray:
    """Crops, squares, resamples and centres ink as MNIST's makers did.

    The ink box is grown on its short side to a square, area-resampled to 20×20, scaled so that its brightest
    pixel is 255, and placed so that its centre of mass lands on pixel index 14. What leaves the frame is cut.

    Args:
        ink: uint8 or float32 (height, width), bright ink on 0, not all 0.
        size_px: the side of the result; the box and the centre keep their proportions.
    Returns:
        uint8 (size_px, size_px).
    """
    box_px = round(size_px * MNIST_BOX_PX / MNIST_PX)
    top, left, height, width = ink_box(ink)
    side = max(height, width)
    rows = _area_weights(height, (side - height) // 2, side, box_px)
    columns = _area_weights(width, (side - width) // 2, side, box_px)
    square = rows @ ink[top : top + height, left : left + width].astype(np.float32) @ columns.T
    grey = np.floor(square * (255 / square.max()) + 0.5).astype(np.uint8)
    return _centred(grey, size_px)


def ink_box(ink: np.ndarray) -> tuple[int, int, int, int]:
    """The tight box around everything above 0: top, left, height, width in pixels."""
    rows = np.flatnonzero(ink.any(axis=1))
    columns = np.flatnonzero(ink.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return top, left, int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left


def _area_weights(length: int, start: int, side: int, box_px: int) -> np.ndarray:
    """How much of each of `length` pixels, the first at `start` of `side`, falls into each of box_px cells."""
    edges = (start + np.arange(length + 1)) * (box_px / side)
    cells = np.arange(box_px)[:, None]
    overlap = np.minimum(edges[1:], cells + 1) - np.maximum(edges[:-1], cells)
    return np.asarray(np.maximum(overlap, 0), np.float32)


def _centred(grey: np.ndarray, size_px: int) -> np.ndarray:
    """Lays the box into the frame, its centre of mass (pixel centres at +0.5) on the middle."""
    box_px = len(grey)
    frame = np.zeros((size_px, size_px), np.uint8)
    middles = np.arange(box_px) + 0.5
    places = []
    for axis in (1, 0):
        weights = grey.sum(axis=axis, dtype=np.int64)
        offset = int(size_px / 2 + 1 - weights @ middles / weights.sum())
        first, last = max(offset, 0), min(offset + box_px, size_px)
        places.append((slice(first, last), slice(first - offset, last - offset)))
    (rows, from_rows), (columns, from_columns) = places
    frame[rows, columns] = grey[from_rows, from_columns]
    return frame
