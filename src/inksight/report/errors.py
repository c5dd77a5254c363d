"""The wrong answers as one picture."""

from __future__ import annotations

import numpy as np

from inksight.data.address import short_name
from inksight.data.dataset import Split
from inksight.utils.montage import sheet

MOST = 100


def errors_sheet(
    split: Split, probabilities: np.ndarray, wrong: np.ndarray, classes: tuple[str, ...], most: int = MOST
) -> np.ndarray:
    """A sheet of wrong answers with true class, answer, confidence, and file or place in the test part below each.

    Args:
        probabilities: float32 (n, classes). wrong: int64 (k,), indices in the order wanted; the first `most` are shown.
    Returns:
        uint8 (height, width[, 3]).
    """
    shown = wrong[:most]
    if not len(shown):
        blank = np.zeros((1, *split.images.shape[1:]), np.uint8)
        return sheet(blank, ["none wrong"], columns=1)
    captions = [
        f"{classes[split.labels[index]]} → {classes[probabilities[index].argmax()]}\n"
        f"{probabilities[index].max():.0%}\n{short_name(split.files[index]) if split.files else f'test/{index}'}"
        for index in shown.tolist()
    ]
    return sheet(split.images[shown], captions, columns=min(10, len(shown)))
