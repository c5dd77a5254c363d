"""The confusion matrix and what it says of each class, against counting by hand."""

import numpy as np
import pytest

from inksight.errors import UsageError
from inksight.metrics import class_scores, confusion_matrix
from inksight.metrics.confusion import commonest_mistakes, least_recalled


def test_counts_against_a_loop():
    generator = np.random.default_rng(0)
    labels, answers = generator.integers(0, 7, 500), generator.integers(0, 7, 500)
    expected = [[0] * 7 for _ in range(7)]
    for label, answer in zip(labels, answers, strict=True):
        expected[label][answer] += 1
    assert confusion_matrix(labels, answers, 7).tolist() == expected


def test_scores_worked_by_hand():
    # class 0: 2 of 3 found; class 1: 1 of 2 found; class 2: never there, never answered; class 3: answered once in vain
    matrix = confusion_matrix(np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 3]), 4)
    assert matrix.tolist() == [[2, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
    first, second, third, fourth = class_scores(matrix)
    assert (first.precision, first.recall, first.support) == (1, pytest.approx(2 / 3), 3)
    assert first.f1 == pytest.approx(0.8)
    assert (second.precision, second.recall, second.f1, second.support) == (0.5, 0.5, 0.5, 2)
    assert (third.precision, third.recall, third.f1, third.support) == (None, None, None, 0)
    assert (fourth.precision, fourth.recall, fourth.f1, fourth.support) == (None, None, None, 0)


def test_a_class_that_is_never_answered_has_precision_0():
    scores = class_scores(confusion_matrix(np.array([0, 1]), np.array([0, 0]), 2))[1]
    assert (scores.precision, scores.recall, scores.f1, scores.support) == (0, 0, 0, 1)


def test_all_right():
    labels = np.arange(10)
    assert all((s.precision, s.recall, s.f1) == (1, 1, 1) for s in class_scores(confusion_matrix(labels, labels, 10)))


def test_small_integer_types_do_not_overflow():
    labels = np.full(1000, 99, np.uint8)
    assert confusion_matrix(labels, labels, 100)[99, 99] == 1000


@pytest.mark.parametrize(
    ("labels", "answers", "text"),
    [
        ([], [], "nothing to measure: 0 labels came"),
        ([1], [1, 2], "1 labels but 2 answers came; one answer a label was wanted"),
        ([0, 3], [0, 1], "classes from 0 to 3 came; with 3 classes 0 to 2 were wanted"),
        ([0, 1], [-1, 1], "classes from -1 to 1 came"),
    ],
)
def test_refusals(labels, answers, text):
    with pytest.raises(UsageError, match=text):
        confusion_matrix(np.array(labels, int), np.array(answers, int), 3)


def test_the_commonest_mistakes_come_first_and_what_is_right_never():
    matrix = np.array([[90, 2, 0], [5, 3, 2], [0, 0, 7]])
    assert commonest_mistakes(matrix, 10) == [(1, 0, 5), (0, 1, 2), (1, 2, 2)]
    assert commonest_mistakes(matrix, 1) == [(1, 0, 5)]
    assert commonest_mistakes(np.eye(3, dtype=np.int64), 10) == []


def test_the_least_recalled_come_first_and_classes_without_pictures_do_not_count():
    per_class = {
        "common": {"recall": 0.9, "images": 900},
        "rare": {"recall": 0.5, "images": 2},
        "absent": {"recall": None, "images": 0},
    }
    assert least_recalled(per_class) == (pytest.approx(0.7), [("rare", 0.5), ("common", 0.9)])
