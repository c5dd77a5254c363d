"""The wrong answers, one by one, each with what spoke for it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from inksight.data.address import short_name
from inksight.explanation.tint import overlay
from inksight.report.account import Account
from inksight.report.html import table, thumbnail

MOST_BYTES = 1_500_000  # of the page; what does not fit is listed in words
MOST_LISTED = 2_000


def wrong_section(account: Account, attributions: Sequence[np.ndarray]) -> list[str]:
    """HTML: pictures as many as fit, then a list of the others.

    Args:
        attributions: float32 (size, size) each, what spoke for the given answer in the first of `answers.wrong_images`.
    """
    answers = account.answers
    wrong = answers.wrong
    if not len(wrong):
        return ["<p>None: every test picture was answered right.</p>"]
    cells: list[str] = []
    room = MOST_BYTES
    for place, (image, index) in enumerate(zip(answers.wrong_images, wrong.tolist(), strict=False)):
        attribution = attributions[place] if place < len(attributions) else None
        cell = _cell(image, attribution, account, index)
        room -= len(cell)
        if room < 0:
            break
        cells.append(cell)
    rest = wrong[len(cells) :].tolist()
    grid = f'<div class="wrong">{"".join(cells)}</div>'
    return [_legend(account, len(cells)), grid, _listed(rest, account)]


def _cell(image: np.ndarray, attribution: np.ndarray | None, account: Account, index: int) -> str:
    """One wrong answer."""
    answers, name = account.answers, account.picture_name(index)
    true, given = account.classes[answers.labels[index]], account.classes[answers.answers[index]]
    seen = thumbnail(image, f"test picture {name}")
    why = ""
    if attribution is not None:
        why = thumbnail(overlay(image.reshape(*image.shape[:2], -1), attribution), f"what spoke for {given}")
    return (
        f"<figure>{seen}{why}<figcaption><b>{escape(true)} → {escape(given)}</b>"
        f"<span>{answers.confidences[index]:.0%}</span>"
        f'<small title="{escape(name)}">{escape(short_name(name))}</small>'
        "</figcaption></figure>"
    )


def _legend(account: Account, pictured: int) -> str:
    """How to read the pictures."""
    count, name = len(account.answers.wrong), "file" if account.answers.files else "address"
    which = f"All {count:,}" if pictured == count else f"The first {pictured:,} of {count:,}"
    return (
        f"<p>{which}, the surest mistakes first: true class → answer, its confidence, and the picture's {name}. "
        'Beside each picture, what spoke <span class="for">for</span> the given answer and what spoke '
        '<span class="against">against</span> it.</p>'
    )


def _listed(rest: list[int], account: Account) -> str:
    """Those without a picture."""
    if not rest:
        return ""
    answers, classes = account.answers, account.classes
    rows = [
        (
            account.picture_name(index),
            classes[answers.labels[index]],
            classes[answers.answers[index]],
            f"{answers.confidences[index]:.0%}",
        )
        for index in rest[:MOST_LISTED]
    ]
    more = len(rest) - len(rows)
    told = f"<p>and {more:,} more: the run's answers.npz has them.</p>" if more else ""
    heading = f"{len(rest):,} more wrong answers, without pictures"
    shown = table(("picture", "true", "answer", "confidence"), rows)
    return f"<details><summary>{heading}</summary>{shown}{told}</details>"
