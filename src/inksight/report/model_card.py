"""A run folder -> its README.md: a model card for people, with a front matter that the Hugging Face Hub reads."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inksight.errors import RunError, StorageError, command
from inksight.metrics.confusion import by_recall
from inksight.runs import CONFIG, METRICS, MODEL, README, SUITES, ModelCard, Run, RunLike, load_run
from inksight.utils.atomic import whole_file

MOST_CLASSES = 40  # that get a row each; of more, those that are recognised least
_HUB_SETS = {"mnist": "ylecun/mnist", "fashion-mnist": "zalando-datasets/fashion_mnist"}
_HUB_LICENSES = {"CC BY-SA 3.0": "cc-by-sa-3.0", "CC BY-SA 4.0": "cc-by-sa-4.0", "MIT": "mit"}
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_ACCURACY = re.compile(r"^[\s-]*type: [\"']?accuracy[\"']?\s*$", re.MULTILINE)
_VALUE = re.compile(r"^[\s-]*value: (?:0?\.\d+|[01](?:\.\d+)?|\d\.\d+e-\d+)\s*$", re.MULTILINE)


def write_readme(run: RunLike | None = None, out: str | Path | None = None, license: str | None = None) -> Path:
    """Writes a run's model card anew, from what the run folder holds.

    Args:
        run: a Run, a run folder or "latest"; None for the latest run.
        out: the file to write; README.md in the run folder unless given.
        license: of the model, as the Hub writes it: "mit". Default: that of the data where it is known.
    Returns:
        the file.
    Raises:
        RunError: there is no such run, its files are damaged, or nothing says how accurate it is.
        StorageError: the place takes no file.
    """
    opened = load_run(run)
    text = readme(opened.path.resolve().name, opened.config, opened.metrics, opened.card, opened.suites, license)
    path = Path(out) if out is not None else opened.path / README
    if path.is_dir():
        raise StorageError(f"{path} is a folder; a file was wanted, {path / README} for instance.")
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def readme(
    name: str,
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
    card: ModelCard,
    suites: Mapping[str, Any] | None = None,
    license: str | None = None,
) -> str:
    """The card as Markdown; no path of the machine it was made on is in it.

    Args:
        name: the run's. config, metrics, suites: as in its files.
    Raises:
        RunError: no accuracy on a test part is known: a card without it would tell nobody whether to use the model. Or
            something else that it says is not there.
    """
    _require_measured(name, metrics)
    try:
        return _written(name, config, metrics, card, suites or {}, license)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(
            f"{CONFIG}, {METRICS} or {SUITES} of {name} is damaged ({error!r}): a model card needs what is not there. "
            "Copy the run folder again, or train it again."
        ) from error


def require_card(run: Run) -> None:
    """Raises RunError where a run folder has no card, one that does not say how accurate the model is, or none could
    be made of its files."""
    path = run.path / README
    how = f"{command('card', run.path)} writes one."
    if not path.is_file():
        raise RunError(f"{run.path} has no model card ({README}), so nobody would know what it is. {how}")
    text = path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")
    front = _FRONT_MATTER.match(text)
    if front is None or not _ACCURACY.search(front[1]) or not _VALUE.search(front[1]):
        raise RunError(f"the model card {path} does not say how accurate the model is in its front matter. {how}")
    readme(run.path.resolve().name, run.config, run.metrics, run.card, run.suites)


def without_paths(command: str) -> str:
    """A command with the last part of each path in place of the path.

    >>> without_paths("inksight train /home/ada/my-pictures --preset quick")
    'inksight train my-pictures --preset quick'
    """
    return shlex.join(re.split(r"[/\\]", word.rstrip("/\\"))[-1] or word for word in shlex.split(command))


def _written(
    name: str,
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
    card: ModelCard,
    suites: Mapping[str, Any],
    license: str | None,
) -> str:
    """The card of files that have all that it needs."""
    data = config["data"]
    return "\n".join(
        [
            "---",
            *_front_matter(name, data, metrics["test"], license or _license(data.get("license"))),
            "---",
            "",
            f"# {name}",
            "",
            *_what_it_knows(config, metrics, card),
            *_how_good(metrics, card, suites),
            *_how_to_use(card),
            *_limits(card, metrics["test"]),
            *_how_it_was_made(config),
            "",
        ]
    )


def _require_measured(name: str, metrics: Mapping[str, Any]) -> None:
    test = metrics.get("test")
    accuracy = test.get("accuracy") if isinstance(test, Mapping) else None
    if not isinstance(accuracy, int | float) or not math.isfinite(accuracy):
        raise RunError(
            f"{name} has no accuracy on a test part (metrics.json says {accuracy}), and a model card without it tells "
            "nobody whether to use the model. Copy the run folder again, or train it again."
        )


def _license(said: str | None) -> str:
    """The Hub's word for a data set's licence; "unknown" where nobody said."""
    return next((word for begin, word in _HUB_LICENSES.items() if (said or "").startswith(begin)), "unknown")


def _front_matter(name: str, data: Mapping[str, Any], test: Mapping[str, Any], license: str) -> list[str]:
    """YAML, https://huggingface.co/docs/hub/model-cards."""
    known = data.get("license") and _HUB_SETS.get(str(data.get("source")))  # a folder called mnist has no licence
    dataset = _quoted(known or data["name"])
    return [
        f"license: {_quoted(license)}",
        "library_name: inksight",
        "pipeline_tag: image-classification",
        "tags:",
        "- image-classification",
        "- onnx",
        "- keras",
        "datasets:",
        f"- {dataset}",
        "metrics:",
        "- accuracy",
        "model-index:",
        f"- name: {_quoted(name)}",
        "  results:",
        "  - task:",
        "      type: image-classification",
        "      name: Image Classification",
        "    dataset:",
        f"      type: {dataset}",
        f"      name: {_quoted(data['name'])}",
        "      split: test",
        "    metrics:",
        "    - type: accuracy",
        f"      value: {test['accuracy']:.6f}",
        "      name: Accuracy",
    ]


