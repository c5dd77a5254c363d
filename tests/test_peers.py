"""The peers' trainings run, where their framework is, and the sitting with them makes the right table.

.ci/run runs this with TensorFlow and with PyTorch too. Their figures are not looked at, but for learning something.
"""

import gzip
import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import inksight.data

PEERS = Path(__file__).parent.parent / "benchmarks" / "peers"
PICTURES = 640
STEPS = {  # (script, framework it runs on): optimizer steps that teach it something
    ("keras_convnet", "jax"): 30,
    ("keras_convnet", "tensorflow"): 30,
    ("pytorch_examples", "torch"): 20,
    ("tinygrad_beautiful", "tinygrad"): 8,
    ("tuomaso_fast", "torch"): 20,
}


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A folder with the first 640 pictures of each part of MNIST."""
    folder = tmp_path_factory.mktemp("few")
    for file in (Path(inksight.data.__file__).parent / "mnist").glob("*.gz"):
        content = gzip.decompress(file.read_bytes())
        header, item = (16, 784) if "idx3" in file.name else (8, 1)
        cut = content[:4] + PICTURES.to_bytes(4, "big") + content[8 : header + PICTURES * item]
        (folder / file.name).write_bytes(gzip.compress(cut))
    return folder


@pytest.fixture
def module(monkeypatch):
    """Imports a module of the peers' folder by its name."""
    monkeypatch.syspath_prepend(str(PEERS))
    return importlib.import_module


def run(script, *arguments, **environment):
    command = [sys.executable, str(PEERS / f"{script}.py"), *map(str, arguments)]
    environment = {**os.environ, **environment}
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, env=environment)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    return json.loads(line), done.stderr


@pytest.mark.parametrize(
    "script, framework",
    [pytest.param(*step, marks=pytest.mark.slow if step[1] == "jax" else pytest.mark.backend) for step in STEPS],
)
def test_a_peer_learns_and_prints_one_json_line(script, framework, few):
    if importlib.util.find_spec(framework) is None:
        assert os.environ.get("INKSIGHT_BACKEND") != framework, f"{framework} was to be tested and is not there"
        pytest.skip(f"{framework} is not installed")
    if framework == "tinygrad" and shutil.which("clang") is None:
        pytest.skip("tinygrad needs clang")
    steps = STEPS[script, framework]
    answer, _ = run(script, few, steps, "--seed", 3, KERAS_BACKEND=framework)
    assert set(answer) == {"peer", "framework", "steps", "accuracy", "seconds"}
    assert answer["peer"] == script
    assert framework in answer["framework"]
    assert answer["steps"] == steps
    assert 0.3 < answer["accuracy"] < 1
    assert set(answer["seconds"]) == {"import", "fit", "total"}


def test_every_peer_is_tried(module):
    assert {script for script, _ in STEPS} == set(module("side_by_side").PEERS)


def test_the_peers_read_the_same_mnist_as_we_do(module, mnist):
    folder = Path(inksight.data.__file__).parent / "mnist"
    read = module("mnist")
    for part, ours in (("train", mnist.train), ("t10k", mnist.test)):
        assert np.array_equal(read.images(folder, part), ours.images)
        assert np.array_equal(read.labels(folder, part), ours.labels)


def test_the_peers_refuse_a_file_that_is_not_idx(module):
    with pytest.raises(ValueError, match="begins with 00 00 08, this one with 89 50 4e"):
        module("mnist").parse(gzip.compress(b"\x89PNG"))


def test_the_table_has_the_figures_and_the_multiples_of_each_of_ours(module):
    sitting = module("side_by_side")
    measured = {
        "inksight quick": sitting.Measured("keras on jax", [0.99, 0.992], [4.0, 6.0]),
        "inksight standard": sitting.Measured("keras on jax", [0.996, 0.996], [50.0, 50.0]),
        "tuomaso_fast": sitting.Measured("torch 2.13.0", [0.9904], [20.0]),
    }
    rows = sitting.compare(measured)
    assert [row["times_ours"] for row in rows] == [
        {"inksight quick": 1, "inksight standard": 0.1},
        {"inksight quick": 10, "inksight standard": 1},
        {"inksight quick": 4, "inksight standard": 0.4},
    ]
    assert rows[0]["accuracy"] == {"n": 2, "mean": 0.991, "sd": 0.00141, "median": 0.991}
    assert sitting.table(rows).splitlines() == [
        "| training | framework | n | accuracy, % | seconds | × inksight quick | × inksight standard |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| inksight quick | keras on jax | 2 | 99.10 ± 0.14 | 5.0 ± 1.4 | 1.00 | 0.10 |",
        "| inksight standard | keras on jax | 2 | 99.60 ± 0.00 | 50.0 ± 0.0 | 10.00 | 1.00 |",
        "| tuomaso_fast | torch 2.13.0 | 1 | 99.04 | 20.0 | 4.00 | 0.40 |",
    ]


@pytest.mark.slow
def test_a_sitting_measures_ours_the_article_and_the_peers(few):
    """Short, on few pictures; the Keras ones on the backend that is here."""
    answer, told = run("side_by_side", "--short", "--data", few, "--tensorflow", sys.executable, KERAS_BACKEND="jax")
    assert [row["training"] for row in answer["trainings"]] == ["inksight quick", "article", "keras_convnet"]
    assert {"benchmark", "processor", "cores", "commit", "date"} <= set(answer)
    for row in answer["trainings"]:
        assert row["seconds"]["n"] == 1 and row["seconds"]["mean"] > 0
        assert f"| {row['training']} | {row['framework']} | 1 |" in told
