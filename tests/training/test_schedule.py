from itertools import pairwise

import pytest

from inksight.training.schedule import SHAPES, Pace


@pytest.mark.parametrize(
    "name, start, middle, end", [("constant", 1, 1, 1), ("cosine", 1, 0.5, 0), ("one_cycle", 0, 0.5 / 0.7, 0)]
)
def test_shapes_at_their_marks(name, start, middle, end):
    shape = SHAPES[name]
    assert (shape(0.0), shape(0.5), shape(1.0)) == pytest.approx((start, middle, end))


def test_one_cycle_peaks_once_at_three_tenths():
    values = [SHAPES["one_cycle"](step / 1000) for step in range(1001)]
    assert max(values) == pytest.approx(1) and values.index(max(values)) == 300


def test_without_a_limit_progress_is_the_share_of_steps():
    pace = Pace(7, None)
    for step in range(7):
        assert pace.progress == pytest.approx(step / 7)
        assert pace.midway == pytest.approx((step + 0.5) / 7)
        assert not pace.done
        pace.tick(now=0.0)
    assert pace.done


def run_against_the_clock(planned: int, limit: float, seconds_of_step) -> tuple[list[float], float]:
    """Progress after each step, and the time at the end, on a clock of our own."""
    pace, now, course = Pace(planned, ends_at=limit), 0.0, []
    while not pace.done:
        now += seconds_of_step(pace.step)
        pace.tick(now)
        course.append(pace.progress)
    return course, now


@pytest.mark.parametrize(
    "seconds_of_step",
    [lambda step: 0.1, lambda step: 2.0 if step == 0 else 0.1, lambda step: 0.05 if step < 50 else 0.2],
    ids=["even", "slow first step", "slower later"],
)
def test_with_a_limit_the_schedule_ends_where_the_time_does(seconds_of_step):
    course, end = run_against_the_clock(10_000, 20.0, seconds_of_step)
    assert end == pytest.approx(20.0, abs=0.5)
    assert course[-1] == 1.0
    assert all(earlier < later for earlier, later in pairwise(course))
    assert max(b - a for a, b in pairwise(course[5:])) < 0.1  # no jump to the end


def test_time_is_kept_free_for_what_comes_after():
    pace, now = Pace(10_000, ends_at=20.0, steps_after=50), 0.0
    while not pace.done:
        now += 0.1
        pace.tick(now)
    assert now == pytest.approx(15.0, abs=0.5)


def test_a_limit_that_is_not_reached_changes_nothing():
    course, end = run_against_the_clock(100, 1000.0, lambda step: 0.1)
    assert course == pytest.approx([(step + 1) / 100 for step in range(100)])
    assert end == pytest.approx(10.0)


def test_a_limit_that_is_over_allows_one_step():
    course, _ = run_against_the_clock(100, 0.0, lambda step: 0.1)
    assert course == [1.0]


def test_one_slow_step_at_the_beginning_ends_nothing():
    pace = Pace(1000, ends_at=100.0, steps_after=50)
    for now in (1.0, 4.0):  # the second step had to wait
        pace.tick(now)
    assert pace.steps_left(4.0) == 998
    for step in range(30):
        pace.tick(4.1 + step / 10)
    assert not pace.done
    assert pace.steps_left(7.0) == pytest.approx(30 * (100 - 7) / 3 - 50, abs=5)
