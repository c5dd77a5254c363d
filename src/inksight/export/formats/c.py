"""One C file without dependencies, for microcontrollers: weights as floats, or as bytes in a quarter of the flash."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from inksight.export.c.compiler import c_answers, c_compiler
from inksight.export.c.source import c_snippet, c_source
from inksight.export.format import Format, Source
from inksight.runs import ModelCard


def _write(source: Source, out: Path, int8: bool = False) -> None:
    c_compiler()  # without one it could not be proved
    out.write_text(c_source(source.card, source.plan, int8), encoding="utf-8")


def _snippet(name: str, card: ModelCard) -> str:
    return c_snippet(card, name)


ROW = Format(
    about="one C99 file with the weights inside and no dependencies, for microcontrollers",
    suffix=".c",
    write=_write,
    answer=c_answers,
    snippet=_snippet,
    frames=("digits",),
)
INT8 = replace(
    ROW,
    about="the same with weights of 8 bits, in a quarter of the flash; answers differ a little",
    suffix=".int8.c",
    write=lambda source, out: _write(source, out, int8=True),
    tolerance=0.5,
    least_agreeing=0.95,
)
