"""MLflow: a SQLite file in this folder, and a real server that may die at any time."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from importlib.util import find_spec

import numpy as np
import pytest

import inksight
from inksight.callbacks import Callback
from inksight.runs import MODEL

pytestmark = [pytest.mark.backend, pytest.mark.skipif(find_spec("mlflow") is None, reason="mlflow is not installed")]


SMALL = {"net": "strided", "filters": 8, "batch_size": 100, "epochs": 3}
LOAD = """
import sys, numpy as np, mlflow, mlflow.onnx, onnxruntime

model = mlflow.onnx.load_model(f"runs:/{sys.argv[1]}/model")
session = onnxruntime.InferenceSession(model.SerializeToString())
np.save(sys.argv[3], session.run(["probabilities"], {"images": np.load(sys.argv[2])})[0])
"""


class Listener(Callback):
    """Hears what is said, and does something after each epoch."""

    def __init__(self, after_epoch=lambda number: None):
        self.said, self.after_epoch = "", after_epoch

    def epoch(self, number, epochs, row):
        self.after_epoch(number)

    def noted(self, text):
        self.said += text + "\n"


def told(database):
    """What MLflow's store holds of its only run: its row, parameters, {metric: {step: value}}, tags."""
    with sqlite3.connect(database) as store:
        store.row_factory = sqlite3.Row
        (run,) = store.execute("SELECT * FROM runs").fetchall()
        parameters = dict(map(tuple, store.execute("SELECT key, value FROM params")))
        tags = dict(map(tuple, store.execute("SELECT key, value FROM tags")))
        metrics: dict[str, dict[int, float]] = {}
        for key, step, value in store.execute("SELECT key, step, value FROM metrics"):
            assert step not in metrics.setdefault(key, {}), "it is there twice"
            metrics[key][step] = value
    store.close()
    return run, parameters, metrics, tags


def course(run):
    """The history as MLflow should have it."""
    found: dict[str, dict[int, float]] = {}
    for row in run.history:
        for name, value in row.items():
            found.setdefault(name, {})[int(row["step"])] = value
    del found["step"]
    return found


def require_told(database, run):
    """All of a run is there, once."""
    row, parameters, metrics, tags = told(database)
    assert (row["name"], row["status"]) == (run.path.name, "FINISHED")
    assert (parameters["preset"], parameters["epochs"], parameters["seed"]) == ("quick", "3", "0")
    assert parameters["data.sha256"] == run.config["data"]["sha256"]
    assert tags["inksight.command"] == (run.config["command"] or "")
    wanted = course(run)
    assert len(wanted["val_accuracy"]) >= 3, "each epoch at least"
    assert {name: metrics[name].keys() for name in wanted} == {name: wanted[name].keys() for name in wanted}
    for name, steps in wanted.items():
        if name != "seconds":  # of the epoch's row itself 9 digits are kept
            assert metrics[name] == pytest.approx(steps, rel=1e-6)
    assert [*metrics["test_accuracy"].values()] == [run.metrics["test"]["accuracy"]]
    return row


def require_same_answers(run, small_mnist, row, address, python=sys.executable):
    """The model that mlflow.onnx loads answers as the run's own file."""
    images = small_mnist.test.batch[:50]
    np.save("images.npy", images)
    environment = {**os.environ, "MLFLOW_TRACKING_URI": address}
    program = [python, "-W", "ignore", "-c", LOAD, row["run_uuid"], "images.npy", "answers.npy"]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    import onnxruntime

    session = onnxruntime.InferenceSession(run.path / MODEL)
    assert np.array_equal(np.load("answers.npy"), session.run(["probabilities"], {"images": images})[0])


