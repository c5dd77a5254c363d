"""Handwritten digits, 8×8: the 1,797 that come with scikit-learn.

Source: Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits, its test part.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from made.picture import Picture

INK = 16  # the most of a pixel


def pictures(share: float = 1.0) -> Iterator[Picture]:
    """Bright ink on dark, shuffled: 60 % to learn from, 20 % to choose by, 20 % to test on.

    Args:
        share: of the pictures, 0–1.
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))[: round(share * len(labels))]
    for place, index in enumerate(order):
        part = "train" if place < 0.6 * len(order) else "val" if place < 0.8 * len(order) else "test"
        grey = np.round(images[index].reshape(8, 8) * (255 / INK)).astype(np.uint8)
        yield Picture(part, str(labels[index]), Image.fromarray(grey))
