"""One training in several processes: what it gives, and what a lost node, a kill and wrong choices do to it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

import inksight

pytestmark = [pytest.mark.cluster, pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")]


# Ten steps by one process and by two that divide each batch; prints the largest difference between the weights. The
# learning rate is small, so that the rounding of sums is not amplified by what follows from it. Then a
# training that only its time limit ends, which is another one in each process: the first one's counts.
TOGETHER = """
import sys
import time
from dataclasses import replace
import numpy as np
from inksight.models import engine
engine.prepare("jax")
engine.load_keras()
import inksight
from inksight.data.dataset import take
from inksight.training.session import build_model
from inksight.config import TrainConfig
from inksight.training.fit import fit
from inksight.training.together import ALONE, Together


address, rank = sys.argv[1], int(sys.argv[2])
mnist = inksight.load("mnist")
few = {"validation": take(mnist.test, np.arange(99)), "test": take(mnist.test, np.arange(99))}
data = replace(mnist, train=take(mnist.train, np.arange(640)), **few)
two = Together(address, rank, 2)
for settings in (
    {"net": "tutorial", "optimizer": "sgd", "learning_rate": 0.005},
    {"net": "compact", "optimizer": "sgd", "learning_rate": 0.001, "weight_averaging": 0.9, "rotation_deg": 10.0},
    {"net": "strided", "optimizer": "sgd", "learning_rate": 0.005, "members": 2, "class_weight": "balanced"},
):
    config = TrainConfig(epochs=1, batch_size=64, **settings)
    weights, rows = [], []
    for processes in (ALONE, two):
        model = build_model(data, config)
        rows.append(fit(model, data, config, "jax", processes=processes).history[-1])
        weights.append(model.get_weights())
    apart = max(float(np.abs(a.astype(float) - b).max()) for a, b in zip(*weights))
    before = build_model(data, config).get_weights()
    moved = max(float(np.abs(a.astype(float) - b).max()) for a, b in zip(weights[0], before))
    print(settings["net"], apart, moved, rows[0]["val_loss"], rows[1]["val_loss"], rows[0]["loss"], rows[1]["loss"])
