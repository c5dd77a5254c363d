"""What was measured beyond the test part: MNIST-C with a picture of each corruption, and the other suites."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from inksight.data.synthetic.mnist_c import CORRUPTIONS, corrupt
from inksight.evaluation.suites import foreign_rates
from inksight.report.account import Account
from inksight.report.html import section, table, thumbnail

_BAR_PX = 260


def suites_sections(account: Account) -> list[str]:
    """HTML of each suite that was measured."""
    suites = account.suites
    found = []
    if "corruptions" in suites:
        found.append(section("Spoiled pictures", *_corruptions(suites["corruptions"], account.answers.examples)))
    if rates := foreign_rates(suites):
        found.append(section("Pictures from elsewhere", _foreign(rates)))
    if "outliers" in suites:
        found.append(section("What is no digit", *_outliers(suites["outliers"])))
    return found


def _corruptions(rows: Mapping[str, Any], examples: np.ndarray) -> tuple[str, str]:
    """MNIST-C: the error under each corruption, the worst first."""
    errors = {name: rows[name]["error"] for name in CORRUPTIONS if name in rows}
    worst = max(*errors.values(), 1e-6)
    shown = [
        f"<tr><td>{_example(examples, name)}</td><td>{escape(name.replace('_', ' '))}</td>"
        f"<td>{_bar(error / worst)}</td><td>{error:.2%}</td></tr>"
        for name, error in sorted(errors.items(), key=lambda item: -item[1])
    ]
    words = (
        "<p>The test pictures spoiled in the fifteen ways of MNIST-C: "
        f"<b>{rows['mean_error']:.2%}</b> wrong on average.</p>"
    )
    return words, f'<div class="wide"><table class="spoiled"><tbody>{"".join(shown)}</tbody></table></div>'


def _example(examples: np.ndarray, name: str) -> str:
    """One of the run's own test pictures, spoiled."""
    if not len(examples):
        return ""
    place = min(len(examples) - 1, 7)  # a seven of digits
    return thumbnail(corrupt(examples[place : place + 1], name, 0)[0], name)


def _bar(share: float) -> str:
    """A bar as a picture: backgrounds are not printed."""
    return (
        f'<svg width="{_BAR_PX}" height="10" role="presentation">'
        f'<rect width="{max(1, round(share * _BAR_PX))}" height="10" rx="2" fill="#ea580c"/></svg>'
    )


def _foreign(rates: Mapping[str, Any]) -> str:
    """Rates with their intervals."""
    rows = []
    for words, rate in rates.items():
        low, high = rate["interval95"]
        interval = f"{low:.1%} to {high:.1%}"
        rows.append((words, f"{rate['accuracy']:.1%}", interval, f"{rate['images']:,}"))
    return table(("pictures", "right", "95 % interval", "n"), rows)


def _outliers(found: Mapping[str, Any]) -> tuple[str, str]:
    """How well what is no digit is told from digits."""
    rows = [
        (kind, f"{row['rejected']:.1%}", f"{row['auroc']:.4f}", f"{row['images']:,}")
        for kind, row in found.items()
        if isinstance(row, dict)
    ]
    words = (
        f"<p>AUROC {found['auroc']:.4f} of digits against all of these; {found['digits_answered']:.2%} of the test "
        "digits are not rejected.</p>"
    )
    return table(("no digit", "rejected or refused", "AUROC", "n"), rows), words
