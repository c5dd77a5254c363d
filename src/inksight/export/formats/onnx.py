"""ONNX: the run's own graph, with its calibration, class names and thresholds inside."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from inksight.export.format import Format, Source
from inksight.export.formats.snippet import python_snippet
from inksight.export.proof import ask_onnx
from inksight.runs import ModelCard

OUTPUT, RAW = "probabilities", "not_calibrated"


def calibrated(source: Source) -> onnx.ModelProto:
    """The model with p^(1/T), brought back to a sum of 1, as its last nodes; its metadata says how to use it."""
    card = source.card
    model = onnx.load_from_string(source.content)
    if card.temperature != 1:
        _calibrate(model.graph, card.temperature)
    helper.set_model_props(
        model,
        {
            "classes": json.dumps(card.classes, ensure_ascii=False),
            "preprocessing": card.preprocessing,
            "unsure_below": repr(card.unsure_below),
            "rejected_below": repr(card.rejected_below),
            "about": json.dumps(card.about, ensure_ascii=False),
        },
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _calibrate(graph: onnx.GraphProto, temperature: float) -> None:
    """Appends the three nodes."""
    [last] = [node for node in graph.node if node.output[0] == OUTPUT]
    last.name = last.output[0] = RAW
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.float32(1 / temperature), "one_by_temperature"),
            numpy_helper.from_array(np.array([1]), "classes_axis"),
        ]
    )
    graph.node.extend(
        [
            helper.make_node("Pow", [RAW, "one_by_temperature"], ["powers"], name="powers"),
            helper.make_node("ReduceSum", ["powers", "classes_axis"], ["sum_of_powers"], name="sum_of_powers"),
            helper.make_node("Div", ["powers", "sum_of_powers"], [OUTPUT], name=OUTPUT),
        ]
    )


def _write(source: Source, out: Path) -> None:
    out.write_bytes(calibrated(source).SerializeToString())


def _answer(path: Path, images: np.ndarray) -> np.ndarray:
    return ask_onnx(path.read_bytes(), images)


def _snippet(name: str, card: ModelCard) -> str:
    ask = (
        f'session = onnxruntime.InferenceSession({name!r})\n[[probabilities]] = session.run(None, {{"images": images}})'
    )
    return python_snippet(card, "import onnxruntime", ask)


ROW = Format(
    about="one file for ONNX Runtime and all that reads ONNX",
    suffix=".onnx",
    write=_write,
    answer=_answer,
    snippet=_snippet,
)
