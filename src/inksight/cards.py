"""Cards of HTML: what a notebook shows of a data set, a run, an answer.

Everything is in the markup itself, styles and pictures too, in the notebook's own colours: light or dark, offline too.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from inksight.png import data_url

if TYPE_CHECKING:
    from inksight.data.dataset import Dataset
    from inksight.predictor import Answer
    from inksight.runs import Run

ROW_PX, SAMPLE_PX = 24, 22
MOST_CLASSES, MOST_SAMPLES, MOST_LIKELY = 20, 12, 5
SEEN_PX = 112
FAINT, LINE, ACCENT = "opacity:.65", "rgba(128,128,128,.35)", "#2f7de1"


def data_card(data: Dataset) -> str:
    """Parts, counts and some training pictures of each class."""
    shown = data.classes[:MOST_CLASSES]
    cells = [cell(text, FAINT) for text in ("class", *data.parts, "")]
    for label, name in enumerate(shown):
        counts = (f"{np.count_nonzero(part.labels == label):,}" for part in data.parts.values())
        cells += [cell(name), *(cell(count, "text-align:right") for count in counts)]
        if label == 0:
            samples = _picture(_samples(data, len(shown)), "training pictures", MOST_SAMPLES * ROW_PX)
            cells.append(f'<div style="grid-row:span {len(shown)}">{samples}</div>')
    more = len(data.classes) - len(shown)
    sizes = " + ".join(f"{len(part):,} {name}" for name, part in data.parts.items())
    return _card(
        "data set",
        data.name,
        f"{sizes} · {data.size_px} × {data.size_px} px, {'grey' if data.channels == 1 else 'colour'}",
        grid(f"auto repeat({len(data.parts)},auto) auto", cells),
        f"<div>and {more:,} more classes</div>" if more else "",
    )


def run_card(run: Run) -> str:
    """The headline, what it took, the report, and the surest mistakes."""
    metrics, test = run.metrics, run.metrics["test"]
    low, high = test["interval95"]
    facts = {
        "data": run.config["data"]["name"],
        "preset": run.config["preset"],
        "seconds": f"{metrics['seconds']['total']:.1f}, {metrics['seconds']['fit']:.1f} of them training",
        "epochs": f"{metrics['epochs']:.3g}, {metrics['ended']}",
        "parameters": f"{metrics['parameters']:,}",
    }
    report = escape("./" * (not run.path.is_absolute()) + quote((run.path / "report.html").as_posix()))
    return _card(
        "run",
        f"{test['accuracy']:.2%} right",
        f"on {test['images']:,} test pictures (95 % interval {low:.2%} – {high:.2%}, {test['errors']:,} wrong)",
        grid("auto 1fr", [each for name, text in facts.items() for each in (cell(name, FAINT), cell(text))]),
        f'<div style="margin:.5em 0"><a style="color:{ACCENT}" href="{report}" target="_blank">The whole report</a> · '
        f"<code>{escape(str(run.path))}</code></div>",
        _mistakes(run),
    )


def answer_card(answer: Answer) -> str:
    """What the network saw, and what it holds likely."""
    cells = []
    for name, value in sorted(answer.probabilities.items(), key=lambda each: -each[1])[:MOST_LIKELY]:
        cells += [cell(name), bar(value, "12em"), cell(f"{value:.1%}", "text-align:right")]
    verdict = {"class": "", "unsure": "unsure · ", "rejected": "none of its classes · "}[answer.verdict]
    seen = _picture(answer.input, "what the network saw", SEEN_PX)
    return _card(
        "answer",
        str(answer.label),
        f"{verdict}{answer.confidence:.1%} sure · {answer.source}",
        f'<div style="display:flex;gap:1.2em;align-items:start">{seen}{grid("auto auto auto", cells)}</div>',
        *(f"<div>{escape(note)}</div>" for note in answer.notes),
    )


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


def _picture(pixels: np.ndarray, description: str, width_px: int, style: str = "") -> str:
    """A picture, uint8 (height, width[, 3]), drawn `width_px` wide with square pixels."""
    return (
        f'<img alt="{escape(description)}" src="{data_url(pixels)}" '
        f'style="width:{width_px}px;max-width:100%;margin:0;image-rendering:pixelated;border-radius:3px;{style}">'
    )


def _card(kind: str, title: str, headline: str, *parts: str) -> str:
    """A frame with a title; `kind`, `title` and `headline` are plain texts, `parts` are HTML."""
    return (
        f'<div style="display:inline-block;max-width:46em;box-sizing:border-box;padding:.7em 1em;font:13px/1.45 '
        f'system-ui,sans-serif;border:1px solid {LINE};border-radius:8px">'
        f'<div style="font-size:11px;letter-spacing:.05em;{FAINT}">{escape(kind)}</div>'
        f'<div style="font-size:17px;font-weight:600">{escape(title)}</div>'
        f'<div style="margin-bottom:.5em;{FAINT}">{escape(headline)}</div>{"".join(parts)}</div>'
    )


def _samples(data: Dataset, classes: int) -> np.ndarray:
    """The first training pictures of the first classes, a row of ROW_PX a class."""
    import cv2

    canvas = np.zeros((classes * ROW_PX, MOST_SAMPLES * ROW_PX, *data.train.images.shape[3:]), np.uint8)
    for label in range(classes):
        for column, index in enumerate(np.flatnonzero(data.train.labels == label)[:MOST_SAMPLES]):
            top, left = label * ROW_PX + 1, column * ROW_PX + 1
            small = cv2.resize(data.train.images[index], (SAMPLE_PX, SAMPLE_PX), interpolation=cv2.INTER_AREA)
            canvas[top : top + SAMPLE_PX, left : left + SAMPLE_PX] = small
    return canvas


def _mistakes(run: Run) -> str:
    """The first two rows of errors.png."""
    from PIL import Image

    with Image.open(run.path / "errors.png") as sheet:
        height = 2 * (3 * run.card.size_px + 60) + 8  # as sheet.sheet lays them out
        top = np.asarray(sheet.crop((0, 0, sheet.width, min(sheet.height, height))))
    return _picture(top, "the surest wrong answers", top.shape[1] * 2 // 3, "image-rendering:auto")
