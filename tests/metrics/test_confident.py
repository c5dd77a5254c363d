"""Confident learning, with cleanlab's as the oracle where it is installed, and numbers that it gave where it is not."""

import numpy as np
import pytest

from inksight.errors import UsageError
from inksight.metrics.confident import confident_joint, estimated_errors, margins, self_confidence, thresholds


def noisy(seed=0, count=600, classes=5, wrong=0.1):
    """Labels of which some are wrong, and probabilities that mostly know better; one decimal makes ties."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(classes, size=(count, 2)).min(axis=1)  # of some classes many, of others few
    labels = np.where(generator.random(count) < wrong, generator.integers(classes, size=count), truth)
    scores = np.exp(4 * np.eye(classes)[truth] + 1.5 * generator.normal(size=(count, classes)))
    return labels, scores / scores.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("decimals", [1, 8])
@pytest.mark.slow
def test_it_is_that_of_cleanlab(seed, decimals):
    count = pytest.importorskip("cleanlab.count")
    rank = pytest.importorskip("cleanlab.rank")
    labels, probabilities = noisy(seed)
    probabilities = probabilities.round(decimals) + 1e-9
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    ours = confident_joint(labels, probabilities)
    np.fill_diagonal(ours, ours.diagonal().clip(1))
    np.testing.assert_array_equal(ours, count.compute_confident_joint(labels, probabilities, calibrate=False))
    theirs = count.num_label_issues(labels, probabilities, estimation_method="off_diagonal_calibrated")
    assert estimated_errors(labels, probabilities) == pytest.approx(theirs, abs=3)  # each cell of theirs is rounded
    np.testing.assert_allclose(
        self_confidence(labels, probabilities), rank.get_self_confidence_for_each_label(labels, probabilities)
    )
    normalized = rank.get_normalized_margin_for_each_label(labels, probabilities)
    np.testing.assert_allclose((margins(labels, probabilities) + 1) / 2, normalized)


def test_by_hand():
    """Thresholds: class 0 mean(0.9, 0.6, 0.3) = 0.6, class 1 mean(0.9, 0.7) = 0.8, class 2 is named by no label."""
    labels = np.array([0, 0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.3, 0.0, 0.7], [0.1, 0.9, 0], [0.3, 0.7, 0]])
    np.testing.assert_allclose(thresholds(labels, probabilities), [0.6, 0.8, np.inf])
    np.testing.assert_array_equal(confident_joint(labels, probabilities), [[2, 0, 0], [0, 1, 0], [0, 0, 0]])
    assert estimated_errors(labels, probabilities) == 0
    np.testing.assert_allclose(margins(labels, probabilities), [0.8, 0.2, -0.4, 0.8, 0.4])


def test_numbers_that_cleanlab_gave():
    labels, probabilities = noisy(count=60, classes=3)
    assert confident_joint(labels, probabilities).tolist() == [[18, 0, 0], [0, 20, 1], [2, 0, 5]]
    assert estimated_errors(labels, probabilities) == pytest.approx(22 / 21 + 20 / 7)  # 4, said cleanlab 2.9.0


def test_equal_rows_are_all_right_and_nothing_is_an_error():
    labels = np.arange(6) % 3
    even = np.full((6, 3), 1 / 3)
    assert margins(labels, even).tolist() == [0] * 6
    assert confident_joint(labels, even).sum() == 6  # each reaches every threshold, and the first is taken
    with pytest.raises(UsageError, match="0 labels came"):
        estimated_errors(labels[:0], even[:0])
    with pytest.raises(UsageError, match="labels from 0 to 3 came; with 3 classes"):
        confident_joint(np.array([0, 3]), even[:2])
