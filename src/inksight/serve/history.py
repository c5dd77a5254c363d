"""The runs in a folder, as the page shows them. They are asked for by the names listed here."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from inksight.errors import InksightError, RunError, unknown
from inksight.evaluation.evaluate import evaluate
from inksight.runs import CONFIG, KERAS, SHIPPED, Run, finished_runs, load_model_card
from inksight.utils.png import data_url

SHIPPED_NAME = "shipped"
MOST_WRONG = 60


def runs_in(root: Path) -> dict[str, Path]:
    """The whole runs in a folder by name, the newest first, and the shipped one last."""
    folders = [path for path in finished_runs(root) if (path / CONFIG).is_file() and path.name != SHIPPED_NAME]
    return {path.name: path for path in folders} | {SHIPPED_NAME: SHIPPED}


def find_run(root: Path, name: str) -> Path:
    """The folder of a run by its name.

    Raises:
        RunError: no run is called so.
    """
    known = runs_in(root)
    if name not in known:
        raise RunError(unknown("run", name, known))
    return known[name]


def summaries(root: Path) -> list[dict[str, Any]]:
    """A line for each run; one whose files are damaged says so in `error`."""
    return [_summary_or_error(name, path) for name, path in runs_in(root).items()]


def details(name: str, path: Path) -> dict[str, Any]:
    """A run's line, the rows of its history, its layers and what finetuning changed."""
    summary = _summary(name, path)
    if path == SHIPPED:
        return {**summary, "history": [], "layers": [], "finetune": None, "command": None}
    run = Run(path)
    return {
        **summary,
        "history": [
            {key: value if math.isfinite(value) else None for key, value in row.items()} for row in run.history
        ],
        "layers": run.metrics["layers"],
        "finetune": run.metrics.get("finetune"),
        "command": run.config["command"],
    }


def evaluated(path: Path) -> dict[str, Any]:
    """A run asked once more about its own test part: the confusion matrix, and the wrong answers with their pictures.

    Raises:
        InksightError: its data cannot be had any more.
    """
    evaluation = evaluate(path)
    wrong = evaluation.mistakes
    return {
        "classes": list(evaluation.classes),
        "confusion": evaluation.confusion.tolist(),
        "images": len(evaluation.split),
        "num_wrong": len(wrong),
        "wrong": [{**row, "picture": data_url(evaluation.split.images[row["index"]])} for row in wrong[:MOST_WRONG]],
        "warning": evaluation.warning,
    }


def _summary_or_error(name: str, path: Path) -> dict[str, Any]:
    """A run's line in the table."""
    try:
        return _summary(name, path)
    except (InksightError, KeyError) as error:
        return {"name": name, "error": str(error)}


def _summary(name: str, path: Path) -> dict[str, Any]:
    """What is known of a run without asking it anything."""
    card = load_model_card(path)
    origin = card.provenance
    known = {
        "name": name,
        "data": origin["data"]["name"],
        "preset": origin["preset"],
        "started": origin["started"],
        "classes": list(card.classes),
        "test": {key: origin["test"][key] for key in ("accuracy", "errors", "images", "interval95")},
        "parameters": None,
        "seconds": None,
        "epochs": None,
        "ended": None,
        "can_be_finetuned": (path / KERAS).is_file(),
    }
    if path == SHIPPED:
        return known
    metrics = Run(path).metrics
    return {
        **known,
        **{key: metrics[key] for key in ("parameters", "epochs", "ended")},
        "seconds": metrics["seconds"]["total"],
    }