def _what_it_knows(config: Mapping[str, Any], metrics: Mapping[str, Any], card: ModelCard) -> list[str]:
    """The classes and the input."""
    colour = "grey" if card.channels == 1 else "colour"
    named = ", ".join(_plain(each) for each in card.classes[:MOST_CLASSES])
    more = f" and {len(card.classes) - MOST_CLASSES} more" if len(card.classes) > MOST_CLASSES else ""
    size = f"{card.size_px}×{card.size_px}"
    return [
        f"A network of {metrics['parameters']:,} parameters that tells {len(card.classes)} classes of small {colour} "
        f"pictures apart, trained on {_plain(config['data']['name'])} with Inksight.",
        "",
        "## What it knows",
        "",
        f"Its classes: {named}{more}.",
        "",
        f"It takes {size} pixels. "
        + (
            "Photos, scans and drawings are brought there the way MNIST's digits were made: the ink is found, framed "
            "and centred, bright on dark."
            if card.preprocessing == "digits"
            else "Pictures of other sizes are resized."
        ),
        "",
    ]


def _how_good(metrics: Mapping[str, Any], card: ModelCard, suites: Mapping[str, Any]) -> list[str]:
    """Accuracy, each class, and whether a confidence means what it says."""
    test = metrics["test"]
    low, high = test["interval95"]
    lines = [
        "## How good it is",
        "",
        f"**{_percent(test['accuracy'])}** of {test['images']:,} test pictures are answered right (95 % interval "
        f"{_percent(low)} to {_percent(high)}; {test['errors']:,} are wrong). They were looked at once, at the end.",
        *_baseline(metrics),
        "",
        *_per_class(test.get("per_class", {})),
        *_calibration(test, card),
    ]
    corruptions = suites.get("corruptions", {})
    if "mean_error" in corruptions:
        lines += [f"With corrupted test pictures {_percent(corruptions['mean_error'])} are wrong on average.", ""]
    return lines


def _baseline(metrics: Mapping[str, Any]) -> list[str]:
    """What always answering the commonest class would get."""
    if "baseline" not in metrics:
        return []
    baseline = metrics["baseline"]
    return [
        f'Always answering "{_plain(baseline["class"])}", the commonest class, gets {_percent(baseline["accuracy"])}.'
    ]


