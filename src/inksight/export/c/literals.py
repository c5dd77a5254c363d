"""Numbers and names as a C compiler reads them, in any locale."""

from __future__ import annotations

import re

import numpy as np

from inksight.errors import EngineError

WIDTH = 118


def number(value: float) -> str:
    """One of `numbers`."""
    return numbers(np.array([value]))[0]


def numbers(values: np.ndarray) -> list[str]:
    """The shortest decimals that a compiler reads back as the same float32.

    Raises:
        EngineError: one is not a number, or infinite.
    """
    if not np.isfinite(values).all():
        raise EngineError("the model has a weight that is no finite number, which C has no words for. Train it again.")
    texts = map(str, values.astype(np.float32))
    return [(text[1:] if text.startswith("0.") else text.replace("-0.", "-.", 1)) + "f" for text in texts]


def array(name: str, values: np.ndarray) -> str:
    """A constant of floats, or of bytes where `values` are int8."""
    flat = values.ravel()
    kind, items = ("int8_t", list(map(str, flat.tolist()))) if flat.dtype == np.int8 else ("float", numbers(flat))
    return f"static const {kind} {name}[{flat.size}] = {{\n{_lines(items)}\n}};\n"


def _lines(items: list[str]) -> str:
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
