"""Temperature, ECE, reliability, coverage: against loops, brute force and numbers worked by hand."""

import math

import numpy as np
import pytest

from inksight.errors import UsageError
from inksight.metrics import (
    coverage_accuracy,
    coverage_curve,
    ece,
    evidence,
    fit_temperature,
    reliability,
    with_temperature,
)


def drawn(count=4000, classes=10, seed=0):
    """Logits, and labels drawn from exactly the probabilities that they state."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(count, classes)) * 3
    cumulative = softmax(logits).cumsum(axis=1)
    labels = (generator.random((count, 1)) > cumulative).sum(axis=1).clip(0, classes - 1)
    return labels, logits


def softmax(logits):
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("distortion", [0.4, 1, 2.5])
def test_finds_the_temperature_that_was_put_in(distortion):
    labels, logits = drawn()
    assert fit_temperature(labels, logits * distortion) == pytest.approx(distortion, rel=0.05)


def test_no_temperature_on_a_grid_is_better():
    labels, logits = drawn(500, 4, seed=3)
    logits = logits * 1.7

    def loss(temperature):
        rows = softmax(logits / temperature)
        return -sum(math.log(row[label]) for row, label in zip(rows, labels, strict=True)) / len(labels)

    fitted = fit_temperature(labels, logits)
    assert loss(fitted) <= min(loss(temperature) for temperature in np.geomspace(0.3, 15, 200)) + 1e-9


def test_log_probabilities_do_as_well_as_logits():
    labels, logits = drawn(800)
    assert fit_temperature(labels, np.log(softmax(logits))) == pytest.approx(fit_temperature(labels, logits), rel=1e-4)


def test_extremes_stay_in_bounds():
    right, wrong = np.eye(3)[[0, 1, 2]] * 9, np.eye(3)[[1, 2, 0]] * 9
    assert fit_temperature(np.arange(3), right) == pytest.approx(0.25, rel=0.01)
    assert fit_temperature(np.arange(3), wrong) == pytest.approx(20, rel=0.01)
    with np.errstate(divide="ignore"):
        certain = np.log(np.eye(3))
    assert 0.25 <= fit_temperature(np.array([0, 1, 1]), certain) <= 20


def test_with_temperature_is_dividing_the_logits():
    _, logits = drawn(50)
    for temperature in (0.3, 1, 2.2):
        softened = with_temperature(softmax(logits).astype(np.float32), temperature)
        assert softened.dtype == np.float32
        assert np.allclose(softened, softmax(logits / temperature), atol=1e-5)


def test_with_temperature_stays_stable_at_0_and_1():
    certain = np.array([[1, 0, 0]], np.float32)
    for temperature in (0.25, 1.5, 20):
        row = with_temperature(certain, temperature)[0]
        assert np.isfinite(row).all() and row.sum() == pytest.approx(1, abs=1e-6) and row.argmax() == 0
    assert with_temperature(np.empty((0, 3), np.float32), 2).shape == (0, 3)


def test_ece_worked_by_hand():
    # confidences 0.9 (right), 0.9 (wrong), 0.6 (right): bins (13/15, 14/15] and (8/15, 9/15]
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]])
    labels = np.array([0, 1, 1])
    assert ece(labels, probabilities) == pytest.approx((2 * abs(0.9 - 0.5) + 1 * abs(0.6 - 1)) / 3)
    low, high = reliability(labels, probabilities)
    assert (low.count, low.accuracy, low.confidence) == (1, 1, pytest.approx(0.6))
    assert (high.count, high.accuracy, high.confidence) == (2, 0.5, pytest.approx(0.9))
    assert (high.low, high.high) == (pytest.approx(13 / 15), pytest.approx(14 / 15))


def test_ece_against_a_loop():
    labels, logits = drawn(1500, seed=5)
    probabilities = softmax(2 * logits)
    bins = [[] for _ in range(15)]
    for label, row in zip(labels, probabilities, strict=True):
        confidence = float(max(row))
        for index in range(15):
            if index / 15 < confidence <= (index + 1) / 15:
                bins[index].append((confidence, float(row.argmax() == label)))
    expected = sum(
        abs(sum(confidence for confidence, _ in found) - sum(right for _, right in found)) / len(labels)
        for found in bins
        if found
    )
    assert ece(labels, probabilities) == pytest.approx(expected, abs=1e-9)


def test_honest_probabilities_have_a_small_ece():
    labels, logits = drawn(20000)
    assert ece(labels, softmax(logits)) < 0.01 < ece(labels, softmax(3 * logits))


def test_all_right_and_certain():
    labels = np.arange(4)
    assert ece(labels, np.eye(4)) == 0
    assert [(each.count, each.accuracy) for each in reliability(labels, np.eye(4))] == [(4, 1)]


def test_coverage_and_accuracy():
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.55, 0.45]])
    labels = np.array([0, 1, 1, 0])
    assert coverage_accuracy(labels, probabilities, 0) == (1, 0.75)
    assert coverage_accuracy(labels, probabilities, 0.6) == (0.75, pytest.approx(2 / 3))
    assert coverage_accuracy(labels, probabilities, 0.7) == (0.5, 1)
    assert coverage_accuracy(labels, probabilities, 0.95) == (0, None)


def test_the_curve_says_how_good_the_surest_are():
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.55, 0.45]])
    curve = coverage_curve(np.array([0, 1, 1, 0]), probabilities, (0.01, 0.5, 0.75, 1))
    found = [(each.coverage, each.confidence, each.accuracy) for each in curve]
    assert found == [(0.25, 0.9, 1), (0.5, 0.8, 1), (0.75, 0.6, pytest.approx(2 / 3)), (1, 0.55, 0.75)]


def test_the_curve_meets_the_threshold_that_gives_its_coverage():
    labels, logits = drawn(3000)
    probabilities = softmax(logits)
    for each in coverage_curve(labels, probabilities):
        assert coverage_accuracy(labels, probabilities, each.confidence) == (each.coverage, each.accuracy)


@pytest.mark.parametrize(
    "measure", [ece, reliability, fit_temperature, coverage_curve, lambda *both: coverage_accuracy(*both, 0.5)]
)
def test_refusals(measure):
    with pytest.raises(UsageError, match="nothing to measure: 0 labels came"):
        measure(np.empty(0, int), np.empty((0, 3)))
    with pytest.raises(UsageError, match=r"2 labels but scores of shape \(1, 3\) came; one row a label"):
        measure(np.array([0, 1]), np.ones((1, 3)))
    with pytest.raises(UsageError, match="labels from 0 to 3 came; with 3 classes 0 to 2 were wanted"):
        measure(np.array([0, 3]), np.ones((2, 3)))


def test_evidence_is_the_log_odds_against_the_others_mean():
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 4, (50, 10))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    ordered = np.sort(logits, axis=1)
    assert evidence(probabilities) == pytest.approx(ordered[:, -1] - ordered[:, :-1].mean(axis=1))
    assert evidence(np.full((1, 10), 0.1)) == pytest.approx(0, abs=1e-9)
    assert evidence(np.ones((1, 1))) == 0
