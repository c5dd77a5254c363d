"""Tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from inksight.cli.output import percent

if TYPE_CHECKING:
    import numpy as np

    from inksight.models.table import LayerRow

MOST_PAIRS = 15


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], to_stderr: bool = False) -> None:
    """A plain table: first column to the left, the others to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for position, column in enumerate(columns):
        table.add_column(Text(column), justify="right" if position else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))  # as text: a class may be called [red]
    Console(stderr=to_stderr).print(table)


def print_layers(layers: Sequence[LayerRow]) -> None:
    """The layer table with its sums."""
    rows = [
        (row.name, row.kind, "×".join(map(str, row.shape)), f"{row.parameters:,}", f"{row.multiply_adds:,}")
        for row in layers
    ]
    sums = (sum(row.parameters for row in layers), sum(row.multiply_adds for row in layers))
    rows.append(("sum", "", "", f"{sums[0]:,}", f"{sums[1]:,}"))
    print_table(("layer", "kind", "output", "parameters", "multiply-adds"), rows)


def print_classes(per_class: dict[str, dict[str, Any]]) -> None:
    """Precision, recall and F1 of each class."""
    rows = [
        (name, *(percent(score[rate]) for rate in ("precision", "recall", "f1")), f"{score['images']:,}")
        for name, score in per_class.items()
    ]
    print_table(("class", "precision", "recall", "F1", "pictures"), rows)


def print_confusion(matrix: np.ndarray, classes: Sequence[str]) -> None:
    """The confusion matrix: true classes down, answers across; zeros are dots. One that is too wide for the terminal
    gives way to its largest cells."""
    from rich.cells import cell_len
    from rich.console import Console

    cells = [[f"{value:,}" if value else "·" for value in counts] for counts in matrix.tolist()]
    columns = [
        max(map(cell_len, [name, *column])) for name, column in zip(classes, zip(*cells, strict=True), strict=True)
    ]
    if max(map(cell_len, ["true", *classes])) + sum(columns) + 2 * len(columns) > Console().width:
        print_mistakes(matrix, classes)
        return
    print_table(("true", *classes), [(name, *row) for name, row in zip(classes, cells, strict=True)])


def print_mistakes(matrix: np.ndarray, classes: Sequence[str]) -> None:
    """The commonest mistakes."""
    from inksight.metrics.confusion import commonest_mistakes

    counts = matrix.sum(axis=1)
    rows = [
        (f"{classes[true]} → {classes[given]}", f"{count:,}", f"{count / counts[true]:.1%}")
        for true, given, count in commonest_mistakes(matrix, MOST_PAIRS)
    ]
    print_table(("commonest mistakes", "times", "of the true class"), rows)


def print_suites(metrics: dict[str, Any], suites: dict[str, Any]) -> None:
    """What the suites that were measured found, beside the metrics of the pictures as they are."""
    from inksight.evaluation.suites import foreign_rates

    if "corruptions" in suites:
        _print_corruptions(metrics, suites["corruptions"])
    if rates := foreign_rates(suites):
        rows = [(words, *_rate(rate)) for words, rate in rates.items()]
        print_table(("from elsewhere", "right", "95 % interval", "pictures"), rows)
    if "outliers" in suites:
        _print_outliers(suites["outliers"])


def _print_corruptions(metrics: dict[str, Any], corruptions: dict[str, Any]) -> None:
    """MNIST-C, and whether confidences mean the same on it."""
    spoiled = {name: row for name, row in corruptions.items() if isinstance(row, dict)}
    print(f"{percent(corruptions['mean_error'])} wrong on average when spoiled in {len(spoiled)} ways (MNIST-C):")
    rows = sorted(spoiled.items(), key=lambda item: item[1]["error"])
    table = [(name, percent(row["error"]), percent(row["ece"])) for name, row in rows]
    print_table(("corruption", "wrong", "calibration error"), table)
    print(
        f"Calibration error: {percent(metrics['ece'])} on the pictures as they are, "
        f"{percent(corruptions['mean_ece'])} on average when spoiled."
    )
    curves = zip(metrics["coverage_curve"], corruptions["coverage_curve"], strict=True)
    rates = [(one["coverage"], one["accuracy"], other["accuracy"]) for one, other in curves]
    rights = [(percent(coverage, 0), percent(one), percent(other)) for coverage, one, other in rates]
    print_table(("the surest", "right as they are", "right when spoiled"), rights)


def _print_outliers(outliers: dict[str, Any]) -> None:
    """How well what is no digit is told from digits."""
    rows = [
        (name, percent(row["rejected"], 1), percent(row["refused"], 1), f"{row['auroc']:.4f}", f"{row['images']:,}")
        for name, row in outliers.items()
        if isinstance(row, dict)
    ]
    print_table(("no digit", "rejected", "as unreadable", "AUROC", "pictures"), rows)
    print(
        f"AUROC {outliers['auroc']:.4f} of digits against all of these; "
        f"{percent(outliers['digits_answered'])} of the test digits are not rejected"
    )


def _rate(share: dict[str, Any]) -> tuple[str, str, str]:
    """A rate, its interval and what it rests on, in words."""
    low, high = share["interval95"]
    return percent(share["accuracy"], 1), f"{percent(low, 1)} to {percent(high, 1)}", f"{share['images']:,}"
