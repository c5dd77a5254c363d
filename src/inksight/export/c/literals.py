"""Numbers and names as a C compiler reads them, in any locale."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from inksight.errors import EngineError

WIDTH = 118


def number(value: float) -> str:
    """The shortest decimal that a compiler reads back as the same float32.

    Raises:
        EngineError: not a number, or infinite.
    """
    if not np.isfinite(value):
        raise EngineError(f"the model has a weight that is {value}, which C has no number for. Train it again.")
    return re.sub(r"^(-?)0\.", r"\1.", str(np.float32(value))).replace(".0e", "e") + "f"


def array(name: str, values: np.ndarray) -> str:
    """A constant of floats, or of bytes where `values` are int8."""
    flat = values.ravel()
    kind, items = ("int8_t", map(str, flat)) if flat.dtype == np.int8 else ("float", map(number, flat))
    return f"static const {kind} {name}[{flat.size}] = {{\n{_lines(items)}\n}};\n"


def _lines(items: Iterable[str]) -> str:
    """Items with commas between them, in lines."""
    lines, line = [], ""
    for item in items:
        if len(line) + len(item) >= WIDTH:
            lines.append(line)
            line = ""
        line += f"{item},"
    return "\n".join([*lines, line.rstrip(",")])


def string(text: str) -> str:
    """A string of UTF-8 bytes; what is not plain goes by its octal number, which what follows cannot prolong."""
    plain = {byte: chr(byte) for byte in range(32, 127) if chr(byte) not in '"\\?'}  # ?? begins a trigraph
    return '"' + "".join(plain.get(byte, f"\\{byte:03o}") for byte in text.encode()) + '"'


def comment(text: str) -> str:
    """Any text as it may stand in a comment."""
    return re.sub(r"[^\w .,:;%+=()-]", "_", text, flags=re.ASCII)
