"""Figures of a run as PNG bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from inksight.metrics.calibration import surest_first
from inksight.runs.answers import AnswerSheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY, PALE = "#2563eb", "#ea580c", "#6b7280", "#eceef1"
_DPI = 110
_LABELLED_CELLS = 80  # classes; from there on a cell is too small for a number
_LINED_FROM = 20
_OTHER_SCRIPTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "Arial Unicode MS",
)


def confusion_png(matrix: np.ndarray, classes: Sequence[str]) -> bytes:
    """True classes down, answers across; mistakes are shaded by their share of the true class, so that a rare class
    shows as a common one does. The diagonal is grey.

    Args:
        matrix: int64 (classes, classes).
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    count = len(classes)
    longest = max(map(_columns, classes))
    upright = longest > 3
    left, bottom = 0.6 + 0.075 * longest, 0.6 + (0.075 * longest if upright else 0.1)
    matrix_side = min(max(3.4, 0.48 * count), 12.4)
    width, height = left + matrix_side + 0.1, bottom + matrix_side + 0.1  # inches; laid out by hand, in half the time
    figure = Figure((width, height))
    axes = figure.add_axes((left / width, bottom / height, matrix_side / width, matrix_side / height))
    mistakes = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    most = mistakes[~np.eye(count, dtype=bool)].max()
    np.fill_diagonal(mistakes, np.nan)
    shades = colormaps["Oranges"].with_extremes(bad=PALE)
    axes.imshow(mistakes, cmap=shades, vmin=0, vmax=1.3 * most or 1)
    if count <= _LABELLED_CELLS:
        size = min(8, 36 * matrix_side / count)
        for row, column in zip(*np.nonzero(matrix), strict=True):
            colour = "#111827" if row != column else GREY
            value = f"{matrix[row, column]:,}"
            axes.text(column, row, value, ha="center", va="center", fontsize=size, color=colour)
    if count > _LINED_FROM:  # the eye finds its way along lines from a cell to its names
        axes.set_xticks(np.arange(count) - 0.5, minor=True)
        axes.set_yticks(np.arange(count) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=0.6)
    axes.set_xticks(range(count), classes, parse_math=False, rotation=90 if upright else 0, fontsize=9)
    axes.set_yticks(range(count), classes, parse_math=False, fontsize=9)
    axes.set_xlabel("answer")
    axes.set_ylabel("true class")
    axes.tick_params(length=0, which="both")
    axes.spines[:].set_visible(False)
    return png(figure)


def curves_png(history: Sequence[Mapping[str, float]]) -> bytes:
    """Loss and accuracy over the epochs: the training batches as lines, the validation part as points.

    Args:
        history: rows as in history.csv.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    figure = Figure((8.4, 3.2))
    figure.subplots_adjust(left=0.07, right=0.99, bottom=0.15, top=0.91, wspace=0.15)
    for axes, name, validation in zip(
        figure.subplots(1, 2), ("loss", "accuracy"), ("val_loss", "val_accuracy"), strict=True
    ):
        axes.plot([row["epoch"] for row in history], [row[name] for row in history], color=BLUE, label="training")
        measured = [row for row in history if validation in row]
        if measured:
            xs, ys = [row["epoch"] for row in measured], [row[validation] for row in measured]
            axes.plot(xs, ys, "o-", color=ORANGE, markersize=4, linewidth=1, label="validation")
        if name == "loss":
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_title(name, loc="left", fontsize=10)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.25, which="both", linewidth=0.5)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    return png(figure)


def trust_png(bins: Sequence[Mapping[str, float]], answers: AnswerSheet) -> bytes:
    """Whether confidences mean what they say, and the errors left when only the surest are answered.

    Args:
        bins: the fields of `measure.calibration.Bin`.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    figure = Figure((8.4, 3.4))
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.15, top=0.91, wspace=0.22)
    diagram, curve = figure.subplots(1, 2)
    diagram.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle="--")
    sizes = [12 + 90 * (each["count"] / len(answers)) ** 0.5 for each in bins]
    xs, ys = [each["confidence"] for each in bins], [each["accuracy"] for each in bins]
    diagram.plot(xs, ys, color=BLUE, linewidth=1, alpha=0.5)
    diagram.scatter(xs, ys, s=sizes, color=BLUE, zorder=3)
    diagram.set_title("right answers of each confidence", loc="left", fontsize=10)
    diagram.set_xlabel("confidence")
    diagram.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    coverage = np.arange(1, len(answers) + 1) / len(answers)
    accuracy = surest_first(answers.right, answers.confidences)[1]
    shown = coverage >= 0.5
    curve.plot(coverage[shown], 1 - accuracy[shown], color=ORANGE)
    curve.set_title("errors among the surest answers", loc="left", fontsize=10)
    curve.set_xlabel("share answered")
    curve.set_ylim(bottom=0)
    curve.yaxis.set_major_formatter(PercentFormatter(1))
    curve.xaxis.set_major_formatter(PercentFormatter(1))
    for axes in (diagram, curve):
        axes.grid(alpha=0.25, linewidth=0.5)
        axes.spines[["top", "right"]].set_visible(False)
    return png(figure)


def _columns(text: str) -> int:
    """How wide a text is, in letters; one of another script counts as two."""
    return sum(1 if character < "\u2000" else 2 for character in text)


def png(figure: Figure) -> bytes:
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
