"""The other backends train the same presets. Each test runs where its backend is installed; .ci/run sees to that."""

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import inksight
from inksight.export.job import export_run

pytestmark = pytest.mark.backend

OTHERS = ("tensorflow", "torch")
BROKEN_OFF = """
import os, signal, sys
import inksight
from inksight.export.job import export_run
from inksight.callbacks import Callback
class Killer(Callback):
    def step(self, done, planned, running):
        if done == 9:
            os.kill(os.getpid(), signal.SIGKILL)
inksight.train("small.npz", out="killed", callback=Killer(), backend=sys.argv[1], members=2, dropout=0.2, epochs=1)
"""
PLAIN_KERAS = """
import sys, keras, numpy as np
model = keras.saving.load_model(sys.argv[1])
np.save(sys.argv[3], keras.ops.convert_to_numpy(model(np.load(sys.argv[2]))))
"""


@pytest.fixture(scope="session")
def command(process_command):
    """Always in a process of its own: a process has one backend."""
    return process_command


@pytest.fixture(scope="module", params=OTHERS)
def trained(request, tmp_path_factory, command):
    """The `quick` preset on real MNIST on another backend: (its name, its JSON, its run)."""
    if importlib.util.find_spec(request.param) is None:
        assert os.environ.get("INKSIGHT_BACKEND") != request.param, f"{request.param} was to be tested and is not there"
        pytest.skip(f"{request.param} is not installed: pip install inksight[{request.param}]")
    folder = tmp_path_factory.mktemp(request.param)
    done = command(folder, "train", "--backend", request.param, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    return request.param, answer, inksight.load_run(folder / answer["run"])


def test_it_reaches_the_same_band(trained, quick):
    backend, answer, _ = trained
    assert answer["backend"] == backend
    assert answer["test"]["accuracy"] >= 0.988
    assert abs(answer["test"]["accuracy"] - quick[0]["test"]["accuracy"]) < 0.004
    assert answer["parameters"] == quick[0]["parameters"]


def test_members_train_on_it_too(trained, mnist, tmp_path, command):
    backend, _, _ = trained
    parts = {"x_train": mnist.train.images[:600], "y_train": mnist.train.labels[:600]}
    parts |= {"x_test": mnist.test.images[:200], "y_test": mnist.test.labels[:200]}
    np.savez(tmp_path / "few.npz", **parts)
    options = ("--members", "2", "--filters", "8", "--batch-size", "50", "--epochs", "3", "--json")
    done = command(tmp_path, "train", "few.npz", "--backend", backend, *options)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["test"]["accuracy"] > 0.6
    assert answer["parameters"] % 2 == 0


@pytest.mark.parametrize("exported", [False, True])
def test_its_run_opens_anywhere(trained, mnist, tmp_path, exported):
    backend, _, run = trained
    images = mnist.test.images[:500]
    found = inksight.Predictor.load(run.path).probabilities(images)
    assert (found.argmax(1) == mnist.test.labels[:500]).mean() > 0.97
    np.save(tmp_path / "images.npy", images[..., None])
    model = export_run(run.path, "keras", tmp_path / "answers.keras").path if exported else run.path / "model.keras"
    arguments = [str(model), str(tmp_path / "images.npy"), str(tmp_path / "out.npy")]
    for opened_by in ("jax", backend):
        environment = {**os.environ, "KERAS_BACKEND": opened_by, "XLA_FLAGS": ""}
        subprocess.run([sys.executable, "-c", PLAIN_KERAS, *arguments], check=True, timeout=180, env=environment)
        assert np.array_equal(np.load(tmp_path / "out.npy").argmax(1), found.argmax(1))


def test_each_backend_measures_its_run_alike(trained, command):
    """To 0.01 points, which is one picture of 10,000."""
    backend, answer, run = trained
    for asked in ("jax", backend):
        done = command(run.path.parent, "evaluate", str(run.path), "--backend", asked, "--json")
        assert done.returncode == 0, done.stderr
        assert abs(json.loads(done.stdout)["errors"] - answer["test"]["errors"]) <= 1


def test_a_seed_repeats_there_too(trained, small_npz, command):
    """On a small set, in a process of its own each time."""
    backend, _, _ = trained
    digests = []
    for out in ("first", "again"):
        done = command(small_npz.parent, "train", "small.npz", "--backend", backend, "--dropout", "0.2", "--out", out)
        assert done.returncode == 0, done.stderr
        digests.append(json.loads((small_npz.parent / out / "metrics.json").read_text())["test"])
    assert digests[0] == digests[1]


def test_killed_there_it_ends_with_the_very_same_weights(trained, small_npz, command):
    backend, _, _ = trained
    here = small_npz.parent
    environment = {**os.environ, "INKSIGHT_CHECKPOINT_S": "0"}
    subprocess.run([sys.executable, "-c", BROKEN_OFF, backend], cwd=here, timeout=180, env=environment)
    done = command(here, "train", "--resume", "killed")
    assert done.returncode == 0, done.stderr
    assert "Going on with killed after step 8." in done.stderr
    choices = ("--members", "2", "--dropout", "0.2", "--epochs", "1")
    done = command(here, "train", "small.npz", "--backend", backend, *choices, "--out", "whole")
    assert done.returncode == 0, done.stderr
    killed, whole = ((here / name / "model.onnx").read_bytes() for name in ("killed", "whole"))
    weights = [
        [numpy_helper.to_array(each) for each in onnx.load_from_string(m).graph.initializer] for m in (killed, whole)
    ]
    assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))
