import json

import pytest

from inksight.config import PRESETS, TrainConfig, preset
from inksight.errors import UsageError


@pytest.mark.parametrize(
    "choices, text",
    [
        ({"epochs": 0}, "epochs is 0; a whole number from 1 to 100000 was wanted"),
        ({"epochs": 1.5}, "epochs is 1.5; a whole number"),
        ({"epochs": True}, "epochs is True; a whole number"),
        ({"dropout": 1.0}, "dropout is 1.0; a number from 0 to 0.99 was wanted"),
        ({"learning_rate": float("nan")}, "learning_rate is nan; a number"),
        ({"optimizer": "adma"}, 'no optimizer "adma". Did you mean adam'),
        ({"activation": "rellu"}, 'no activation "rellu". Did you mean relu'),
        ({"net": "tutorail"}, 'no net "tutorail". Did you mean tutorial'),
        ({"metrics": "accuracy,f1"}, 'no metric "f1". .*Known: accuracy'),
        ({"metrics": ["accuracy"]}, "metrics is \\['accuracy'\\]; a text was wanted"),
        ({"backend": "mxnet"}, 'no backend "mxnet". Known: jax, tensorflow, torch'),
    ],
)
def test_a_wrong_choice_says_what_was_wanted(choices, text):
    with pytest.raises(UsageError, match=text):
        TrainConfig(**choices)


def test_the_tutorial_preset_is_the_articles_recipe():
    config = preset("tutorial")
    recipe = (config.net, config.optimizer, config.learning_rate, config.epochs, config.batch_size, config.loss)
    assert recipe == ("tutorial", "adam", 0.001, 10, 32, "sparse_categorical_crossentropy")
    assert config.knobs == {}
    assert not config.augments
    assert config.validation == 0.05, "for the validation curve alone: nothing is chosen by it"
    assert (config.early_stopping, config.target) == (0, 0.0)


def test_an_unknown_preset_gets_the_nearest():
    with pytest.raises(UsageError, match=r'no preset "quik"\. Did you mean quick\? Known: quick, robust, standard'):
        preset("quik")


def test_presets_survive_the_way_through_plain_values():
    for config in PRESETS.values():
        assert TrainConfig(**config.to_dict()) == config


def preset_file(path, **changes):
    content = {**preset("standard").to_file("standard", {}), **changes}
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))
    return path


def test_a_preset_file_gives_back_its_config(tmp_path):
    assert TrainConfig.load(preset_file(tmp_path / "mine.json")) == preset("standard")


@pytest.mark.parametrize(
    "changes, text",
    [
        ({"format": 2, "inksight": "9.9"}, r"written by inksight 9\.9 in format 2; this is .*, which reads format 1"),
        ({"config": None}, "mine.json is no preset file: an object with a config in it was wanted"),
        ({"config": {"epoch": 3}}, 'mine.json: no setting "epoch". Did you mean epochs'),
        ({"config": {"epochs": 0}}, "mine.json: epochs is 0; a whole number from 1"),
    ],
)
def test_a_preset_file_that_is_none_says_why(tmp_path, changes, text):
    with pytest.raises(UsageError, match=text):
        TrainConfig.load(preset_file(tmp_path / "mine.json", **changes))


def test_a_preset_file_that_cannot_be_read(tmp_path):
    with pytest.raises(UsageError, match="gone.json cannot be read: No such file"):
        TrainConfig.load(tmp_path / "gone.json")
    (tmp_path / "torn.json").write_bytes(preset_file(tmp_path / "mine.json").read_bytes()[:100])
    with pytest.raises(UsageError, match="torn.json is damaged: it is no JSON .*Take another copy of it"):
        TrainConfig.load(tmp_path / "torn.json")
