"""The pictures of a run folder."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from inksight.evaluation import Evaluation
from inksight.report.errors import errors_sheet
from inksight.report.plots import confusion_png, curves_png


def write_figures(folder: Path, measured: Evaluation, history: Sequence[Mapping[str, float]]) -> dict[str, bytes]:
    """Writes confusion.png, errors.png and, where there is a history, curves.png; gives their bytes by name."""
    wrong = errors_sheet(measured.split, measured.probabilities, measured.wrong, measured.classes)
    buffer = io.BytesIO()
    Image.fromarray(wrong).save(buffer, format="PNG")
    figures = {"confusion": confusion_png(measured.confusion, measured.classes), "errors": buffer.getvalue()}
    if history:
        figures["curves"] = curves_png(history)
    for name, content in figures.items():
        (folder / f"{name}.png").write_bytes(content)
    return figures
