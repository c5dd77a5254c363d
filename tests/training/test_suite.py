"""`evaluate --suite`: how a real run holds up on spoiled digits."""

import json

import numpy as np
import pytest

import inksight
from inksight.data.synthetic.mnist_c import CORRUPTIONS, corrupt
from inksight.inference.predictor import Predictor


def test_each_corruption_is_counted_and_averaged(quick_run, small_npz, small_mnist, command):
    done = command(
        small_npz.parent, "evaluate", str(quick_run.path), "--data", str(small_npz), "--suite", "corruptions", "--json"
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    errors = {name: found["corruptions"][name]["error"] for name in CORRUPTIONS}
    assert found["corruptions"]["mean_error"] == pytest.approx(sum(errors.values()) / 15)
    assert found["accuracy"] > 0.97 and errors["shot_noise"] < 0.1 < errors["fog"]
    answers = Predictor.load(quick_run.path).probabilities(corrupt(small_mnist.test.images, "stripe")).argmax(1)
    assert errors["stripe"] == (answers != small_mnist.test.labels).mean()
    assert "composed" not in found


def test_clean_is_the_default_and_the_table_is_for_people(quick_run, small_npz, command):
    plain = command(small_npz.parent, "evaluate", str(quick_run.path), "--data", str(small_npz), "--json")
    assert "corruptions" not in json.loads(plain.stdout)
    shown = command(
        small_npz.parent, "evaluate", str(quick_run.path), "--data", str(small_npz), "--suite", "corruptions"
    )
    assert "wrong on average when spoiled in 15 ways (MNIST-C)" in shown.stdout and "canny_edges" in shown.stdout


def test_a_spoiled_set_is_written_and_measured_like_any_other(quick_run, small_npz, small_mnist, command, tmp_path):
    arguments = ("--data", str(small_npz), "--only", "stripe", "--only", "shear", "--json")
    done = command(tmp_path, "data", "corrupt", "spoiled", *arguments)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"folder": "spoiled", "files": ["stripe.npz", "shear.npz"], "seed": 0}
    spoiled = inksight.load(tmp_path / "spoiled" / "stripe.npz")
    assert np.array_equal(spoiled.test.images, corrupt(small_mnist.test.images, "stripe"))
    assert np.array_equal(spoiled.train.labels, small_mnist.train.labels)
    assert inksight.evaluate(quick_run.path, tmp_path / "spoiled" / "shear.npz").metrics()["accuracy"] < 0.99


def test_an_unknown_corruption_makes_no_folder(command, tmp_path):
    done = command(tmp_path, "data", "corrupt", "spoiled", "--only", "fogg")
    assert done.returncode == 2 and 'no corruption "fogg". Did you mean fog?' in done.stderr
    assert not list(tmp_path.iterdir())
