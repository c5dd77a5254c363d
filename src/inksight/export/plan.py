"""What a network does with one picture: a short list of operations that a small interpreter in any language can walk.

Arrays are channels-last, (height, width, channels) or (values,), so that inner loops run over channels side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Operation = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Plan:
    """What a network does with one picture.

    operations: each with `operator`, `inputs` (places: 0 is the picture, i + 1 what operation i gives), `shape` of what
    it gives, and what its operator needs; a constant is {"offset", "shape"}, counted in values of `weights`.
    weights: float32, all constants one after the other.
    """

    operations: list[Operation]
    weights: np.ndarray

    def constant(self, where: dict[str, Any]) -> np.ndarray:
        """The array that an operation names."""
        length = int(np.prod(where["shape"]))
        return self.weights[where["offset"] : where["offset"] + length].reshape(where["shape"])
