"""LiteRT (TensorFlow Lite), for phones and small boards."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inksight.errors import EngineError
from inksight.export.child import write_in_child
from inksight.export.format import Format, Source
from inksight.export.formats.snippet import python_snippet
from inksight.picture import pictures_at_once
from inksight.runs import ModelCard

_ASK = """\
interpreter = Interpreter({name!r})
model = interpreter.get_signature_runner()
[probabilities] = model(images=images)["probabilities"]"""


def _write(source: Source, out: Path) -> None:
    write_in_child("litert", "tensorflow", source, out)


def _answer(path: Path, images: np.ndarray) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    try:
        model = Interpreter(model_content=path.read_bytes()).get_signature_runner()
    except ValueError as error:
        raise EngineError(f"{path} is no model that LiteRT can open ({error}). Export the run again.") from error
    step = pictures_at_once(images.shape[1])
    parts = [model(images=images[at : at + step])["probabilities"] for at in range(0, len(images), step)]
    return np.concatenate(parts)


def _snippet(name: str, card: ModelCard) -> str:
    return python_snippet(card, "from ai_edge_litert.interpreter import Interpreter", _ASK.format(name=name))


ROW = Format(
    about="one file for LiteRT (TensorFlow Lite) on phones and small boards",
    suffix=".tflite",
    write=_write,
    answer=_answer,
    snippet=_snippet,
    needs=(("tensorflow", "litert"),),
    to_ask=(("ai_edge_litert", "litert"),),
)
