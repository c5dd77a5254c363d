"""Tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from inksight.nets.table import LayerRow


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
    """The layer table with its sums, on stderr: it is no result."""
    rows = [
        (row.name, row.kind, "×".join(map(str, row.shape)), f"{row.parameters:,}", f"{row.multiply_adds:,}")
        for row in layers
    ]
    sums = (sum(row.parameters for row in layers), sum(row.multiply_adds for row in layers))
    rows.append(("sum", "", "", f"{sums[0]:,}", f"{sums[1]:,}"))
    print_table(("layer", "kind", "output", "parameters", "multiply-adds"), rows, to_stderr=True)


def print_classes(per_class: dict[str, dict[str, Any]]) -> None:
    """Precision, recall and F1 of each class."""
    rows = [
        (name, f"{score['precision']:.2%}", f"{score['recall']:.2%}", f"{score['f1']:.2%}", f"{score['images']:,}")
        for name, score in per_class.items()
    ]
    print_table(("class", "precision", "recall", "F1", "pictures"), rows)


def print_confusion(matrix: np.ndarray, classes: Sequence[str]) -> None:
    """The confusion matrix: true classes down, answers across; zeros are dots."""
    rows = [
        (name, *(f"{value:,}" if value else "·" for value in counts))
        for name, counts in zip(classes, matrix.tolist(), strict=True)
    ]
    print_table(("true", *classes), rows)
