"""Keras: one file that Keras 3 opens on any backend."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inksight.export.child import ask_in_child, write_in_child
from inksight.export.format import Format, Source
from inksight.export.formats.snippet import python_snippet
from inksight.runs import ModelCard


def _write(source: Source, out: Path) -> None:
    write_in_child("keras", "jax", source, out)


def _answer(path: Path, images: np.ndarray) -> np.ndarray:
    return ask_in_child("keras", "jax", path, images)


def _snippet(name: str, card: ModelCard) -> str:
    ask = f"model = keras.saving.load_model({name!r})\n[probabilities] = model.predict(images, verbose=0)"
    return python_snippet(card, "import keras", ask)


ROW = Format(
    about="one .keras file that Keras 3 opens on any backend, for answering; to train on, take a run's own model.keras",
    suffix=".keras",
    write=_write,
    answer=_answer,
    snippet=_snippet,
)
