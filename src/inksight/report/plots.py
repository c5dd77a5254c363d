"""Figures of a run as PNG bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BLUE, _ORANGE, _GREY = "#2563eb", "#ea580c", "#6b7280"
_DPI = 110
_LABELLED_CELLS = 30
_OTHER_SCRIPTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "Arial Unicode MS",
)


def confusion_png(matrix: np.ndarray, classes: Sequence[str]) -> bytes:
    """True classes down, answers across; the diagonal is left pale so that the mistakes stand out.

    Args:
        matrix: int64 (classes, classes).
    """
    from matplotlib.figure import Figure

    count = len(classes)
    side = min(max(4.5, 0.48 * count + 1.6), 14)
    figure = Figure((side, side), layout="constrained")
    axes = figure.add_subplot()
    mistakes = matrix.astype(float)
    np.fill_diagonal(mistakes, 0)
    axes.imshow(mistakes, cmap="Oranges", vmin=0, vmax=max(mistakes.max() * 1.3, 1))
    if count <= _LABELLED_CELLS:
        for row, column in np.ndindex(matrix.shape):
            value = int(matrix[row, column])
            if value:
                shade = "#111827" if row != column else _GREY
                axes.text(column, row, f"{value:,}", ha="center", va="center", fontsize=8, color=shade)
    axes.set_xticks(
        range(count), classes, parse_math=False, rotation=90 if max(map(len, classes)) > 3 else 0, fontsize=9
    )
    axes.set_yticks(range(count), classes, parse_math=False, fontsize=9)
    axes.set_xlabel("answer")
    axes.set_ylabel("true class")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return _png(figure)


def curves_png(history: Sequence[Mapping[str, float]]) -> bytes:
    """Loss and accuracy over the epochs: the training batches as lines, the validation part as points.

    Args:
        history: rows as in history.csv.
    """
    from matplotlib.figure import Figure

    figure = Figure((8.4, 3.2), layout="constrained")
    for axes, name, validation in zip(
        figure.subplots(1, 2), ("loss", "accuracy"), ("val_loss", "val_accuracy"), strict=True
    ):
        axes.plot([row["epoch"] for row in history], [row[name] for row in history], color=_BLUE, label="training")
        measured = [row for row in history if validation in row]
        if measured:
            xs, ys = [row["epoch"] for row in measured], [row[validation] for row in measured]
            axes.plot(xs, ys, "o-", color=_ORANGE, markersize=4, linewidth=1, label="validation")
        if name == "loss":
            axes.set_yscale("log")
        axes.set_title(name, loc="left", fontsize=10)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.25, which="both", linewidth=0.5)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    return _png(figure)


def _png(figure: Figure) -> bytes:
    """Renders a figure; class names in other scripts use the fonts this machine has."""
    import matplotlib
    from matplotlib.font_manager import get_font_names

    installed = set(get_font_names())
    family = ["DejaVu Sans", *(name for name in _OTHER_SCRIPTS if name in installed)]
    buffer = io.BytesIO()
    with matplotlib.rc_context({"font.family": family}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # drawn as a box, and no more to do
        figure.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()
