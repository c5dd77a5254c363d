"""The run as one page: report.html, with everything inside it, readable offline."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")


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
    tiles = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())
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
<p class="kind">Inksight run</p>
<h1>{escape(title)}</h1>
<p class="headline"><strong>{test["accuracy"]:.2%}</strong>
right on {test["images"]:,} test pictures never used for training</p>
<dl class="tiles">{tiles}</dl>
</header>
{_section("How it learned", _figure(figures["curves"], "Loss and accuracy over the epochs"), _course(metrics))}
{_section("Which is taken for which", _figure(figures["confusion"], "Confusion matrix: true down, answers across"))}
{_section("Class by class", _per_class(test["per_class"]))}
{_section("The wrong ones", _figure(figures["errors"], "Wrongly answered test pictures"), _wrong_note(test))}
{_section("The network", _layers(metrics["layers"]))}
{_section("How to make it again", _command(config), _table(("choice", "value"), _flat(config)))}
</main>
</body>
</html>
"""


def _section(heading: str, *parts: str) -> str:
    return f"<section><h2>{escape(heading)}</h2>{''.join(parts)}</section>"


def _figure(png: bytes, description: str) -> str:
    encoded = base64.b64encode(png).decode()
    return f'<figure><img alt="{escape(description)}" src="data:image/png;base64,{encoded}"></figure>'


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


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
    return _table(("class", "precision", "recall", "F1", "pictures"), rows)


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
    return _table(("layer", "kind", "output", "parameters", "multiply-adds"), rows)


def _command(config: Mapping[str, Any]) -> str:
    if config["command"] is None:
        return "<p>It was trained on arrays out of a program; these choices make it again.</p>"
    return f"<pre><code>{escape(config['command'])}</code></pre>"


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested values as dotted names."""
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name}.")
        elif value is not None:
            rows.append((prefix + name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return rows
