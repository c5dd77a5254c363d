"""OpenVINO's own format, read from the ONNX graph: OpenVINO reads that by itself, no TensorFlow in between."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from inksight.errors import EngineError
from inksight.export.format import Format, Source, in_parts
from inksight.export.formats.onnx import calibrated
from inksight.export.formats.snippet import python_snippet
from inksight.runs import ModelCard

MODEL = "model.xml"


def _write(source: Source, out: Path) -> None:
    openvino = _quiet_openvino()
    model = openvino.Core().read_model(calibrated(source).SerializeToString())
    openvino.save_model(model, out / MODEL, compress_to_fp16=False)


def _answer(path: Path, images: np.ndarray) -> np.ndarray:
    model = _compiled(path / MODEL)
    return in_parts(lambda part: np.asarray(model(part)[0]), images)


def _compiled(path: Path) -> Any:
    """The model on the CPU; in float32, where some processors would take half of it."""
    openvino = _quiet_openvino()
    try:
        return openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    except RuntimeError as error:
        raise EngineError(f"{path} is damaged: no model that OpenVINO can open. Export the run again.") from error


def _quiet_openvino() -> Any:
    """OpenVINO without its telemetry, which would tell its makers of every import."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _snippet(name: str, card: ModelCard) -> str:
    ask = f'model = openvino.Core().compile_model({f"{name}/{MODEL}"!r}, "AUTO")\n[probabilities] = model(images)[0]'
    return python_snippet(card, "import openvino", ask)


ROW = Format(
    about="a folder for OpenVINO on Intel's processors, GPUs and NPUs",
    suffix=".openvino",
    write=_write,
    answer=_answer,
    snippet=_snippet,
    is_folder=True,
    to_ask=(("openvino", "openvino"),),
)
