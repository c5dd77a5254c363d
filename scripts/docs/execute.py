"""Runs a notebook from top to bottom, and shows what came out on a page."""

from __future__ import annotations

import base64
import html
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from notebook import Cell

LIMIT_S = 180
WIDE = "---\nhide:\n  - navigation\n---\n\n"
FRAME = re.compile(r'srcdoc="(.*?)"', re.DOTALL)

Outputs = list[dict[str, Any]]


def execute(path: Path) -> list[Outputs]:
    """The outputs of each cell of code, in order. It runs in an empty folder.

    Raises:
        CellExecutionError: a cell failed. RuntimeError: one warned, or all took longer than LIMIT_S.
    """
    whole = nbformat.read(path, as_version=4)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = {"metadata": {"path": folder}}
        NotebookClient(whole, timeout=LIMIT_S, resources=place, extra_arguments=["--log-level=ERROR"]).execute()
    seconds = time.monotonic() - started
    code = [cell for cell in whole.cells if cell.cell_type == "code"]
    warnings = [each.text for cell in code for each in cell.outputs if each.get("name") == "stderr"]
    if warnings:
        raise RuntimeError(f"{path} wrote to stderr: {''.join(warnings)}")
    if seconds > LIMIT_S:
        raise RuntimeError(f"{path} took {seconds:.0f} s; {LIMIT_S} s are allowed. Train less.")
    print(f"{path} ran in {seconds:.0f} s")
    return [cell.outputs for cell in code]


def page(cells: list[Cell], outputs: list[Outputs], files: Path) -> str:
    """A notebook as Markdown; pictures and framed pages are written to the folder `files`, beside the page."""
    files.mkdir(parents=True, exist_ok=True)
    left = iter(outputs)
    parts = []
    for kind, source in cells:
        parts.append(f"```python\n{source}\n```" if kind == "code" else source)
        if kind == "code":
            parts += [_shown(output, files) for output in next(left, [])]
    return WIDE + "\n\n".join(part for part in parts if part) + "\n"


def _shown(output: dict[str, Any], files: Path) -> str:
    """One output as Markdown."""
    data = output.get("data", {})
    number = len(list(files.iterdir()))
    if output["output_type"] == "stream":
        return f"```text {{ .output }}\n{output['text'].rstrip()}\n```"
    if "text/html" in data:
        return _framed(data["text/html"], files / f"{number:02}.html")
    if "image/png" in data:
        picture = files / f"{number:02}.png"
        picture.write_bytes(base64.b64decode(data["image/png"]))
        return f"![What the cell shows]({files.name}/{picture.name}){{ .output }}"
    return f"```text {{ .output }}\n{data['text/plain']}\n```" if "text/plain" in data else ""


def _framed(text: str, file: Path) -> str:
    """HTML as it is, but for a page within: that becomes a file of its own."""
    inner = FRAME.search(text)
    if inner is None:
        return text
    file.write_text(html.unescape(inner[1]), encoding="utf-8")
    return FRAME.sub(f'src="{file.parent.name}/{file.name}"', text)
