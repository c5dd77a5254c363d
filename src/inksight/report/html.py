"""A page that is one file: everything inside it, readable offline, in light and dark, on paper too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from inksight.utils.png import data_url, url_of

SHOWN_PX = 56
STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")


def document(title: str, kind: str, headline: str, tiles: Mapping[str, str], sections: Sequence[str]) -> str:
    """The HTML text of a page.

    Args:
        title: what it is about: a run's name. kind: what it is, above the title.
        headline: HTML of the sentence below the title.
        tiles: the figures to see first, by name.
        sections: HTML, as `section` gives it.
    """
    shown = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in tiles.items())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · Inksight</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<header>
<p class="kind">{escape(kind)}</p>
<h1>{escape(title)}</h1>
<p class="headline">{headline}</p>
<dl class="tiles">{shown}</dl>
</header>
{"".join(sections)}
</main>
</body>
</html>
"""


def section(heading: str, *parts: str) -> str:
    """A heading and HTML below it."""
    return f"<section><h2>{escape(heading)}</h2>{''.join(parts)}</section>"


def figure(png: bytes, description: str) -> str:
    """A picture with the words for those who cannot see it."""
    return f'<figure><img alt="{escape(description)}" src="{url_of(png)}"></figure>'


def thumbnail(image: np.ndarray, words: str) -> str:
    """A small picture, uint8 (height, width[, 3])."""
    small = image if len(image) <= SHOWN_PX else cv2.resize(image, (SHOWN_PX, SHOWN_PX), interpolation=cv2.INTER_AREA)
    return f'<img alt="{escape(words)}" src="{data_url(small)}">'


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of plain texts."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested values as rows for `table`, with dotted names."""
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows += flat(value, f"{prefix}{name}.")
        elif value is not None:
            rows.append((prefix + name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return rows
