"""LiteRT (TensorFlow Lite), for phones and small boards."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from inksight.errors import EngineError
from inksight.export.child import write_in_child
from inksight.export.format import Format, in_parts
from inksight.export.formats.snippet import python_snippet
from inksight.runs import ModelCard

_ASK = """\
interpreter = Interpreter({name!r})
model = interpreter.get_signature_runner()
[probabilities] = model(images=images)["probabilities"]"""


def _answer(path: Path, images: np.ndarray) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    try:
        model = Interpreter(model_content=path.read_bytes()).get_signature_runner()
    except ValueError as error:
        raise EngineError(f"{path} is damaged: no model that LiteRT can open. Export the run again.") from error
    return in_parts(lambda part: np.asarray(model(images=part)["probabilities"]), images)


def _snippet(name: str, card: ModelCard) -> str:
    return python_snippet(card, "from ai_edge_litert.interpreter import Interpreter", _ASK.format(name=name))


ROW = Format(
    about="one file for LiteRT (TensorFlow Lite) on phones and small boards",
    suffix=".tflite",
    write=partial(write_in_child, "litert", "tensorflow"),
    answer=_answer,
    snippet=_snippet,
    needs=(("tensorflow", "litert"),),
    to_ask=(("ai_edge_litert", "litert"),),
)
