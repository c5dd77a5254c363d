"""Trackers that are not installed, down, silent or unknown: a training never suffers from them."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from importlib.util import find_spec

import pytest

import inksight
from inksight.callbacks import Callback
from inksight.errors import RunError, ServiceError, UsageError
from inksight.tracking.session import TrackingSession

needs_mlflow = pytest.mark.skipif(find_spec("mlflow") is None, reason="mlflow is not installed")
SMALL = {"net": "strided", "filters": 8, "batch_size": 100, "epochs": 1}


class Listener(Callback):
    """Keeps what is said."""

    def __init__(self):
        self.notes = []

    def noted(self, text):
        self.notes.append(text)


WITHOUT = """
import importlib.util, sys
found, missing = importlib.util.find_spec, sys.argv[1]
importlib.util.find_spec = lambda name, package=None: None if name == missing else found(name, package)
sys.argv = ["inksight", *sys.argv[2:]]
from inksight.cli import run
run()
"""


@pytest.mark.parametrize(
    "tracker, package", [("mlflow", "mlflow"), ("tensorboard", "tensorboardX"), ("wandb", "wandb")]
)
def test_a_missing_extra_is_named_before_anything_is_read(here, tracker, package):
    (here / "wandb").mkdir()  # where wandb keeps what it could not send: no package
    program = [sys.executable, "-c", WITHOUT, package, "train", "no-such-data", "--track", tracker]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f'Error: {tracker} is not installed. Install it: pip install "inksight[{tracker}]".\n'


def test_an_unknown_tracker(here):
    with pytest.raises(
        UsageError, match='no tracker "mlfow". Did you mean mlflow\\? Known: mlflow, tensorboard, wandb'
    ):
        inksight.train("no-such-data", track="mlfow")


@pytest.mark.parametrize("seconds", ["0", "soon", "nan"])
def test_a_bad_patience_is_told_before_anything_is_read(here, monkeypatch, seconds):
    monkeypatch.setenv("INKSIGHT_TRACKING_S", seconds)
    with pytest.raises(UsageError, match=f'INKSIGHT_TRACKING_S is "{seconds}"; a number of seconds above 0 was wanted'):
        inksight.train("no-such-data", track="tensorboard", **SMALL)
    assert not list(here.glob("runs/*"))


@pytest.mark.slow
@needs_mlflow
def test_a_server_that_is_down_stops_nothing(here, small_file, command, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    choices = ("--epochs", "1", "--net", "strided", "--filters", "8")
    done = command(here, "train", str(small_file), *choices, "--track", "mlflow")
    assert done.returncode == 0, done.stderr
    assert "Saved in runs/small-quick-1." in done.stdout
    gone = "mlflow was not told of all of it: [Errno 111] Connection refused"
    assert f"The run is kept, but {gone}. Later: inksight track runs/small-quick-1 --to mlflow\n" in done.stderr
    done = command(here, "track", "runs/small-quick-1", "--to", "mlflow")
    assert (done.returncode, done.stdout) == (1, "") and f"Error: {gone}" in done.stderr


@pytest.mark.slow
@needs_mlflow
def test_a_program_that_watches_nothing_is_warned(quick_run, here, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with (
        TrackingSession("mlflow", quick_run.path, quick_run.config, None) as told,
        pytest.warns(UserWarning, match="The run is kept, but mlflow was not told .* Later: inksight track /"),
    ):
        assert told.kept(quick_run) is quick_run


def test_a_process_that_cannot_be_started_stops_nothing(here, quick_run, monkeypatch):
    path = shutil.copytree(quick_run.path, here / "my run")
    said = Listener()
    monkeypatch.setattr(sys, "executable", str(here / "gone"))
    with TrackingSession("tensorboard", path, quick_run.config, said) as told:
        assert told.callback is said
        run = inksight.load_run(path)
        assert told.kept(run) is run
    gone = "tensorboard was not told of it: its process could not be started ([Errno 2] No such file or directory:"
    begun, kept = said.notes
    assert begun.startswith(gone) and begun.endswith("). The training goes on.")
    assert kept.startswith(f"The run is kept, but {gone}")
    assert kept.endswith(f" Later: inksight track '{path}' --to tensorboard")
    with pytest.raises(ServiceError, match="its process could not be started"):
        inksight.track(path, "tensorboard")


@pytest.mark.slow
@needs_mlflow
def test_no_password_is_said(here, quick_run, command, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"ftp://ada:secret@127.0.0.1:{port}/?sig=secret")
    done = command(here, "track", str(quick_run.path), "--to", "mlflow")
    assert done.returncode == 1 and f"ftp://127.0.0.1:{port}/" in done.stderr
    assert "secret" not in done.stderr


def processes_beside(tracker):
    """The processes that tell a tracker."""
    found = subprocess.run(["pgrep", "-f", f"inksight.tracking.process {tracker}"], capture_output=True, text=True)
    return {int(process) for process in found.stdout.split()}


def test_a_tracker_whose_process_dies_is_given_up(quick_run, here):
    before = processes_beside("tensorboard")
    said = Listener()
    with TrackingSession("tensorboard", quick_run.path, quick_run.config, said) as told:
        (process,) = processes_beside("tensorboard") - before
        os.kill(process, signal.SIGKILL)
        told.callback.step(1, 2, {"step": 1.0})
        assert told.kept(quick_run) is quick_run
    gone = "tensorboard was not told of all of it: its process ended"
    assert said.notes == [f"The run is kept, but {gone}. Later: inksight track {quick_run.path} --to tensorboard"]


@pytest.mark.slow
@needs_mlflow
def test_ctrl_c_leaves_the_sending_for_later(quick_run, here, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        program = [sys.executable, "-m", "inksight", "track", str(quick_run.path), "--to", "mlflow"]
        with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr.readline() == "Sending mlflow what is missing; Ctrl-C leaves it for later.\n"
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert said.startswith("Error: mlflow was not told of all of it: it was interrupted. Later: inksight track /")


@pytest.mark.slow
@needs_mlflow
def test_a_server_that_never_answers_holds_nobody(here, quick_run, monkeypatch):
    monkeypatch.setenv("INKSIGHT_TRACKING_S", "2")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1000")
    before = processes_beside("mlflow")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(ServiceError, match="mlflow was not told of all of it: nothing was heard for 2 s. Later: "):
            inksight.track(quick_run.path, "mlflow")
    assert processes_beside("mlflow") <= before


@pytest.mark.parametrize(
    "run, text", [("shipped", "the shipped model is no run folder"), ("nowhere", 'no run "nowhere"')]
)
def test_what_is_no_run_is_not_sent(here, run, text):
    with pytest.raises(RunError, match=text):
        inksight.track(run, "tensorboard")
