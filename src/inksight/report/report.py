"""A run -> report.html."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from inksight.evaluation import Evaluation
from inksight.export.lowering import plan_of
from inksight.files import whole_file
from inksight.insight.attribution import attribution
from inksight.report.account import Account, account_of
from inksight.report.errors import errors_sheet
from inksight.report.page import page
from inksight.report.plots import confusion_png, curves_png, trust_png
from inksight.runs import REPORT, SHIPPED, resolve
from inksight.sheet import save_png

MOST_EXPLAINED = 1_000


def write_report(run: str | Path = "latest", out: str | Path | None = None) -> Path:
    """Writes a run's report anew, from what the run folder holds; the data is not needed.

    Args:
        run: a run folder, `latest` or `shipped`.
        out: the file to write; report.html in the run folder unless given, in this folder for `shipped`.
    Returns:
        the file.
    Raises:
        RunError: there is no such run, or its files are damaged.
        StorageError: the place takes no file.
    """
    account = account_of(run)
    folder = resolve(run)
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


def attributions_of(account: Account) -> np.ndarray:
    """What spoke for the given answer in each wrong picture, the first MOST_EXPLAINED: float32 (k, size, size)."""
    answers, card = account.answers, account.predictor.card
    images = answers.wrong_images[:MOST_EXPLAINED]
    batch = images.reshape(-1, card.size_px, card.size_px, card.channels)
    return attribution(plan_of(account.predictor.content), batch, answers.answers[answers.wrong[: len(images)]])


def write_figures(folder: Path, figures: Mapping[str, bytes], evaluation: Evaluation) -> None:
    """Puts plots, and the sheet of wrong answers, into a folder as pictures."""
    wrong = errors_sheet(evaluation.split, evaluation.probabilities, evaluation.wrong, evaluation.classes)
    save_png(folder / "errors.png", wrong)
    for name, content in figures.items():
        (folder / f"{name}.png").write_bytes(content)
