"""TensorFlow's SavedModel, for TensorFlow Serving and all that reads it."""

from __future__ import annotations

from functools import partial

from inksight.export.child import ask_in_child, write_in_child
from inksight.export.format import Format
from inksight.export.formats.snippet import python_snippet
from inksight.runs import ModelCard


def _snippet(name: str, card: ModelCard) -> str:
    ask = f'model = tf.saved_model.load({name!r})\n[probabilities] = model.serve(images)["probabilities"].numpy()'
    return python_snippet(card, "import tensorflow as tf", ask)


ROW = Format(
    about="a folder for TensorFlow and TensorFlow Serving",
    suffix=".saved_model",
    write=partial(write_in_child, "saved_model", "tensorflow"),
    answer=partial(ask_in_child, "saved_model", "tensorflow"),
    snippet=_snippet,
    is_folder=True,
    to_ask=(("tensorflow", "tensorflow"),),
)
