"""TensorFlow's SavedModel, for TensorFlow Serving and all that reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inksight.export.child import ask_in_child, write_in_child
from inksight.export.format import Format, Source
from inksight.export.formats.snippet import python_snippet
from inksight.runs import ModelCard

NEEDS = (("tensorflow", "tensorflow"),)


def _write(source: Source, out: Path) -> None:
    write_in_child("saved_model", "tensorflow", source, out)


def _answer(path: Path, images: np.ndarray) -> np.ndarray:
    return ask_in_child("saved_model", "tensorflow", path, images)


def _snippet(name: str, card: ModelCard) -> str:
    ask = f'model = tf.saved_model.load({name!r})\n[probabilities] = model.serve(images)["probabilities"].numpy()'
    return python_snippet(card, "import tensorflow as tf", ask)


ROW = Format(
    about="a folder for TensorFlow and TensorFlow Serving",
    suffix=".saved_model",
    write=_write,
    answer=_answer,
    snippet=_snippet,
    is_folder=True,
    needs=NEEDS,
    to_ask=NEEDS,
)
