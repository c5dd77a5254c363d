"""Real searches on a small set: alone and on clusters, killed and resumed, with trials that fail in every way."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

import inksight
from inksight.config import TrainConfig
from inksight.errors import RunError, StorageError, UsageError
from inksight.search.tune.conduct import ATTEMPTS, TuneCallback
from inksight.search.tune.folder import TrialOutcome, open_folder
from inksight.search.tune.plan import make_plan
from inksight.search.tune.sampler import Sampler
from inksight.training.objective import build_optimizer
from inksight.utils.atomic import Lines, alone

pytestmark = [pytest.mark.cluster, pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")]


# One network, so that it is compiled once; steps enough to learn something, few enough to take a second.
CHOICES = {"least_steps": 60, "validation": 0.2}
FLAGS = ("--least-steps", "60", "--validation", "0.2", "--parallel", "2")
KNOBS = {"learning_rate": "0.0001..0.03", "label_smoothing": "0..0.2"}
SETTLED = {"backend": "jax", "device": "cpu", "precision": "float32"}  # what a training here takes for "auto"
NAMES = ["best.json", "running.json", "trials.jsonl", "tune.json"]


@pytest.fixture(scope="module")
def whole(small_file, tmp_path_factory):
    """A search that nobody interrupted: 8 trials on this machine alone."""
    out = tmp_path_factory.mktemp("whole") / "search"
    return inksight.tune(small_file, trials=8, knobs=KNOBS, parallel=2, out=out, **CHOICES)


def numbers(folder):
    """The numbers in trials.jsonl, line by line."""
    return [row["number"] for row in Lines(folder / "trials.jsonl").read()]


def test_what_it_finds(whole):
    assert sorted(numbers(whole.path)) == list(range(8))
    assert sorted(path.name for path in whole.path.iterdir()) == NAMES
    assert not any(outcome.error for outcome in whole.outcomes)
    assert whole.base.point == {} and whole.base.ended == "finished" and whole.base.accuracy > 0.9
    assert whole.best.accuracy == max(o.accuracy for o in whole.outcomes if o.ended == "finished")
    assert whole.best.accuracy >= whole.base.accuracy
    assert whole.images == 400
    assert whole.where.startswith("this machine, ")


def test_asha_stops_those_that_are_behind(whole):
    stopped = [outcome for outcome in whole.outcomes if outcome.ended == "stopped"]
    assert stopped
    for one in stopped:
        share, accuracy = one.looks[-1]
        assert (one.share, one.accuracy) == (share, accuracy)
        others = [dict(other.looks).get(share) for other in whole.outcomes if other is not one]
        assert accuracy < max(other for other in others if other is not None)
    finished = [outcome for outcome in whole.outcomes if outcome.ended == "finished"]
    assert all([share for share, _ in one.looks] == [20, 40] for one in finished)


def test_its_preset_file_trains(whole, small_file, tmp_path):
    config = TrainConfig.load(whole.preset_file)
    assert config == whole.config
    found = json.loads(whole.preset_file.read_text())["found"]
    assert found["trials"] == 8 and found["validation"]["accuracy"] == whole.best.accuracy
    assert found["validation"]["base"] == whole.base.accuracy
    run = inksight.train(small_file, config=whole.preset_file, out=tmp_path / "run", epochs=2)
    assert run.config["preset"] == "best"
    assert TrainConfig.of(run.config) == replace(config, epochs=2, least_steps=0, **SETTLED)


def test_the_command_takes_it_and_its_run_can_be_made_again(whole, small_file, tmp_path, command):
    name = whole.preset_file.rename(whole.path / "found.json")
    try:
        refused = command(tmp_path, "train", str(small_file), "--config", str(name), "--preset", "quick")
        assert refused.returncode == 2 and "--preset quick and --config" in refused.stderr
        done = command(tmp_path, "train", str(small_file), "--config", str(name), "--dropout", "0.1", "--json")
    finally:
        name.rename(whole.preset_file)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["preset"], answer["run"]) == ("found", "runs/small-found-1")
    run = inksight.load_run(tmp_path / answer["run"])
    assert TrainConfig.of(run.config) == replace(whole.config, dropout=0.1, **SETTLED)
    again = command(tmp_path, *shlex.split(run.config["command"])[1:], "--json")
    assert json.loads(again.stdout)["test"] == answer["test"], again.stderr


def test_a_resumed_sampler_knows_what_the_killed_one_knew(whole):
    def outcome(number, rate, ended, **more):
        return TrialOutcome(number, {"learning_rate": rate, "label_smoothing": 0.1}, ended, 1.0, **more)

    good = [outcome(100 + n, 0.02 + n / 1e4, "finished", accuracy=0.99) for n in range(8)]
    stopped = [outcome(200 + n, 0.0005, "stopped", accuracy=0.5, share=20, looks=((20, 0.5),)) for n in range(8)]
    failed = [outcome(300 + n, 0.0002, "failed", error="diverged") for n in range(8)]
    knowing, naive = Sampler(whole.plan, [*whole.outcomes, *good, *stopped, *failed]), Sampler(whole.plan, [])
    rates = [[sampler.ask(number)["learning_rate"] for number in range(400, 410)] for sampler in (knowing, naive)]
    assert np.median(rates[0]) > 3 * np.median(rates[1])


class Killer(TuneCallback):
    """Kills the process of trial 0 whenever it is looked at."""

    def __init__(self):
        self.kills = []

    def changed(self, running, outcomes):
        for one in running:
            if one.number == 0 and one.pid not in (0, *self.kills):
                os.kill(one.pid, signal.SIGKILL)
                self.kills.append(one.pid)


def test_trials_that_go_wrong_are_outcomes(small_file, tmp_path):
    knobs, killer = {"learning_rate": [0.03, 100.0], "kernel_size": [3, 64]}, Killer()
    choices = {**CHOICES, "net": "tutorial", "optimizer": "sgd", "latency_limit_ms": 1000.0}
    manner = {"parallel": 1, "callback": killer, "out": tmp_path / "bad"}
    done = inksight.tune(small_file, trials=7, knobs=knobs, **choices, **manner)
    assert sorted(numbers(done.path)) == list(range(7))
    assert len(set(killer.kills)) == ATTEMPTS == done.base.attempts
    assert f"its process died {ATTEMPTS} times" in done.base.error
    errors = [outcome.error for outcome in done.outcomes if outcome.error is not None]
    assert any("the training diverged: the loss is" in error for error in errors)
    assert any("kernel_size 64 is too large for pictures of 28×28 px: " in error for error in errors)
    assert all((outcome.error is None) == (outcome.ended != "failed") for outcome in done.outcomes)
    assert done.best.accuracy > 0.5 and 0 < done.best.latency_ms < 1000
    alone = json.loads((done.path / "latency.json").read_text())
    assert json.loads(done.preset_file.read_text())["found"]["latency_ms"] == alone[str(done.best.number)]


class Full(TuneCallback):
    """The disk is full when the first trial begins."""

    def changed(self, running, outcomes):
        raise StorageError("the disk is full")


def test_what_goes_wrong_here_is_told_as_it_is(small_file, tmp_path):
    with pytest.raises(StorageError, match="^the disk is full$"):
        inksight.tune(small_file, trials=2, knobs=KNOBS, parallel=1, callback=Full(), out=tmp_path / "full", **CHOICES)
    assert not (tmp_path / "full" / "ray").exists()


def test_one_that_is_too_slow_when_alone_is_not_the_best(whole):
    limited = replace(whole, plan=replace(whole.plan, latency_ms=0.5))
    assert limited.best == whole.best
    assert replace(limited, latencies_ms={whole.best.number: 0.4}).best == whole.best
    assert replace(limited, latencies_ms={whole.best.number: 0.6}).best != whole.best


class NodeKiller(TuneCallback):
    """At the first look at trial 0 its node, the only one that has a CPU, is killed; another one comes."""

    def __init__(self, nodes):
        self.nodes, self.killed = nodes, False
        self.only = nodes.add()

    def changed(self, running, outcomes):
        if not self.killed and any(one.number == 0 and one.looks for one in running):
            self.killed = True
            self.nodes.kill(self.only)
            self.nodes.add(cpus=2)


def test_a_lost_node_loses_and_doubles_nothing(nodes, small_file, tmp_path):
    nodes.add(cpus=0)
    killer, folder = NodeKiller(nodes), tmp_path / "lost"
    longer = {**CHOICES, "least_steps": 300}  # than it takes to kill a node
    done = inksight.tune(
        small_file, trials=5, knobs=KNOBS, ray_address=nodes.address, callback=killer, out=folder, **longer
    )
    assert killer.killed
    assert done.where.endswith("2 nodes, 1 CPU")
    assert sorted(numbers(folder)) == list(range(5))
    assert not any(outcome.error for outcome in done.outcomes)
    assert done.base.attempts == 2 and done.base.ended == "finished"


def begun(folder, words, lines):
    """A search as a process of its own, once so many lines are there."""
    program = [sys.executable, "-m", "inksight", "tune", *words]
    process = subprocess.Popen(program, cwd=folder.parent, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    trials = folder / "trials.jsonl"
    while not (trials.exists() and trials.read_bytes().count(b"\n") >= lines):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    return process


def test_however_it_is_ended_it_goes_on(small_file, tmp_path, command):
    folder = tmp_path / "search"
    words = (str(small_file), *FLAGS, "--knob", "learning_rate=0.0001..0.03", "--trials", "5", "--out", "search")
    process = begun(folder, words, 1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 130, told
    assert "(interrupted). Go on: inksight tune --resume search" in told
    first = (folder / "trials.jsonl").read_bytes()

    process = begun(folder, ("--resume", "search"), len(numbers(folder)) + 1)
    under_way = json.loads((folder / "running.json").read_text())
    process.send_signal(signal.SIGKILL)
    process.communicate()
    second = (folder / "trials.jsonl").read_bytes()
    assert second.startswith(first), "finished trials are not done again"
    kept = second[: second.rfind(b"\n") + 1]
    (folder / "trials.jsonl").write_bytes(kept + b'{"number":4,"poi')  # as a kill within a write leaves it
    left = [number for number in range(5) if number not in [json.loads(line)["number"] for line in kept.splitlines()]]
    assert 1 <= len(left) <= 3

    done = command(tmp_path, "tune", "--resume", "search", "--json")
    assert done.returncode == 0, done.stderr
    assert (folder / "trials.jsonl").read_bytes().startswith(kept)
    assert sorted(numbers(folder)) == list(range(5))
    answer = json.loads(done.stdout)
    assert answer["trials"]["planned"] == 5 and answer["trials"]["left_out"] == 0
    points = {outcome.number: outcome.point for outcome in open_folder(folder).outcomes()}
    assert all(points[int(number)] == point for number, point in under_way.items())
    shown = sorted(path.name for path in folder.iterdir() if not path.name.startswith(".running-"))
    assert shown == NAMES  # the kill may have come within a write, whose hidden file it leaves
    assert sorted(path.name for path in tmp_path.iterdir()) == ["search"]

    later = inksight.tune(resume=folder, trials=50, time_limit_s=0.01)
    assert (later.ended, later.left_out) == ("time limit", 45)
    assert sorted(numbers(folder)) == list(range(5))


def test_a_time_limit_gives_up_what_is_under_way(small_file, tmp_path):
    choices = {**CHOICES, "least_steps": 100_000}
    done = inksight.tune(small_file, trials=2, knobs=KNOBS, out=tmp_path / "short", time_limit_s=6, **choices)
    assert (done.ended, done.left_out, numbers(done.path)) == ("time limit", 2, [])


def test_another_search_in_the_folder_is_refused(whole, small_file, small_mnist, tmp_path):
    with pytest.raises(StorageError, match="another search .least_steps: 60 there, 61 now.; .*go on with that one"):
        inksight.tune(small_file, trials=8, knobs=KNOBS, out=whole.path, **(CHOICES | {"least_steps": 61}))
    with pytest.raises(StorageError, match="space of learning_rate: 0.0001 to 0.03 by its logarithm there, none now"):
        inksight.tune(small_file, trials=8, knobs={"batch_size": [32, 64]}, out=whole.path, **CHOICES)
    with pytest.raises(StorageError, match="cannot go on, for not all is as when it began .*the data's SHA-256"):
        inksight.tune(replace(small_mnist, preprocessing="resize"), resume=whole.path)
    with pytest.raises(UsageError, match="has decided its knobs, epochs; leave them out to go on"):
        inksight.tune(resume=whole.path, knobs=KNOBS, epochs=3)
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(StorageError, match="exists already and is no search; it is left as it was"):
        inksight.tune(small_file, knobs=KNOBS, out=tmp_path, **CHOICES)
    with alone(whole.path, "mine"), pytest.raises(RunError, match="is being carried on by another process now"):
        inksight.tune(resume=whole.path)


@pytest.mark.parametrize(
    "change, text",
    [
        (lambda content: "{", "tune.json is damaged"),
        (lambda content: content.replace('"format": 1', '"format": 9'), r"made by inksight .* \(format 9\); this is"),
        (
            lambda content: content.replace('"space"', '"spaces"'),
            "tune.json is damaged .*space",
        ),
    ],
)
def test_a_folder_that_cannot_go_on_says_why(whole, tmp_path, change, text):
    (tmp_path / "tune.json").write_text(change((whole.path / "tune.json").read_text()))
    with pytest.raises(RunError, match=text):
        inksight.tune(resume=tmp_path)


def test_no_folder_and_a_damaged_line(whole, tmp_path):
    with pytest.raises(RunError, match="no search in .*: tune.json is missing. Give a folder made by inksight tune"):
        inksight.tune(resume=tmp_path)
    (tmp_path / "tune.json").write_bytes((whole.path / "tune.json").read_bytes())
    (tmp_path / "trials.jsonl").write_text('{"number": 0}\n')
    with pytest.raises(RunError, match="trials.jsonl is damaged .*Remove that line, and it is tried again"):
        open_folder(tmp_path).outcomes()


def test_points_are_configs_that_their_optimizer_takes():
    plan, outcomes = make_plan("quick", None, {}, 40, None), []
    sampler = Sampler(plan, outcomes)
    for number in range(1, 40):
        config = plan.config(number, sampler.ask(number))
        build_optimizer(config)
        assert isinstance(config.filters, (int, type(None))) and 8 <= (config.filters or 8) <= 48
        assert config.first_layer == "whitened" or config.filters or config.kernel_size or config.activation
        assert config.optimizer != "sgd" or config.beta_2 is None
