"""Which of two classifiers is better: against SciPy, by hand, and how often chance is taken for truth."""

import numpy as np
import pytest
from scipy.stats import binomtest

from inksight.errors import UsageError
from inksight.metrics.mcnemar import duel, holm


def answers(both: int, only_first: int, only_second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    first = np.repeat([True, True, False, False], [both, only_first, only_second, neither])
    second = np.repeat([True, False, True, False], [both, only_first, only_second, neither])
    return first, second


@pytest.mark.parametrize("apart", [(0, 1), (3, 9), (12, 12), (44, 29), (7, 80), (1500, 1390)])
def test_p_is_that_of_the_exact_test(apart):
    found = duel(*answers(500, *apart, 20))
    assert (found.only_first, found.only_second) == apart
    assert found.p == pytest.approx(binomtest(apart[0], sum(apart), 0.5).pvalue, rel=1e-9)


def test_the_same_answers_are_no_difference():
    found = duel(*answers(50, 0, 0, 3))
    assert (found.p, found.difference) == (1.0, 0.0)
    assert found.interval95[0] < 0 < found.interval95[1]


def test_the_difference_has_its_sign_and_changes_it_with_the_order():
    first, second = answers(900, 10, 40, 50)
    there, back = duel(first, second), duel(second, first)
    assert there.difference == pytest.approx(0.03)
    assert there.interval95 == pytest.approx((-back.interval95[1], -back.interval95[0]))


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(0)
    truth, held = 0.01, 0
    for _ in range(1000):
        kinds = generator.choice(4, size=800, p=[0.94, 0.02, 0.03, 0.01])
        found = duel(np.isin(kinds, (0, 1)), np.isin(kinds, (0, 2)))
        held += found.interval95[0] <= truth <= found.interval95[1]
    assert 930 <= held <= 980


def test_equals_are_rarely_called_different():
    generator = np.random.default_rng(1)
    alarms = 0
    for _ in range(1000):
        kinds = generator.choice(4, size=500, p=[0.9, 0.04, 0.04, 0.02])
        alarms += duel(np.isin(kinds, (0, 1)), np.isin(kinds, (0, 2))).p <= 0.05
    assert alarms <= 60


def test_other_pictures_are_refused():
    with pytest.raises(UsageError, match="3 and 2 answers came; as many answers of both were wanted"):
        duel(np.ones(3, bool), np.ones(2, bool))
    with pytest.raises(UsageError, match="0 and 0 answers came"):
        duel(np.ones(0, bool), np.ones(0, bool))


def test_several_questions_are_asked_more_of():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
