"""The run as one page: report.html, with everything inside it, readable offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from inksight.report.html import document, figure, flat, section, table


def page(
    title: str,
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
    figures: Mapping[str, bytes],
) -> str:
    """The HTML text.

    Args:
        title: the run's name.
        config: as in config.json.
        metrics: as in metrics.json.
        figures: PNG bytes of "curves", "confusion" and "errors".
    """
    test = metrics["test"]
    low, high = test["interval95"]
    facts = {
        "wrong": f"{test['errors']:,} of {test['images']:,}",
        "95 % interval": f"{low:.2%} – {high:.2%}",
        "seconds": f"{metrics['seconds']['total']:.1f}",
        "parameters": f"{metrics['parameters']:,}",
        "multiply-adds a picture": f"{metrics['multiply_adds']:,}",
        "calibration error": f"{test['ece']:.2%}",
    }
    headline = (
        f"<strong>{test['accuracy']:.2%}</strong> right on {test['images']:,} test pictures never used for training"
    )
    sections = (
        section("How it learned", figure(figures["curves"], "Loss and accuracy over the epochs"), _course(metrics)),
        section(
            "Which is taken for which", figure(figures["confusion"], "Confusion matrix: true down, answers across")
        ),
        section("Class by class", _per_class(test["per_class"])),
        section("The wrong ones", figure(figures["errors"], "Wrongly answered test pictures"), _wrong_note(test)),
        section("The network", _layers(metrics["layers"])),
        section("How to make it again", _command(config), table(("choice", "value"), flat(config))),
    )
    return document(title, "Inksight run", headline, facts, sections)


def _course(metrics: Mapping[str, Any]) -> str:
    return (
        f"<p>{metrics['epochs']:.3g} epochs at {metrics['images_per_s']:,.0f} pictures a second; "
        f"ended: {escape(metrics['ended'])}.</p>"
    )


def _per_class(scores: Mapping[str, Mapping[str, float]]) -> str:
    rows = [
        (name, f"{score['precision']:.2%}", f"{score['recall']:.2%}", f"{score['f1']:.2%}", f"{score['images']:,}")
        for name, score in scores.items()
    ]
    return table(("class", "precision", "recall", "F1", "pictures"), rows)


def _wrong_note(test: Mapping[str, Any]) -> str:
    answered = test["answered"]
    right = "" if answered["accuracy"] is None else f", and {answered['accuracy']:.2%} of those answers are right"
    return (
        "<p>True class → answer, its confidence, and the picture's index; the surest mistakes first. "
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
    return table(("layer", "kind", "output", "parameters", "multiply-adds"), rows)


def _command(config: Mapping[str, Any]) -> str:
    if config["command"] is None:
        return "<p>It was trained on arrays out of a program; these choices make it again.</p>"
    return f"<pre><code>{escape(config['command'])}</code></pre>"
