"""Wilson's interval against published values and against the equation it solves."""

import pytest

from inksight.errors import UsageError
from inksight.metrics import wilson_interval


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_values(hits, total, low, high):
    assert wilson_interval(hits, total) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(("hits", "total"), [(9906, 10000), (1, 2), (50, 60), (9999, 10000)])
def test_its_ends_are_as_far_off_as_chance_goes(hits, total):
    rate = hits / total
    for end in wilson_interval(hits, total):
        assert abs(rate - end) == pytest.approx(1.959964 * (end * (1 - end) / total) ** 0.5, rel=1e-5)


def test_none_and_all_right():
    assert wilson_interval(0, 10)[0] == 0
    assert wilson_interval(10, 10)[1] == 1
    assert wilson_interval(10, 10)[0] == pytest.approx(1 - wilson_interval(0, 10)[1])


@pytest.mark.parametrize(("hits", "total"), [(0, 0), (3, 2), (-1, 5)])
def test_refusals(hits, total):
    with pytest.raises(UsageError, match=f"{hits} right of {total} came; 0 to n right of n ≥ 1 were wanted"):
        wilson_interval(hits, total)
