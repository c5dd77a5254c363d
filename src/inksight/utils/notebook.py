"""What notebooks show: frames of HTML for results, and a bar below the cell while data is loaded or a network trains.

Styles and pictures are inside the HTML, so that it works offline, in light and dark themes.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from inksight.utils.epochs import EpochTable
from inksight.utils.png import data_url

ROW_PX = 24
FAINT, LINE, ACCENT = "opacity:.65", "rgba(128,128,128,.35)", "#2f7de1"
WIDE = "max-width:none"
_EVERY_S = 0.1
_SOON_S = 0.3  # what is done by then needs no bar


def in_kernel() -> bool:
    """Whether this runs in a notebook's kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def loading() -> Callable[[int, int, str], None]:
    """A callable (done, total, what) that draws a bar in a notebook once it takes long, and does nothing elsewhere."""
    if not in_kernel():
        return lambda done, total, what: None
    return LiveBar().loading


def shown(callback: Any, progress: Any) -> tuple[Any, Any]:
    """The callback and the progress of a training as they are given; a bar for both in a kernel without a callback."""
    if callback is not None or not in_kernel():
        return callback, progress
    bar = LiveBar()
    return bar, progress or bar.loading


class LiveBar:
    """A Callback for `fit` that redraws one output of a cell, and with `loading` a callable for what comes before."""

    def __init__(self) -> None:
        self._began = self._drawn = time.monotonic()
        self._handle: Any = None
        self._steps = (0, 0)
        self._before: int | None = None  # steps that an earlier process took
        self._table, self._lines = EpochTable(), list[str]()
        self._figures = ""

    def loading(self, done: int, total: int, what: str) -> None:
        """Shows how much is done of what has to be, once it has taken a moment."""
        now = time.monotonic()
        if now - self._began > _SOON_S and (0 < total <= done or now - self._drawn > _EVERY_S):
            self._draw(done, total, what)

    def built(self, layers: Sequence[Any]) -> None:
        """See `inksight.callbacks.Callback`."""
        self._began, self._before = time.monotonic(), None
        self._table.start()

    def row(self, row: Mapping[str, float]) -> None:
        """See `inksight.callbacks.Callback`. The table shows those at the ends of epochs."""

    def step(self, done: int, planned: int, running: Mapping[str, float]) -> None:
        """See `inksight.callbacks.Callback`."""
        self._steps = (done, planned)
        if self._before is None:
            self._before = done - 1
        now = time.monotonic()
        if done >= planned or now - self._drawn > _EVERY_S:
            figures = [f"epoch {math.ceil(running['epoch'])} of {running['epochs']}"]
            figures += [f"{name} {running[name]:.4f}" for name in ("loss", "accuracy")]
            left = (now - self._began) / (done - self._before) * (planned - done)
            ending = f"{left:.0f} s left" if done < planned else f"{now - self._began:.1f} s"
            self._draw(done, planned, "training", " · ".join([*figures, ending]))

    def epoch(self, number: int, epochs: int, row: Mapping[str, float]) -> None:
        """See `inksight.callbacks.Callback`."""
        if lines := self._table.add(number, epochs, row):
            self._lines += lines
            self._draw(*self._steps, "training", self._figures)

    def noted(self, text: str) -> None:
        """See `inksight.callbacks.Callback`."""
        print(text)

    def interrupted(self) -> None:
        """See `inksight.callbacks.Callback`."""
        self._draw(*self._steps, "training", "ended early; what was learned is tested and saved")

    def _draw(self, done: int, total: int, what: str, figures: str = "") -> None:
        """Draws the output anew."""
        from IPython.display import display

        self._drawn, self._figures = time.monotonic(), figures
        share = done / total if total else 0.0
        text = "\n".join([*self._lines, f"{what} {share:.0%} {figures}".strip()])
        cells = [cell(what, WIDE), bar(share, "14em"), cell(f"{share:.0%}", WIDE), cell(figures, f"{WIDE};{FAINT}")]
        table = f'<pre style="margin:0 0 4px">{escape(chr(10).join(self._lines))}</pre>' if self._lines else ""
        drawn = f'<div style="font:13px system-ui,sans-serif">{table}{grid("auto auto 3em auto", cells)}</div>'
        content = {"text/html": drawn, "text/plain": text}
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)


def grid(columns: str, cells: Sequence[str]) -> str:
    """Cells of HTML in rows of ROW_PX; `columns` as CSS has it."""
    style = f"display:inline-grid;grid-template-columns:{columns};grid-auto-rows:{ROW_PX}px;column-gap:.9em"
    return f'<div style="{style};line-height:{ROW_PX}px;white-space:nowrap">{"".join(cells)}</div>'


def cell(text: str, style: str = "") -> str:
    """One cell of plain text."""
    return f'<div style="overflow:hidden;text-overflow:ellipsis;max-width:16em;{style}">{escape(text)}</div>'


def bar(share: float, width: str) -> str:
    """A bar of 0–1 in the middle of its row; `width` as CSS has it."""
    style = f"width:{width};height:8px;align-self:center;border-radius:4px;background:{LINE};overflow:hidden"
    return f'<div style="{style}"><div style="width:{100 * share:.1f}%;height:100%;background:{ACCENT}"></div></div>'


def picture(pixels: np.ndarray, description: str, width_px: int, style: str = "") -> str:
    """A picture, uint8 (height, width[, 3]), drawn `width_px` wide with square pixels."""
    return (
        f'<img alt="{escape(description)}" src="{data_url(pixels)}" '
        f'style="width:{width_px}px;max-width:100%;margin:0;image-rendering:pixelated;border-radius:3px;{style}">'
    )


def card(kind: str, title: str, headline: str, *parts: str) -> str:
    """A frame with a title; `kind`, `title` and `headline` are plain texts, `parts` are HTML."""
    return (
        f'<div style="display:inline-block;max-width:46em;box-sizing:border-box;padding:.7em 1em;font:13px/1.45 '
        f'system-ui,sans-serif;border:1px solid {LINE};border-radius:8px">'
        f'<div style="font-size:11px;letter-spacing:.05em;{FAINT}">{escape(kind)}</div>'
        f'<div style="font-size:17px;font-weight:600">{escape(title)}</div>'
        f'<div style="margin-bottom:.5em;{FAINT}">{escape(headline)}</div>{"".join(parts)}</div>'
    )
