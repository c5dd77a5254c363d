"""All of a training between two steps, as bytes: a file that is damaged is known by its SHA-256."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np

from inksight.callbacks import Row
from inksight.errors import RunError

_DIGEST_BYTES = 32
_ARRAYS = ("stepper", "best")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Where a training is, and what it needs to go on as if it had never stopped.

    step, progress: as in Pace. plain_from: number of the first batch that is not augmented; infinite while nobody
    knows. seconds: of training so far. sums: as in `fit`, for the means of an epoch.
    stepper: what Stepper.state gave: weights, optimizer, running mean, random
    states, totals. best: the weights of the best validation loss so far, best_loss; none and None without a validation.
    """

    step: int
    progress: float
    plain_from: float
    seconds: float
    history: list[Row]
    sums: list[list[float]]
    best_loss: float | None
    epochs_since_best: int
    stepper: list[np.ndarray]
    best: list[np.ndarray]

    def to_bytes(self) -> bytes:
        """An .npz file, and behind it its SHA-256."""
        about = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in _ARRAYS}
        arrays = {f"{kind}_{index}": array for kind in _ARRAYS for index, array in enumerate(getattr(self, kind))}
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, about=np.array(json.dumps(about)), **arrays)
        content = buffer.getvalue()
        return content + hashlib.sha256(content).digest()


def parse(content: bytes) -> Checkpoint:
    """Out of what `to_bytes` made.

    Raises:
        RunError: it was cut short or changed.
    """
    content, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        raise RunError("it was cut short or changed: its SHA-256 is another")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        about: dict[str, Any] = json.loads(str(file["about"]))
        arrays: dict[str, Any] = {
            kind: [file[f"{kind}_{index}"] for index in range(sum(name.startswith(f"{kind}_") for name in file.files))]
            for kind in _ARRAYS
        }
    return Checkpoint(**about, **arrays)


class Checkpointer(Protocol):
    """Where checkpoints are kept. tell: set by `fit`, for what a person should know at the end."""

    tell: Callable[[str], None]

    @property
    def newest(self) -> Checkpoint | None:
        """What the training goes on from; None at its beginning."""

    @property
    def notes(self) -> Sequence[str]:
        """What a person should know before it goes on."""

    def is_due(self) -> bool:
        """Whether it is time for the next one."""

    def keep(self, checkpoint: Checkpoint) -> None:
        """Keeps one. Raises StorageError where it cannot."""

    def forget(self) -> None:
        """The training diverged, and would again: what was kept of it goes, unless it was taken up from there."""
