"""Knobs to settings: what is trained, in which order, and what is refused before anything is."""

import numpy as np
import pytest

from inksight.config import preset
from inksight.errors import UsageError
from inksight.models import NETS
from inksight.search.ablation.plan import invitation, make_plan


def plan(knobs, base="quick", choices=None, **options):
    return make_plan(base, preset(base), knobs, choices or {}, **options)


def names(plan):
    return [setting.name for setting in plan.settings]


def test_one_knob_at_a_time_around_the_base():
    made = plan({"kernel_size": ["3", "5", "7"], "dropout": ["0.3"]}, seeds=2)
    assert names(made) == ["base", "kernel_size=3", "kernel_size=7", "dropout=0.3"], "5 is the network's own"
    assert [(setting.name, seed) for setting, seed in made.trials[3:5]] == [("dropout=0.3", 0), ("base", 1)]
    assert made.knobs == {"kernel_size": (5, 3, 7), "dropout": (0.0, 0.3)}
    assert made.pairs("kernel_size", 7) == [("kernel_size=7", "base")]
    assert names(plan({"activation": "tanh", "dropout": 0.5})) == ["base", "activation=tanh", "dropout=0.5"]


def test_settings_differ_in_their_knob_only():
    """The preset's whitened first layer is made for one kernel size; the base must not keep it alone."""
    made = plan({"kernel_size": [3], "epochs": [2]})
    base, other, longer = (setting.config for setting in made.settings)
    assert base.first_layer == other.first_layer == longer.first_layer == "learned"
    assert base.least_steps == other.least_steps == longer.least_steps == 0
    assert other.kernel_size == 3 and longer.epochs == 2
    assert any("first_layer is learned in all settings" in note for note in made.notes)
    chosen = plan({"kernel_size": [3]}, choices={"first_layer": "whitened"})
    assert {setting.config.first_layer for setting in chosen.settings} == {"whitened"}


def test_values_that_are_all_but_equal_keep_names_of_their_own():
    made = plan({"learning_rate": [np.float64(0.0012345678), "0.0012345679", 1e-5], "dropout": [0, 0.5]})
    rates = ["0.0012345678", "0.0012345679", "1e-05"]
    assert names(made) == ["base", *(f"learning_rate={rate}" for rate in rates), "dropout=0.5"]
    assert made.pairs("learning_rate", 0.0012345679) == [("learning_rate=0.0012345679", "base")]


def test_a_grid_is_every_combination_and_compares_like_with_like():
    made = plan({"kernel_size": [3, 7], "dropout": [0, 0.5]}, grid=True)
    assert names(made) == [f"kernel_size={size}, dropout={share}" for size in (3, 7) for share in ("0", "0.5")]
    assert made.pairs("dropout", 0.5) == [
        ("kernel_size=3, dropout=0.5", "kernel_size=3, dropout=0"),
        ("kernel_size=7, dropout=0.5", "kernel_size=7, dropout=0"),
    ]


def test_what_an_optimizer_does_not_have_is_left_out_for_it():
    made = plan({"optimizer": ["sgd", "adadelta"]})
    sgd, adadelta = (setting.config for setting in made.settings[1:])
    assert (sgd.momentum, sgd.beta_2, adadelta.momentum) == (0.7, None, None)
    assert "beta_2 is left out for optimizers that have none" in made.notes


def test_pictures_are_always_held_out():
    assert plan({"dropout": [0.5]}, choices={"validation": 0.0}).base.validation == 0.1
    assert plan({"dropout": [0.5]}).base.validation == preset("quick").validation


def test_twice_the_epochs_are_tried_where_epochs_decide():
    quick = preset("quick")
    assert invitation(quick, 51_000)["epochs"] == (1, 2)
    assert "epochs" not in invitation(quick, 400), "a small set is repeated until so many steps are done"
    assert "optimizer=sgd" in names(plan(invitation(quick, 400)))


@pytest.mark.parametrize(
    ("knobs", "options", "text"),
    [
        ({"kernelsize": [3]}, {}, 'no knob "kernelsize". Did you mean kernel_size?'),
        ({"seed": [1, 2]}, {}, "seed is no knob: every setting is trained on several: give --seeds."),
        ({"dropout": ["1.5"]}, {}, "dropout is 1.5; a number from 0 to 0.99 was wanted."),
        ({"dropout": ["much"]}, {}, 'dropout is "much"; a number was wanted.'),
        ({"epochs": ["1.5"]}, {}, 'epochs is "1.5"; a whole number was wanted.'),
        ({"activation": ["relu", "rellu"]}, {}, 'no activation "rellu". Did you mean relu?'),
        ({"kernel_size": ["5"]}, {}, "there is nothing to compare for kernel_size: 5 is what it is anyway."),
        (
            {"dropout": [0.5]},
            {"seeds": 2, "choices": {"seed": 2**31 - 1}},
            "2 seeds from 2147483647 on came; the last may be 2147483647. Give a seed of 2147483646 or less.",
        ),
        ({"dropout": [0.5]}, {"seeds": 0}, "0 seeds came; 1 to 1,000 were wanted"),
        ({"dense_units": range(32), "filters": range(2, 34)}, {"grid": True}, "1,024 settings came; at most 1,000"),
    ],
)
def test_bad_knobs_are_refused(knobs, options, text):
    with pytest.raises(UsageError) as error:
        plan(knobs, **options)
    assert text in str(error.value)


def test_a_knob_that_the_network_does_not_have(monkeypatch):
    def plain(shape, num_classes, filters=8):
        """A network without a pool."""

    monkeypatch.setitem(NETS, "tutorial", plain)
    with pytest.raises(UsageError, match="the network tutorial has no pool_size; these have: strided, compact"):
        plan({"pool_size": [2, 3]}, base="tutorial")
