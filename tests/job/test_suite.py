"""`evaluate --suite`: how a real run holds up on spoiled digits."""

import json

import pytest

from inksight.measure.corruption import CORRUPTIONS, corrupt
from inksight.predictor import Predictor


def test_each_corruption_is_counted_and_averaged(quick_run, small_npz, small_mnist, command):
    done = command(
        small_npz.parent, "evaluate", str(quick_run.path), "--data", str(small_npz), "--suite", "all", "--json"
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    errors = {name: found["corruptions"][name]["error"] for name in CORRUPTIONS}
    assert found["corruptions"]["mean_error"] == pytest.approx(sum(errors.values()) / 15)
    assert found["accuracy"] > 0.97 and errors["shot_noise"] < 0.1 < errors["fog"]
    answers = Predictor.load(quick_run.path).probabilities(corrupt(small_mnist.test.images, "stripe")).argmax(1)
    assert errors["stripe"] == (answers != small_mnist.test.labels).mean()


def test_clean_is_the_default_and_the_table_is_for_people(quick_run, small_npz, command):
    plain = command(small_npz.parent, "evaluate", str(quick_run.path), "--data", str(small_npz), "--json")
    assert "corruptions" not in json.loads(plain.stdout)
    shown = command(
        small_npz.parent, "evaluate", str(quick_run.path), "--data", str(small_npz), "--suite", "corruptions"
    )
    assert "wrong on average when spoiled in 15 ways (MNIST-C)" in shown.stdout and "canny_edges" in shown.stdout
