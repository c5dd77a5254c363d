"""What is called real: against SciPy, against simulated experiments whose truth is known."""

import numpy as np
import pytest
from scipy import stats

from inksight.search.ablation.effects import difference, judge


def simulated(generator, settings, seeds, pictures, gains=0.0, seed_sd=0.1):
    """Right or not, (settings, seeds, pictures): each picture has its difficulty, each training its luck."""
    difficulty = generator.normal(-9, 3.6, pictures)
    luck = generator.normal(0, seed_sd, (settings, seeds, 1))
    odds = difficulty + luck - np.broadcast_to(gains, settings)[:, None, None]
    return (generator.random((settings, seeds, pictures)) >= 1 / (1 + np.exp(-odds))).astype(float)


def judged(right):
    return judge([difference(one - right[0]) for one in right[1:]], [1 - right[0].mean()] * (len(right) - 1))


def test_where_only_seeds_have_luck_it_is_the_paired_t_test():
    """Pictures that all seeds answer alike on average carry no noise: what is left is the textbook's test."""
    by_seed = np.array([0.011, 0.004, 0.008, 0.015])
    table = np.repeat(by_seed[:, None], 200, axis=1)
    table[:, ::2] += 1e-5 * np.array([1, -1, 1, -1])[:, None]
    table[:, 1::2] -= 1e-5 * np.array([1, -1, 1, -1])[:, None]
    (one,) = judge([difference(table)], [0.01])
    expected = stats.ttest_1samp(by_seed, 0)
    assert one.p == pytest.approx(expected.pvalue, rel=1e-3)
    assert one.interval == pytest.approx(tuple(expected.confidence_interval(0.95)), rel=1e-3)


def test_rounding_is_no_noise():
    """Where every picture answers alike with every seed, floats leave 1e-34 and such of the variances."""
    for share in (0.1, 1 / 3, -0.7):
        found = difference(np.full((3, 7), share))
        assert (found.noise, found.picture_variance, found.overdispersion) == (0, 0, 1)
    by_picture = difference(np.tile([0.1, 0.7, -0.3, 0.2, 0.6], (3, 1)))
    assert (by_picture.noise, by_picture.overdispersion) == (0, 1) and by_picture.picture_variance > 0
    by_seed = np.array([0.1, 0.3, 0.7])
    (one,) = judge([difference(np.repeat(by_seed[:, None], 50, axis=1))], [0.5])
    assert one.p == pytest.approx(stats.ttest_1samp(by_seed, 0).pvalue, rel=1e-3)
    (whole,) = judge([difference(np.repeat([[-1.0], [0.0], [0.0]], 50, axis=1))], [0.5])
    assert whole.p == pytest.approx(stats.ttest_1samp([-1, 0, 0], 0).pvalue, rel=1e-3), "one of three seeds fails"


def test_variances_by_hand():
    """Against the analysis of variance written out in sums."""
    generator = np.random.default_rng(3)
    table = generator.integers(-1, 2, (3, 5)).astype(float) + np.array([[0.5], [0.0], [-0.5]])
    k, n = table.shape
    found = difference(table)
    total = ((table - table.mean()) ** 2).sum()
    between_seeds = n * ((table.mean(1) - table.mean()) ** 2).sum()
    between_pictures = k * ((table.mean(0) - table.mean()) ** 2).sum()
    error = (total - between_seeds - between_pictures) / ((k - 1) * (n - 1))
    assert found.noise == pytest.approx(error / (k * n))
    assert found.overdispersion == pytest.approx(between_seeds / (k - 1) / error)
    assert found.picture_variance == pytest.approx(max(between_pictures / (n - 1) - error, 0) / (k * n))
    assert found.value == pytest.approx(table.mean()) and found.by_seed == pytest.approx(table.mean(1))


@pytest.mark.parametrize(("settings", "seeds", "seed_sd"), [(8, 3, 0.0), (8, 3, 0.3), (2, 5, 0.1), (5, 2, 0.3)])
def test_of_experiments_in_which_nothing_matters_few_find_something(settings, seeds, seed_sd):
    generator = np.random.default_rng(0)
    found = [
        any(one.verdict == "real" for one in judged(simulated(generator, settings, seeds, 1000, seed_sd=seed_sd)))
        for _ in range(150)
    ]
    assert np.mean(found) <= 0.05


def test_a_setting_whose_seeds_vary_ten_times_more_is_not_called_real():
    generator = np.random.default_rng(1)
    found = []
    for _ in range(150):
        right = simulated(generator, 6, 3, 1000)
        wild = np.stack([simulated(generator, 1, 1, 1000, gains=shift)[0, 0] for shift in generator.normal(0, 2, 3)])
        right[5] = wild
        found.append(judged(right)[4].verdict == "real")
    assert np.mean(found) <= 0.07


def test_a_true_effect_is_found_and_its_interval_holds_it():
    """From 1.3 % wrong to about 2.8 %."""
    generator = np.random.default_rng(2)
    gains = [0.0, 0.0, 0.0, -1.7]
    truth = np.mean([np.subtract(*simulated(generator, 2, 1, 200_000, gains=[-1.7, 0.0])[:, 0].mean(1)[:2])])
    verdicts, covered = [], []
    for _ in range(60):
        effect = judged(simulated(generator, 4, 3, 6000, gains=gains))[2]
        verdicts.append(effect.verdict)
        covered.append(effect.interval[0] <= truth <= effect.interval[1])
    assert verdicts.count("real") >= 54
    assert np.mean(covered) >= 0.9


def test_verdicts_beside_real():
    generator = np.random.default_rng(4)
    right = simulated(generator, 3, 1, 1000)
    assert {one.verdict for one in judged(right)} == {"open"}, "a single seed says nothing about seeds"
    assert judged(right)[0].lacks == "seeds"
    right = simulated(generator, 2, 2, 500)
    right[1] = right[0]
    assert [one.verdict for one in judged(right)] == ["same"]
    few = judged(simulated(generator, 2, 2, 60, gains=[0, 3]))
    assert [one.verdict for one in few] == ["open"]
    many = judged(simulated(generator, 3, 10, 20_000, seed_sd=0.0))
    assert {one.verdict for one in many} == {"noise"}
    own = np.random.default_rng(5).random((2, 1, 40)) < 0.8  # each setting has pictures of its own that it cannot read
    (one,) = judged(np.repeat(own, 8, axis=1) * 1.0)
    assert (one.verdict, one.lacks) == ("open", "validation pictures")


def test_the_only_question_may_be_answered_where_one_of_many_may_not():
    table = np.zeros((4, 400))
    table[:, :12] = 1
    table[[0, 1, 2, 3], [20, 30, 40, 50]] = -1
    alone = judge([difference(table)], [0.05])[0]
    assert alone.verdict == "real" and alone.p == alone.p_adjusted
    beside = [difference(np.random.default_rng(n).integers(-1, 2, (4, 400)) * 1.0) for n in range(400)]
    among = judge([difference(table), *beside], [0.05] * 401)[0]
    assert among.verdict == "perhaps" and among.p < 0.05 <= among.p_adjusted
