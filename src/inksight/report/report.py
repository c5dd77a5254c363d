"""A run -> report.html."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from inksight.errors import EngineError
from inksight.evaluation.evaluate import Evaluation
from inksight.explanation.attribution import attribution
from inksight.export.lowering import plan_of
from inksight.report.account import Account, account_of
from inksight.report.errors import errors_sheet
from inksight.report.page import page
from inksight.report.plots import confusion_png, curves_png, trust_png
from inksight.runs import REPORT, SHIPPED, RunLike, resolve
from inksight.utils.atomic import whole_file
from inksight.utils.montage import save_png

MOST_EXPLAINED = 1_000
AT_ONCE = 50
EXPLAINING_S = 60.0


def write_report(run: RunLike | None = None, out: str | Path | None = None) -> Path:
    """Writes a run's report anew, from what the run folder holds; the data is not needed.

    Args:
        run: a Run, a run folder, "latest" or "shipped"; None for the latest run, or the shipped model where there is
            none.
        out: the file to write; report.html in the run folder unless given, in this folder for `shipped`.
    Returns:
        the file.
    Raises:
        RunError: there is no such run, or its files are damaged.
        StorageError: the place takes no file.
    """
    folder = resolve(run)  # once: another run may become the latest meanwhile
    account = account_of(folder)
    path = Path(out) if out is not None else Path("shipped.html") if folder == SHIPPED else folder / REPORT
    text = page(account, figures_of(account), attributions_of(account))
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def figures_of(account: Account) -> dict[str, bytes]:
    """The plots of a page, PNG bytes by name."""
    figures = {
        "confusion": confusion_png(account.confusion, account.classes),
        "trust": trust_png(account.metrics["test"]["reliability"], account.answers),
    }
    if account.history:
        figures["curves"] = curves_png(account.history)
    return figures


def attributions_of(account: Account, most_s: float = EXPLAINING_S) -> list[np.ndarray]:
    """What spoke for the given answer in the wrong pictures, the surest mistakes first: float32 (size, size) each.

    Args:
        most_s: seconds after which no more are begun. There are at most MOST_EXPLAINED, and none of a model that has
            operators of others.
    """
    answers, card = account.answers, account.predictor.card
    images = answers.wrong_images[:MOST_EXPLAINED].reshape(-1, card.size_px, card.size_px, card.channels)
    given = answers.answers[answers.wrong[: len(images)]]
    try:
        plan = plan_of(account.predictor.content)
    except EngineError:
        return []
    found: list[np.ndarray] = []
    ends_at = time.monotonic() + most_s
    for start in range(0, len(images), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        found += [*attribution(plan, images[part], given[part])]
        if time.monotonic() > ends_at:
            break
    return found


def write_figures(folder: Path, figures: Mapping[str, bytes], evaluation: Evaluation) -> None:
    """Puts plots, and the sheet of wrong answers, into a folder as pictures."""
    wrong = errors_sheet(evaluation.split, evaluation.probabilities, evaluation.wrong, evaluation.classes)
    save_png(folder / "errors.png", wrong)
    for name, content in figures.items():
        (folder / f"{name}.png").write_bytes(content)
