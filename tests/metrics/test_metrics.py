"""The table METRICS against plain loops and numbers worked by hand."""

import math

import numpy as np
import pytest

from inksight import config
from inksight.errors import UsageError
from inksight.metrics import METRICS

LABELS = np.array([0, 0, 0, 1, 1])
ROWS = np.array(
    [
        [0.7, 0.2, 0.1, 0.0],  # right
        [0.4, 0.3, 0.2, 0.1],  # right
        [0.3, 0.5, 0.1, 0.1],  # answers 1, second is right
        [0.2, 0.6, 0.1, 0.1],  # right
        [0.3, 0.1, 0.2, 0.4],  # answers 3, the true one is last
    ],
    np.float32,
)
BY_HAND = {
    "accuracy": 3 / 5,
    "balanced_accuracy": (2 / 3 + 1 / 2) / 2,  # classes 2 and 3 never occur
    "macro_precision": (1 + 1 / 2) / 2,  # class 3 is answered all the same
    "macro_recall": (2 / 3 + 1 / 2) / 2,
    "macro_f1": (0.8 + 0.5) / 2,
    "top2_accuracy": 4 / 5,
    "top3_accuracy": 4 / 5,
    "log_loss": -(math.log(0.7) + math.log(0.4) + math.log(0.3) + math.log(0.6) + math.log(0.1)) / 5,
    "brier": (0.14 + 0.50 + 0.76 + 0.22 + 1.10) / 5,
}


def test_the_table_is_what_is_tested():
    assert tuple(METRICS) == config.METRICS
    assert list(METRICS) == [
        "accuracy",
        "balanced_accuracy",
        "macro_f1",
        "macro_precision",
        "macro_recall",
        "top2_accuracy",
        "top3_accuracy",
        "log_loss",
        "brier",
    ]
    assert set(METRICS) == set(BY_HAND)


@pytest.mark.parametrize("name", METRICS)
def test_worked_by_hand(name):
    assert METRICS[name](LABELS, ROWS) == pytest.approx(BY_HAND[name], abs=1e-6)
    assert isinstance(METRICS[name](LABELS, ROWS), float)


def by_loop(labels, rows):
    """Everything again, one picture and one class at a time."""
    ranked = [sorted(range(len(row)), key=lambda index, row=row: (-row[index], index)) for row in rows]
    precision, recall, f1 = [], [], []
    for index in range(rows.shape[1]):
        hits = sum(label == index == order[0] for label, order in zip(labels, ranked, strict=True))
        answered = sum(order[0] == index for order in ranked)
        there = sum(label == index for label in labels)
        if there:
            precision.append(hits / answered if answered else 0)
            recall.append(hits / there)
            f1.append(2 * hits / (there + answered))
    pairs = list(zip(labels, rows.astype(float), ranked, strict=True))
    mean = lambda values: sum(values) / len(values)  # noqa: E731
    return {
        "accuracy": mean([label in order[:1] for label, _, order in pairs]),
        "balanced_accuracy": mean(recall),
        "macro_f1": mean(f1),
        "macro_precision": mean(precision),
        "macro_recall": mean(recall),
        "top2_accuracy": mean([label in order[:2] for label, _, order in pairs]),
        "top3_accuracy": mean([label in order[:3] for label, _, order in pairs]),
        "log_loss": mean([-math.log(max(row[label], 1e-7)) for label, row, _ in pairs]),
        "brier": mean([sum((row[i] - (i == label)) ** 2 for i in range(len(row))) for label, row, _ in pairs]),
    }


@pytest.mark.parametrize("seed", range(3))
def test_against_loops(seed):
    generator = np.random.default_rng(seed)
    labels = generator.choice([0, 1, 2, 5], 300)  # classes 3 and 4 never occur
    rows = generator.dirichlet(np.ones(6), 300).astype(np.float32).round(2)  # with ties and zeros
    expected = by_loop(labels, rows)
    for name, metric in METRICS.items():
        assert metric(labels, rows) == pytest.approx(expected[name], abs=1e-6), name


def test_all_right():
    labels = np.arange(5)
    values = {name: metric(labels, np.eye(5, dtype=np.float32)) for name, metric in METRICS.items()}
    assert values.pop("log_loss") == 0 and values.pop("brier") == 0
    assert set(values.values()) == {1.0}


def test_the_arrays_are_left_as_they_were():
    rows = ROWS.copy()
    for metric in METRICS.values():
        metric(LABELS, rows)
    assert np.array_equal(rows, ROWS)


@pytest.mark.parametrize("name", METRICS)
def test_refusals(name):
    with pytest.raises(UsageError, match="nothing to measure: 0 labels came"):
        METRICS[name](np.empty(0, int), np.empty((0, 3), np.float32))
    with pytest.raises(UsageError, match=r"5 labels but scores of shape \(4, 4\) came"):
        METRICS[name](LABELS, ROWS[:4])
    with pytest.raises(UsageError, match="labels from 0 to 4 came; with 4 classes 0 to 3 were wanted"):
        METRICS[name](np.array([0, 4]), ROWS[:2])