endless = TrainConfig(net="strided", epochs=10**5, batch_size=64)
fitted = fit(build_model(data, endless), data, endless, "jax", time.monotonic() + 6 + 9 * rank, processes=two)
print("time", fitted.ended, fitted.history[-1]["step"])
"""


def test_two_processes_are_as_one(tmp_path, free_port):
    script = tmp_path / "together.py"
    script.write_text(TOGETHER)
    started = [
        subprocess.Popen([sys.executable, str(script), f"127.0.0.1:{free_port}", str(rank)], stdout=subprocess.PIPE)
        for rank in range(2)
    ]
    told = [process.communicate(timeout=300)[0].decode() for process in started]
    assert [process.returncode for process in started] == [0, 0]
    for text in told:
        rows = [line.split() for line in text.splitlines() if line.split()[0] in ("tutorial", "compact", "strided")]
        assert len(rows) == 3
        for net, *figures in rows:
            apart, moved, *losses = map(float, figures)
            assert apart < 2e-5 < 0.001 < moved, net
            assert losses[0] == pytest.approx(losses[1], rel=1e-4), net
            assert losses[2] == pytest.approx(losses[3], rel=1e-4), net
    shown = [[line for line in text.splitlines() if "Gloo" not in line] for text in told]
    assert shown[0] == shown[1]  # both have the same weights, and measured the same
    assert shown[0][-1].startswith("time time limit")
    assert int(shown[0][-1].split()[-1]) > 0


@pytest.fixture
def start(small_npz, tmp_path):
    """Starts `inksight train` of the small part of MNIST by two workers, a checkpoint five times a second."""
    running = []

    def begin(*arguments, **environment) -> subprocess.Popen:
        program = [sys.executable, "-m", "inksight", "train", *arguments, "--workers", "2", "--progress", "json"]
        process = subprocess.Popen(
            program,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"INKSIGHT_CHECKPOINT_S": "0.2"} | environment,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


RECIPE = ("small.npz", "--preset", "standard", "--epochs", "8")


def events(process):
    """What a training tells, as it tells it."""
    for line in process.stderr:
        if line.startswith("{"):
            yield json.loads(line)


def until_step(process, number) -> list:
    """Reads on until so many steps are done; gives what was told."""
    told = []
    for event in events(process):
        told.append(event)
        if event["event"] == "step" and event["done"] >= number:
            return told
    raise AssertionError(f"it ended before step {number}: {told[-5:]}")


def weights_of(folder) -> list[np.ndarray]:
    import keras

    return keras.models.load_model(folder / "model.keras", compile=False).get_weights()


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory, small_file):
    """The weights of RECIPE by two workers of this machine, without a break."""
    folder = tmp_path_factory.mktemp("unbroken")
    shutil.copy(small_file, folder)
    done = subprocess.run(
        [sys.executable, "-m", "inksight", "train", *RECIPE, "--workers", "2", "--out", "run", "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return weights_of(folder / "run")


def test_lost_node(nodes, start, unbroken, tmp_path):
    nodes.add(cpus=0)
    nodes.add(cpus=1)
    doomed = nodes.add(cpus=1)
    training = start(*RECIPE, "--out", "run", "--ray-address", nodes.address)
    told = until_step(training, 30)
    nodes.kill(doomed)
    nodes.add(cpus=1)
    told += list(events(training))
    assert training.wait() == 0
    notes = [event["text"] for event in told if event["event"] == "note"]
    assert any("A worker was lost" in note and "after step 0" not in note for note in notes), notes
    steps = [event["step"] for event in told if event["event"] == "row"]
    assert steps[-1] == 112
    run = inksight.load_run(tmp_path / "run")
    assert [row["step"] for row in run.history] == sorted({int(row["step"]) for row in run.history})
    assert run.config["workers"] == 2
    for lost, whole in zip(weights_of(run.path), unbroken, strict=True):
        np.testing.assert_array_equal(lost, whole)


def test_killed_and_resumed(start, unbroken, command, tmp_path):
    training = start(*RECIPE, "--out", "run")
    until_step(training, 30)
    training.kill()
    training.wait()
    done = command(tmp_path, "train", "--resume", "run", "--workers", "2", "--json")
    assert done.returncode == 0, done.stderr
    assert "Going on with run after step" in done.stderr
    for resumed, whole in zip(weights_of(tmp_path / "run"), unbroken, strict=True):
        np.testing.assert_array_equal(resumed, whole)


def test_interrupted(start, tmp_path):
    training = start(*RECIPE, "--out", "run")
    until_step(training, 20)
    training.send_signal(signal.SIGINT)
    told = list(events(training))
    assert training.wait() == 0
    assert {"event": "interrupted"} in told
    assert inksight.load_run(tmp_path / "run").metrics["ended"] == "interrupted"


def test_a_fault_of_all_is_no_loss(small_npz, command, tmp_path):
    """Every worker diverges: the training is not tried again."""
    wild = ("--preset", "tutorial", "--optimizer", "sgd", "--learning-rate", "100")
    done = command(tmp_path, "train", "small.npz", *wild, "--workers", "2")
    assert done.returncode == 1
    assert "the training diverged" in done.stderr
    assert "lost" not in done.stderr
    assert not list(tmp_path.glob("runs/*"))


def test_nodes_of_other_versions(nodes, small_npz, command, tmp_path):
    other = tmp_path / "other" / "inksight-0.0.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: inksight\nVersion: 0.0.9\n")
    nodes.add(cpus=1)
    nodes.add(cpus=1, PYTHONPATH=str(other.parent))
    done = command(tmp_path, "train", "small.npz", "--workers", "2", "--ray-address", nodes.address)
    assert done.returncode == 1
    assert "inksight 0.0.9 there, 0.1.0 here" in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "text", "code"),
    [
        (("--workers", "2", "--ray-address", "127.0.0.1:1"), "Ray cannot be reached: 127.0.0.1:1 (Connection", 1),
        (("--workers", "2", "--ray-address", "ray://there"), "auto or HOST:PORT of the cluster's head was wanted", 2),
        (("--workers", "0"), "workers is 0; a whole number from 1 was wanted", 2),
        (("--ray-address", "auto"), "says where --workers are", 2),
        (("--workers", "2", "--finetune", "latest", "--data", "x"), "--workers does not go with --finetune", 2),
    ],
)
def test_wrong_choices(small_npz, command, tmp_path, arguments, text, code):
    data = () if "--finetune" in arguments else ("small.npz",)
    done = command(tmp_path, "train", *data, *arguments)
    assert (done.returncode, text in done.stderr) == (code, True), done.stderr
    assert not (tmp_path / "runs").exists()


def test_more_workers_than_cpus(small_npz, command, tmp_path):
    workers = str(2 * os.cpu_count())
    done = command(tmp_path, "train", "small.npz", "--workers", workers, "--batch-size", workers)
    assert done.returncode == 1
    assert f"{workers} workers need a CPU each" in done.stderr
    assert not list(tmp_path.glob("runs/*"))
