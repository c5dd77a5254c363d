"""Keras: one file that Keras 3 opens on any backend."""

from __future__ import annotations

from functools import partial

from inksight.export.child import ask_in_child, write_in_child
from inksight.export.format import Format
from inksight.export.formats.snippet import python_snippet
from inksight.runs import ModelCard

_IMPORTS = """\
import os
from importlib.util import find_spec

if find_spec("tensorflow") is None:  # Keras's default
    os.environ.setdefault("KERAS_BACKEND", "jax")
import keras"""


def _snippet(name: str, card: ModelCard) -> str:
    ask = f"model = keras.saving.load_model({name!r})\n[probabilities] = model.predict(images, verbose=0)"
    return python_snippet(card, _IMPORTS, ask)


ROW = Format(
    about="one .keras file that Keras 3 opens on any backend, for answering; to train on, take a run's own model.keras",
    suffix=".keras",
    write=partial(write_in_child, "keras", "jax"),
    answer=partial(ask_in_child, "keras", "jax"),
    snippet=_snippet,
)
