"""The area under the curve against scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from inksight.metrics import auroc


@pytest.mark.parametrize("decimals", [1, 8])
def test_it_is_that_of_scikit_learn(decimals):
    generator = np.random.default_rng(0)
    inside = generator.normal(1, 1, 300).round(decimals)  # with one decimal there are many ties
    outside = generator.normal(0, 2, 200).round(decimals)
    truth = np.repeat([1, 0], [300, 200])
    assert auroc(inside, outside) == pytest.approx(roc_auc_score(truth, np.r_[inside, outside]), abs=1e-12)


def test_apart_alike_and_the_wrong_way_round():
    assert auroc(np.array([2.0, 3.0]), np.array([1.0])) == 1
    assert auroc(np.zeros(4), np.zeros(3)) == 0.5
    assert auroc(np.array([0.0]), np.array([1.0, 2.0])) == 0
