"""All that a report tells of a run, taken from what the run folder holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from inksight.data.address import picture_name
from inksight.evaluation.evaluate import evaluate
from inksight.inference.predictor import Predictor
from inksight.metrics.confusion import confusion_matrix
from inksight.runs import SHIPPED, Run
from inksight.runs.answers import AnswerSheet


@dataclass(frozen=True, eq=False)
class Account:
    """What a report is made of.

    predictor: asked why it gave its wrong answers. answers: of its test part. config, metrics: as in config.json and
    metrics.json, or the little that is known of the shipped model. history: rows of history.csv, none of the shipped
    model. suites: as in suites.json. notes: what the reader must know of how this came about.
    """

    title: str
    predictor: Predictor
    answers: AnswerSheet
    config: Mapping[str, Any]
    metrics: Mapping[str, Any]
    history: Sequence[Mapping[str, float]] = ()
    suites: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names by label."""
        return self.predictor.card.classes

    def picture_name(self, index: int) -> str:
        """The file of a test picture, or its address where the data came without files."""
        return picture_name(self.answers.files, self.config.get("data", {}).get("source", ""), "test", index)

    @property
    def confusion(self) -> np.ndarray:
        """int64 (classes, classes): rows are true labels, columns answers."""
        return confusion_matrix(self.answers.labels, self.answers.answers, len(self.classes))


def account_of(path: Path) -> Account:
    """What is known of a run folder, or of the shipped model's.

    The run's own record is enough; the data is only asked again for a run that kept none.

    Raises:
        RunError: there is no such run, or its files are damaged.
        DataError, UsageError: the run kept no answers, and its data cannot be had.
    """
    predictor = Predictor.load(path)
    if path == SHIPPED:
        evaluation = evaluate(path)
        return Account(
            "shipped", predictor, evaluation.answers, predictor.card.provenance, {"test": evaluation.metrics()}
        )
    run = Run(path)
    if run.answers is not None:
        return _account(run, predictor, run.answers, run.metrics)
    evaluation = evaluate(path)
    notes = ("This run kept no answers; its test pictures were asked again.", *filter(None, [evaluation.warning]))
    return _account(run, predictor, evaluation.answers, {**run.metrics, "test": evaluation.metrics()}, notes)


def _account(
    run: Run, predictor: Predictor, answers: AnswerSheet, metrics: Mapping[str, Any], notes: tuple[str, ...] = ()
) -> Account:
    """Of a run folder."""
    return Account(run.path.name, predictor, answers, run.config, metrics, run.history, run.suites, notes)
