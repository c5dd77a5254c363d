"""The run as one page: report.html, with everything inside it, readable offline."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from inksight.metrics.confusion import by_recall, commonest_mistakes, least_recalled
from inksight.report.account import Account
from inksight.report.html import document, figure, flat, section, table
from inksight.report.suites import suites_sections
from inksight.report.wrong import wrong_section
from inksight.runs import baseline_warning

MANY_CLASSES = 20
MOST_ROWS = 15
MOST_NAMED = 3


def page(account: Account, figures: Mapping[str, bytes], attributions: Sequence[np.ndarray]) -> str:
    """The HTML text.

    Args:
        figures: PNG bytes of "confusion" and "trust", and of "curves" where there is a history.
        attributions: as in `report.wrong.wrong_section`.
    """
    test, config = account.metrics["test"], account.config
    low, high = test["interval95"]
    headline = (
        f"<strong>{test['accuracy']:.2%}</strong> right on {test['images']:,} test pictures never used for training"
        f"<br><small>95 % interval {low:.2%} to {high:.2%}</small>"
    )
    warning = baseline_warning(account.metrics)
    learned = [figure(figures["curves"], "Loss and accuracy over the epochs")] if "curves" in figures else []
    sections = [
        *(f'<p class="note">{escape(note)}</p>' for note in filter(None, (warning, *account.notes))),
        section("How it learned", *learned, _course(account.metrics)) if learned else "",
        section(
            "Which is taken for which",
            figure(figures["confusion"], "Confusion matrix: true down, answers across"),
            _commonest(account),
        ),
        section("Class by class", _recalls(test["per_class"]), _per_class(test["per_class"])),
        section("How far to trust it", figure(figures["trust"], "Reliability, and errors by coverage"), _trust(test)),
        section("The wrong ones", *wrong_section(account, attributions)),
        *suites_sections(account),
        section("The network", _layers(account.metrics["layers"])) if "layers" in account.metrics else "",
        section("How to make it again", _command(config), _origin(account), _choices(config)),
    ]
    return document(account.title, "Inksight run", headline, _tiles(account.metrics), sections)


def _tiles(metrics: Mapping[str, Any]) -> dict[str, str]:
    """The figures to see first."""
    test = metrics["test"]
    tiles = {"wrong": f"{test['errors']:,} of {test['images']:,}", "calibration error": f"{test['ece']:.2%}"}
    if "seconds" in metrics:
        tiles |= {"seconds": f"{metrics['seconds']['total']:.1f}"}
    if "parameters" in metrics:
        tiles |= {
            "parameters": f"{metrics['parameters']:,}",
            "multiply-adds a picture": f"{metrics['multiply_adds']:,}",
            "size": f"{metrics['onnx']['bytes'] / 1e6:.2f} MB",
        }
    return tiles


def _course(metrics: Mapping[str, Any]) -> str:
    epochs = f"{metrics['epochs']:.3g} epoch{'' if metrics['epochs'] == 1 else 's'}"
    speed = f"{metrics['images_per_s']:,.0f} pictures a second"
    return f"<p>{epochs} at {speed}; ended: {escape(metrics['ended'])}.</p>"


def _commonest(account: Account) -> str:
    """The largest cells of a matrix that is too large to find them by eye."""
    if len(account.classes) <= MANY_CLASSES:
        return ""
    counts = account.confusion.sum(axis=1)
    rows = [
        (account.classes[true], account.classes[given], f"{count:,}", f"{count / counts[true]:.1%}")
        for true, given, count in commonest_mistakes(account.confusion, MOST_ROWS)
    ]
    told = table(("true", "answer", "times", "of the true class"), rows)
    return f"<p>The commonest mistakes:</p>{told}" if rows else ""


def _recalls(scores: Mapping[str, Mapping[str, Any]]) -> str:
    """What rare classes hide behind common ones, in words."""
    mean, recalls = least_recalled(scores)
    least = ", ".join(f"{escape(name)} {recall:.2%}" for name, recall in recalls[:MOST_NAMED])
    return f"<p>Each class counted alike, {mean:.2%} are recognised; least of all {least}.</p>"


def _per_class(scores: Mapping[str, Mapping[str, Any]]) -> str:
    """The scores of each class; of many classes the least recognised first, those without pictures last, and most of
    them folded away."""
    many = len(scores) > MANY_CLASSES
    rows = [
        (name, *(_percent(score[rate]) for rate in ("precision", "recall", "f1")), f"{score['images']:,}")
        for name, score in (by_recall(scores) if many else scores.items())
    ]
    columns = ("class", "precision", "recall", "F1", "pictures")
    if not many:
        return table(columns, rows)
    rest = f"<details><summary>The other {len(rows) - MOST_ROWS} classes</summary>{table(columns, rows[MOST_ROWS:])}"
    return table(columns, rows[:MOST_ROWS]) + rest + "</details>"


def _percent(rate: float | None) -> str:
    return "–" if rate is None else f"{rate:.2%}"


def _trust(test: Mapping[str, Any]) -> str:
    answered = test["answered"]
    right = "" if answered["accuracy"] is None else f", and {answered['accuracy']:.2%} of those answers are right"
    return (
        "<p>Left: where points lie on the line, a confidence means what it says; the larger, the more answers. "
        "Right: what is gained by leaving the least sure pictures to a person. "
        f"Answers below {answered['unsure_below']:.0%} confidence are called unsure: "
        f"{answered['coverage']:.2%} of the test pictures are answered{right}.</p>"
    )


def _layers(layers: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            row["name"],
            row["kind"],
            " × ".join(str(side) for side in row["shape"]),
            f"{row['parameters']:,}",
            f"{row['multiply_adds']:,}",
        )
        for row in layers
    ]
    sums = (f"{sum(row[name] for row in layers):,}" for name in ("parameters", "multiply_adds"))
    return table(("layer", "kind", "output", "parameters", "multiply-adds"), [*rows, ("sum", "", "", *sums)])


def _command(config: Mapping[str, Any]) -> str:
    if config["command"] is None:
        return "<p>It was trained on arrays out of a program; these choices make it again.</p>"
    return f"<pre><code>{escape(config['command'])}</code></pre>"


def _origin(account: Account) -> str:
    """Seed, versions, machine and hashes."""
    config = account.config
    data, machine = config["data"], config.get("machine", {})
    known = {
        "seed": config["seed"],
        "started": config["started"],
        "machine": ", ".join(str(value) for value in machine.values()),
        "versions": ", ".join(f"{name} {version}" for name, version in config["versions"].items() if version),
        "data": f"{data['name']} ({data['source'] or 'arrays'})",
        "SHA-256 of the data": data["sha256"],
        "SHA-256 of the test part": account.answers.sha256,
        "SHA-256 of model.onnx": hashlib.sha256(account.predictor.content).hexdigest(),
    }
    return table(("", ""), [(name, str(value)) for name, value in known.items() if value not in (None, "")])


def _choices(config: Mapping[str, Any]) -> str:
    """Every choice, folded away: the command says those that differ from the preset."""
    told = {"command", "seed", "started", "machine", "versions", "data"}
    rows = flat({name: value for name, value in config.items() if name not in told})
    return f"<details><summary>Every choice</summary>{table(('choice', 'value'), rows)}</details>"
