"""A comparison as a page: the runs side by side, and every picture that only one of two gets right."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from inksight.data.address import short_name
from inksight.report.html import document, section, table, thumbnail

if TYPE_CHECKING:
    from inksight.evaluation.compare import Comparison, Contender, Pairing

MOST_SHOWN = 300
COLUMNS = ("run", "right", "95 % interval", "wrong", "seconds", "parameters", "multiply-adds", "size")


def versus_page(comparison: Comparison) -> str:
    """The HTML text."""
    contenders = comparison.contenders
    best = max(contenders, key=lambda each: each.accuracy)
    headline = (
        f"<strong>{best.accuracy:.2%}</strong> {escape(best.name)}<br>"
        f"<small>the most of {len(best.answers):,} test pictures that all were asked</small>"
    )
    sections = [
        *(f'<p class="note">{escape(each.warning)}</p>' for each in contenders if each.warning),
        section("Side by side", table(COLUMNS, rows(contenders)), _caution()),
        *(section(f"{each.first.name} and {each.second.name}", *_pairing(each)) for each in comparison.pairings),
    ]
    title = " · ".join(each.name for each in contenders)
    return document(title, "Inksight comparison", headline, {}, sections)


def rows(contenders: Sequence[Contender]) -> list[tuple[str, ...]]:
    """A row of COLUMNS for each run."""
    return [
        (
            each.name,
            f"{each.accuracy:.2%}",
            "{:.2%} to {:.2%}".format(*each.interval95),
            f"{len(each.answers.wrong):,}",
            _told(each.cost["seconds"], ".1f"),
            _told(each.cost["parameters"], ",.0f"),
            _told(each.cost["multiply_adds"], ",.0f"),
            f"{(each.cost['onnx_bytes'] or 0) / 1e6:.2f} MB",
        )
        for each in contenders
    ]


def _told(value: float | None, form: str) -> str:
    """A number, or a dash where it is not known."""
    return "–" if value is None else format(value, form)


def _caution() -> str:
    return (
        "<p>This is about these very networks. Another seed of the same recipe gives another one; "
        "<code>inksight experiment</code> compares recipes.</p>"
    )


def _pairing(pairing: Pairing) -> list[str]:
    """The verdict, and the pictures it rests on."""
    parts = [f"<p><b>{escape(pairing.verdict)}</b></p>"]
    for winner, loser, indices in (
        (pairing.first, pairing.second, pairing.only_first),
        (pairing.second, pairing.first, pairing.only_second),
    ):
        if len(indices):
            parts += [f"<h3>Only {escape(winner.name)} is right</h3>", _pictures(loser, indices)]
    return parts


def _pictures(loser: Contender, indices: np.ndarray) -> str:
    """Pictures that a run gets wrong, from what it kept of them."""
    answers, classes = loser.answers, loser.card.classes
    place = {int(index): number for number, index in enumerate(answers.wrong[: len(answers.wrong_images)])}
    shown = [int(index) for index in indices if int(index) in place][:MOST_SHOWN]
    cells = [
        f"<figure>{thumbnail(answers.wrong_images[place[index]], f'test picture {name}')}<figcaption>"
        f"<b>{escape(classes[answers.labels[index]])} → {escape(classes[answers.answers[index]])}</b>"
        f'<small title="{escape(name)}">{escape(short_name(name))}</small>'
        "</figcaption></figure>"
        for index, name in zip(shown, map(loser.picture_name, shown), strict=True)
    ]
    more = len(indices) - len(shown)
    return f'<div class="wrong single">{"".join(cells)}</div>' + (f"<p>and {more:,} more.</p>" if more else "")