def test_a_sqlite_store_without_a_server(here, small_mnist, command):
    """Parameters, metrics by epoch, files, the model; and told once more nothing is doubled."""
    listener = Listener()
    run = inksight.train(small_mnist, track="mlflow", callback=listener, **SMALL)
    assert f"mlflow: sqlite:///{here}/mlflow.db" in listener.said
    row = require_told("mlflow.db", run)
    files = here / "mlruns" / str(row["experiment_id"]) / row["run_uuid"] / "artifacts"
    for path in run.path.iterdir():
        assert (files / path.name).read_bytes() == path.read_bytes()
    require_same_answers(run, small_mnist, row, f"sqlite:///{here}/mlflow.db")
    done = command(here, "track", str(run.path), "--to", "mlflow", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["where"] == f"sqlite:///{here}/mlflow.db"
    assert require_told("mlflow.db", run)["run_uuid"] == row["run_uuid"]
    renamed = shutil.copytree(run.path, here / "of another name")
    inksight.track(renamed, "mlflow")
    assert require_told("mlflow.db", run)["run_uuid"] == row["run_uuid"]


def test_each_thing_that_is_sent_is_a_sign_of_life(here, quick_run):
    """A run of many files, or a slow server, may take long; a call may not."""
    program = [sys.executable, "-W", "ignore", "-m", "inksight.tracking.process", "mlflow"]
    finish = json.dumps({"finish": str(quick_run.path)}) + "\n"
    done = subprocess.run(program, input=finish, capture_output=True, text=True, timeout=200)
    *signs, last = map(json.loads, done.stdout.splitlines())
    assert last.keys() == {"sent"}
    assert all(sign.keys() == {"alive"} for sign in signs)
    assert len(signs) > len(list(quick_run.path.iterdir())), "one for each file, and for what else is sent"


def test_where_it_is_says_no_key_and_a_file_is_no_page(here, quick_run, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{here}/http.db?timeout=20")
    assert inksight.track(quick_run.path, "mlflow") == f"sqlite:///{here}/http.db"


def rows_there(server):
    """The steps of which the server's store has a validation accuracy, once it has one: it comes while it trains."""
    while True:
        with sqlite3.connect(server.folder / "store.db") as store:
            found = store.execute("SELECT step FROM metrics WHERE key = 'val_accuracy'").fetchall()
        store.close()
        if found:
            return found
        time.sleep(0.05)


def test_a_server_is_told_while_it_trains(here, small_mnist, server, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    seen = []
    listener = Listener(lambda number: seen.append(len(rows_there(server))))
    run = inksight.train(small_mnist, track="mlflow", callback=listener, **SMALL)
    assert seen[0] <= 2 and len(seen) == 3
    row = require_told(server.folder / "store.db", run)
    assert f"mlflow: {server.url}/#/experiments/{row['experiment_id']}/runs/{row['run_uuid']}" in listener.said
    require_same_answers(run, small_mnist, row, server.url, str(server.program.parent / "python"))


def test_a_server_that_dies_gets_the_rest_later(here, small_mnist, server, monkeypatch, command):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)

    def kill(number):
        if number == 2:
            assert rows_there(server)
            server.stop()

    listener = Listener(kill)
    run = inksight.train(small_mnist, track="mlflow", callback=listener, **SMALL)
    later = f"inksight track {run.path} --to mlflow"
    gone = "[Errno 111] Connection refused"
    assert f"The run is kept, but mlflow was not told of all of it: {gone}. Later: {later}" in listener.said
    server.start()
    done = command(here, *later.split()[1:])
    assert done.returncode == 0, done.stderr
    require_told(server.folder / "store.db", run)


def test_it_goes_on_being_told_after_a_break(here, small_npz, server, monkeypatch):
    monkeypatch.setenv("INKSIGHT_CHECKPOINT_S", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)

    def cut(number):
        if number == 2:
            raise RuntimeError("a power cut")

    with pytest.raises(RuntimeError, match="a power cut"):
        inksight.train(small_npz, track="mlflow", callback=Listener(cut), **SMALL)
    run = inksight.resume("latest", callback=Listener())
    assert "resumed" in run.config
    require_told(server.folder / "store.db", run)
