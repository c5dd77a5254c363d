"""What every way out is made of: a row that says how to write a model, how to ask it again, and how others use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from inksight.errors import EngineError
from inksight.export.lowering import plan_of
from inksight.export.plan import Plan
from inksight.imaging.decode import pictures_at_once
from inksight.runs import MODEL, ModelCard, load_model_card

TOLERANCE = 1e-4  # |Δp| of an export that is equal


@dataclass(frozen=True)
class Source:
    """A run's model on its way out. content: its ONNX file, whose answers the card's temperature calibrates."""

    card: ModelCard
    content: bytes

    @classmethod
    def load(cls, folder: Path) -> Source:
        """Reads a run folder. Raises RunError where its model is damaged."""
        return cls(load_model_card(folder), (folder / MODEL).read_bytes())

    @cached_property
    def plan(self) -> Plan:
        """The network as a list of operations, not calibrated."""
        return plan_of(self.content)


@dataclass(frozen=True)
class Format:
    """A way out.

    about: what it is, for `--help`. suffix: of the file's or folder's name.
    write: of a model and the file to write; for a folder, one that is there and empty.
    answer: of a file or folder and images, uint8 (n, size, size, channels): what it says in its own runtime, calibrated
        float32 (n, classes).
    snippet: of the file's name and the model's card: how a program uses it.
    to_ask: modules and the extra that brings each; needs: those that only writing takes besides.
    frames: kinds of preprocessing that it does by itself. tolerance: the largest |Δp| it may show.
    least_agreeing: share of the pictures, 0–1, that must get the same label.
    """

    about: str
    suffix: str
    write: Callable[[Source, Path], None]
    answer: Callable[[Path, np.ndarray], np.ndarray]
    snippet: Callable[[str, ModelCard], str]
    is_folder: bool = False
    needs: tuple[tuple[str, str], ...] = ()
    to_ask: tuple[tuple[str, str], ...] = ()
    frames: tuple[str, ...] = ()
    tolerance: float = TOLERANCE
    least_agreeing: float = 1.0


def in_parts(ask: Callable[[np.ndarray], np.ndarray], images: np.ndarray, share: int = 1) -> np.ndarray:
    """What `ask` says to images, uint8 (n, size, size, channels), some at a time: what lies between fits into memory.

    Args:
        share: how many times fewer than a network of usual size takes at once.
    """
    step = max(1, pictures_at_once(images.shape[1]) // share)
    return np.concatenate([ask(images[at : at + step]) for at in range(0, len(images), step)])


def require(needs: tuple[tuple[str, str], ...], format: str) -> None:
    """Raises EngineError that names the extra where a module is not installed."""
    missing = [(module, extra) for module, extra in needs if find_spec(module) is None]
    if missing:
        modules = " and ".join(module for module, _ in missing)
        extras = ",".join(dict.fromkeys(extra for _, extra in missing))
        raise EngineError(f'{format} needs {modules}, which is not installed: pip install "inksight[{extras}]".')
