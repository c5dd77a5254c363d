"""Notebooks are kept as Markdown: text stays text, a ```python block becomes a cell of code, outputs are not kept."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"^<!--.*?-->\n*", re.MULTILINE | re.DOTALL)

Cell = tuple[str, str]
"""("markdown" or "code", its source)"""


def cells(text: str) -> list[Cell]:
    """The cells of a notebook's Markdown, without its comments."""
    parts = CODE.split(COMMENT.sub("", text))  # text and code take turns
    found = [("code" if number % 2 else "markdown", part.strip("\n")) for number, part in enumerate(parts)]
    return [(kind, source) for kind, source in found if source]


def notebook(text: str) -> str:
    """The notebook's file. A cell's id is its place, so that the same text gives the same file."""
    made: list[dict[str, Any]] = []
    for number, (kind, source) in enumerate(cells(text)):
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number:02}", "metadata": {}}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        made.append(cell | {"source": source.splitlines(keepends=True)})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": made, "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}}}
    return json.dumps(whole | {"nbformat": 4, "nbformat_minor": 5}, ensure_ascii=False, indent=1) + "\n"


def write(source: Path) -> None:
    """Puts the notebook beside its Markdown."""
    source.with_suffix(".ipynb").write_text(notebook(source.read_text(encoding="utf-8")), encoding="utf-8")