def _per_class(scores: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A table, those of a large set that are recognised least."""
    rows = by_recall(scores)[:MOST_CLASSES] if len(scores) > MOST_CLASSES else list(scores.items())
    if not rows:
        return []
    return [
        "| class | test pictures | recognised | right where it is the answer | F1 |",
        "|---|---|---|---|---|",
        *(
            f"| {_plain(name)} | {score['images']:,} | {_percent(score['recall'])} | {_percent(score['precision'])} | "
            f"{'–' if score['f1'] is None else format(score['f1'], '.3f')} |"
            for name, score in rows
        ),
        "",
    ]


def _calibration(test: Mapping[str, Any], card: ModelCard) -> list[str]:
    """How far a confidence is to be believed."""
    if "ece" not in test:
        return []
    answered = test["answered"]
    text = (
        f"A confidence is off by {_percent(test['ece'])} on average (expected calibration error; logits are divided by "
        f"a temperature of {card.temperature:.3g}). {_percent(answered['coverage'])} of the answers have a confidence "
        f"of {answered['unsure_below']:.2f} or more"
    )
    if answered["accuracy"] is not None:
        text += f", and {_percent(answered['accuracy'])} of those are right"
    return [f"{text}; the others are called unsure.", ""]


def _how_to_use(card: ModelCard) -> list[str]:
    """In Python, and without Inksight; both blocks run in the run folder."""
    shape = (1, card.size_px, card.size_px, card.channels)
    return [
        "## How to use it",
        "",
        "In the folder of this file, after `pip install inksight` (`inksight pull URL` brings it from elsewhere):",
        "",
        "```python",
        "import inksight",
        "import numpy as np",
        "",
        'reader = inksight.Predictor.load(".")  # then reader.predict("picture.png")',
        f"images = np.zeros({shape}, np.uint8)  # as the network takes them: n pictures",
        f"print(reader.probabilities(images).shape)  # (1, {len(card.classes)})",
        "```",
        "",
        "In ONNX Runtime alone, for pictures that have that size and framing already; the class names are in "
        "`model.json`:",
        "",
        "```python",
        "import numpy as np",
        "import onnxruntime",
        "",
        f'session = onnxruntime.InferenceSession("{MODEL}")',
        f"images = np.zeros({shape}, np.uint8)",
        '[probabilities] = session.run(["probabilities"], {"images": images})',
        "```",
        "",
    ]


def _limits(card: ModelCard, test: Mapping[str, Any]) -> list[str]:
    """What the figures do not promise."""
    rejects = (
        "A picture of none of its classes is usually rejected, not always: something like a class gets through."
        if card.rejected_below
        else "It rejects nothing: a picture of none of its classes gets one of them as its answer."
    )
    return [
        "## Limits",
        "",
        "- The figures are of test pictures from the same source as those it learned from. On pictures made otherwise "
        "(another camera, pen or hand) expect less, and measure it: `inksight evaluate RUN --data FOLDER`.",
        f"- {rejects}",
        "- The file for ONNX Runtime knows neither the way from a photo to its input nor the temperature; Inksight "
        "brings both.",
        *(["- There are few test pictures; mind the interval."] if test["images"] < 1000 else []),
        "",
    ]


def _how_it_was_made(config: Mapping[str, Any]) -> list[str]:
    """Enough to make it again."""
    data, versions = config["data"], config["versions"]
    command = config.get("command")
    made = (
        ["```text", without_paths(command), "```"]
        if command
        else ["It was trained on arrays out of a program; `config.json` has every choice."]
    )
    return [
        "## How to make it again",
        "",
        *made,
        "",
        f"Seed {config['seed']}, backend {config['backend']}; {', '.join(f'{k} {v}' for k, v in versions.items())}. "
        "`config.json` has every choice.",
        "",
        f"Data: {_plain(data['name'])}, SHA-256 `{data['sha256']}`"
        + (f", {_plain(data['license'])}." if data.get("license") else "; its licence is not known."),
    ]


def _percent(rate: float | None) -> str:
    return "–" if rate is None else f"{100 * rate:.2f} %"


def _quoted(text: str) -> str:
    """A YAML string. JSON's are, but for signs that YAML takes only by number."""
    signs = json.dumps(text, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in signs)


def _plain(text: str) -> str:
    """A name that Markdown takes for nothing else, in one line."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", " ".join(str(text).split()))
