"""What a notebook shows: cards of HTML for data sets, runs and answers, and a bar that moves while a network learns.

Everything is in the markup itself, styles too, in the notebook's own colours: light or dark, online or not.
"""

from __future__ import annotations

import base64
import io
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

ROW_PX = 24
FAINT, LINE, ACCENT = "opacity:.65", "rgba(128,128,128,.35)", "#2f7de1"
WIDE = "max-width:none"
_EVERY_S = 0.1
_SOON_S = 0.3  # what is done by then needs no bar


def card(kind: str, title: str, headline: str, *parts: str) -> str:
    """A frame with a title; `kind`, `title` and `headline` are plain texts, `parts` are HTML."""
    return (
        f'<div style="display:inline-block;max-width:46em;box-sizing:border-box;padding:.7em 1em;font:13px/1.45 '
        f'system-ui,sans-serif;border:1px solid {LINE};border-radius:8px">'
        f'<div style="font-size:11px;letter-spacing:.05em;{FAINT}">{escape(kind)}</div>'
        f'<div style="font-size:17px;font-weight:600">{escape(title)}</div>'
        f'<div style="margin-bottom:.5em;{FAINT}">{escape(headline)}</div>{"".join(parts)}</div>'
    )


def grid(columns: str, cells: Sequence[str]) -> str:
    """Cells of HTML in rows of ROW_PX; `columns` as CSS has it."""
    style = f"display:inline-grid;grid-template-columns:{columns};grid-auto-rows:{ROW_PX}px;column-gap:.9em"
    return f'<div style="{style};line-height:{ROW_PX}px;white-space:nowrap">{"".join(cells)}</div>'


def cell(text: str, style: str = "") -> str:
    """One cell of plain text."""
    return f'<div style="overflow:hidden;text-overflow:ellipsis;max-width:16em;{style}">{escape(text)}</div>'


def bar(share: float, style: str = "") -> str:
    """A bar of 0–1."""
    return (
        f'<div style="height:8px;border-radius:4px;background:{LINE};overflow:hidden;{style}">'
        f'<div style="width:{100 * share:.1f}%;height:100%;background:{ACCENT}"></div></div>'
    )


def picture(pixels: np.ndarray, description: str, width_px: int, style: str = "") -> str:
    """A picture, uint8 (height, width[, 3]), drawn `width_px` wide with square pixels."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG", optimize=True)
    encoded = base64.b64encode(content.getvalue()).decode()
    return (
        f'<img alt="{escape(description)}" src="data:image/png;base64,{encoded}" '
        f'style="width:{width_px}px;max-width:100%;margin:0;image-rendering:pixelated;border-radius:3px;{style}">'
    )


def facts(values: Mapping[str, str]) -> str:
    """Names and what they are, one a row."""
    return grid("auto 1fr", [each for name, text in values.items() for each in (cell(name, FAINT), cell(text))])


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


def shown(watcher: Any, progress: Any) -> tuple[Any, Any]:
    """The watcher and the progress of a training as they are given; a bar for both in a kernel without a watcher."""
    if watcher is not None or not in_kernel():
        return watcher, progress
    bar = LiveBar()
    return bar, progress or bar.loading


class LiveBar:
    """A Watcher for `fit` that redraws one output of a cell, and with `loading` a callable for what comes before."""

    def __init__(self) -> None:
        self._began = self._drawn = time.monotonic()
        self._handle: Any = None
        self._steps = (0, 0)

    def loading(self, done: int, total: int, what: str) -> None:
        """Shows how much is done of what has to be, once it has taken a moment."""
        now = time.monotonic()
        if now - self._began > _SOON_S and (0 < total <= done or now - self._drawn > _EVERY_S):
            self._draw(done, total, what)

    def built(self, layers: Sequence[Any]) -> None:
        """See `inksight.training.fit.Watcher`."""
        self._began = time.monotonic()

    def step(self, done: int, planned: int, row: Mapping[str, float]) -> None:
        """See `inksight.training.fit.Watcher`."""
        self._steps = (done, planned)
        now = time.monotonic()
        if done >= planned or now - self._drawn > _EVERY_S:
            figures = (f"{name} {row[name]:.4f}" for name in ("loss", "accuracy", "val_accuracy") if name in row)
            left = (now - self._began) / done * (planned - done)
            ending = f"{left:.0f} s left" if done < planned else f"{now - self._began:.1f} s"
            self._draw(done, planned, "training", " · ".join([*figures, ending]).replace("val_", "validation "))

    def epoch(self, number: int, row: Mapping[str, float]) -> None:
        """See `inksight.training.fit.Watcher`."""

    def noted(self, text: str) -> None:
        """See `inksight.training.fit.Watcher`."""
        print(text)

    def interrupted(self) -> None:
        """See `inksight.training.fit.Watcher`."""
        self._draw(*self._steps, "training", "ended early; what was learned is tested and saved")

    def _draw(self, done: int, total: int, what: str, figures: str = "") -> None:
        """Draws the output anew."""
        from IPython.display import display

        self._drawn = time.monotonic()
        share = done / total if total else 0.0
        text = f"{what} {share:.0%} {figures}".strip()
        moving = bar(share, "width:14em;align-self:center")
        cells = [cell(what, WIDE), moving, cell(f"{share:.0%}", WIDE), cell(figures, f"{WIDE};{FAINT}")]
        html = f'<div style="font:13px system-ui,sans-serif">{grid("auto auto 3em auto", cells)}</div>'
        content = {"text/html": html, "text/plain": text}
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)
