"""New pictures among old ones: how many, which are held out, which are left out."""

import numpy as np
import pytest

from inksight.config import preset
from inksight.data.dataset import Split
from inksight.errors import UsageError
from inksight.training.rehearsal import finetuning_config, held_out, rehearsal, without


def split(labels: list[int], start: int = 0) -> Split:
    """Pictures that can be told apart: the first pixels of each are its number."""
    images = np.zeros((len(labels), 8, 8), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.divmod(np.arange(start, start + len(labels)), 256)
    return Split(images, np.array(labels, np.int64))


def numbers(part: Split) -> list[int]:
    return (part.images[:, 0, 0].astype(int) * 256 + part.images[:, 0, 1]).tolist()


def test_one_new_picture_comes_with_three_old_ones():
    mixed = numbers(rehearsal(split([0] * 300), split([1, 2], 1000), seed=0))
    assert mixed.count(1000) == mixed.count(1001) == 50
    assert sorted(number for number in mixed if number < 1000) == list(range(300)), "each old one once"


def test_a_single_new_picture_does_not_outweigh_the_old_ones():
    mixed = numbers(rehearsal(split([0] * 9000), split([1], 20_000), seed=0))
    assert (mixed.count(20_000), len(mixed)) == (100, 9100)


def test_many_new_pictures_are_not_repeated_and_bring_more_old_ones():
    mixed = numbers(rehearsal(split([0] * 20_000), split([1] * 6000, 30_000), seed=0))
    assert sum(number >= 30_000 for number in mixed) == 6000
    assert sum(number < 30_000 for number in mixed) == 18_000


def test_the_seed_draws_the_old_ones():
    old, new = split([0] * 9000), split([1], 20_000)
    first, again, other = (numbers(rehearsal(old, new, seed)) for seed in (0, 0, 1))
    assert first == again != other


def test_a_fifth_is_held_out_of_classes_that_have_enough():
    learned, asked = held_out(split([0] * 10 + [1] * 4 + [3] * 5), seed=0)
    assert np.bincount(asked.labels, minlength=4).tolist() == [2, 0, 0, 1]
    assert np.bincount(learned.labels, minlength=4).tolist() == [8, 4, 0, 4]
    assert sorted(numbers(learned) + numbers(asked)) == list(range(19))


def test_with_few_pictures_all_are_learned():
    learned, asked = held_out(split([7, 7, 4]), seed=0)
    assert (len(learned), len(asked)) == (3, 0)


def test_pictures_that_are_measured_on_are_left_out():
    assert numbers(without(split([0] * 6), [split([0] * 2), split([0] * 2, 4)])) == [2, 3]


def test_the_recipe_changes_the_course_but_not_the_network():
    before = preset("standard").to_dict() | {"command": "inksight train", "size_px": 28}
    config = finetuning_config(before, {"learning_rate": 0.01})
    assert (config.net, config.validation, config.rotation_deg) == ("compact", 0.04, 11.0)
    assert (config.learning_rate, config.epochs, config.least_steps, config.backend) == (0.01, 1, 200, None)
    assert finetuning_config(before, {"epochs": 3}).least_steps == 0


def test_what_cannot_be_changed_is_named():
    before = preset("quick").to_dict()
    with pytest.raises(UsageError, match=r"filters was decided when the run was trained; it cannot be changed"):
        finetuning_config(before, {"filters": 4})
    with pytest.raises(UsageError, match=r'no setting "epoch"\. Did you mean epochs\?'):
        finetuning_config(before, {"epoch": 4})
