"""The ways out: one row and one file a format."""

from __future__ import annotations

from inksight.export.format import Format
from inksight.export.formats import c, html, keras, litert, onnx, openvino, saved_model

FORMATS: dict[str, Format] = {
    "onnx": onnx.ROW,
    "keras": keras.ROW,
    "saved_model": saved_model.ROW,
    "litert": litert.ROW,
    "openvino": openvino.ROW,
    "html": html.ROW,
    "c": c.ROW,
    "c_int8": c.INT8,
}
