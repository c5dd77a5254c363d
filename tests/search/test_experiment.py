"""Real experiments on a small set: killed and resumed, on a budget, with failures; folder, page and command."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

import inksight
from inksight.config import preset
from inksight.errors import RunError, StorageError, UsageError
from inksight.search.ablation.folder import Outcome, held, open_folder
from inksight.search.ablation.job import ExperimentCallback, expected_s
from inksight.search.ablation.plan import make_plan

FLAGS = ("--filters", "8", "--batch-size", "100", "--epochs", "1", "--validation", "0.25")
CHOICES = {"filters": 8, "batch_size": 100, "epochs": 1, "validation": 0.25}
KNOBS = {"kernel_size": [3, 5], "optimizer": ["adam", "sgd"]}
WORDS = ("experiment", "small.npz", "--knob", "kernel_size=3,5", "--knob", "optimizer=adam,sgd", "--seeds", "2", *FLAGS)


@pytest.fixture(scope="module")
def whole(small_file, tmp_path_factory):
    """An experiment that nobody interrupted: 3 settings, 2 seeds."""
    out = tmp_path_factory.mktemp("whole") / "experiment"
    return inksight.experiment(small_file, knobs=KNOBS, seeds=2, out=out, **CHOICES)


def results(folder):
    """What must be the same whoever trained it: everything but the seconds."""
    outcomes = open_folder(folder).outcomes()
    return {(one.setting, one.seed): (one.accuracy, one.loss, one.wrong) for one in outcomes}


def copied(experiment, folder):
    """A folder with the plan of another and the first of its trials."""
    folder.mkdir()
    for name in ("experiment.json", "trials.jsonl"):
        (folder / name).write_bytes((experiment.path / name).read_bytes())
    return folder


def test_what_it_finds(whole):
    assert [setting.name for setting in whole.settings] == ["base", "kernel_size=3", "optimizer=sgd"]
    assert [(one.knob, one.value, one.reference) for one in whole.effects] == [
        ("kernel_size", 3, 5),
        ("optimizer", "sgd", "adam"),
    ]
    base, small, sgd = whole.settings
    assert base.mean > 0.8 > 0.6 > sgd.mean, "16 steps are too few for SGD"
    assert small.parameters != base.parameters == sgd.parameters
    effect = whole.effects[1].judged
    assert effect.difference.value == pytest.approx(sgd.mean - base.mean)
    assert whole.images == 501 and whole.ended == "finished" and whole.left_out == 0


def test_the_test_part_is_not_looked_at(small_mnist, tmp_path, whole):
    """With other test pictures every figure is the same."""
    other = replace(small_mnist, validation=None, test=small_mnist.validation, source="")
    again = inksight.experiment(other, knobs={"optimizer": ["sgd"]}, seeds=1, out=tmp_path / "x", **CHOICES)
    found = results(again.path)
    assert found["optimizer=sgd", 0] == results(whole.path)["optimizer=sgd", 0]


@pytest.mark.slow
def test_a_killed_experiment_goes_on_and_finds_the_same(whole, small_file, tmp_path, command):
    folder = tmp_path / "killed"
    program = [sys.executable, "-m", "inksight", *WORDS, "--out", str(folder)]
    process = subprocess.Popen(program, cwd=small_file.parent, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    trials = folder / "trials.jsonl"
    while not (trials.exists() and trials.read_bytes().count(b"\n") >= 2):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = trials.read_bytes()[: trials.read_bytes().rfind(b"\n") + 1]
    assert 2 <= kept.count(b"\n") < 6
    trials.write_bytes(kept + b'{"setting":"optimizer=sgd","seed":1,"sec')  # as a kill within a write leaves it
    done = command(small_file.parent, *WORDS, "--out", str(folder), "--json")
    assert done.returncode == 0, done.stderr
    assert trials.read_bytes().startswith(kept), "finished trials are not done again"
    assert len(done.stderr.splitlines()) == 1 + 6 - kept.count(b"\n")
    assert json.loads(done.stdout)["trials"] == {"planned": 6, "done": 6, "failed": 0, "left_out": 0}
    assert results(folder) == results(whole.path)


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished(whole, small_file, tmp_path):
    folder = tmp_path / "interrupted"
    program = [sys.executable, "-m", "inksight", *WORDS, "--epochs", "8", "--out", str(folder)]
    process = subprocess.Popen(
        program, cwd=small_file.parent, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    trials = folder / "trials.jsonl"
    while not (trials.exists() and trials.read_bytes().count(b"\n") >= 1):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 130
    assert f"(interrupted). Go on: inksight experiment --resume {folder}" in told
    assert 1 <= len(open_folder(folder).outcomes()) < 6
    assert "ended early" in (folder / "experiment.html").read_text()


def test_more_seeds_are_the_same_experiment(whole, small_file, tmp_path):
    folder = copied(whole, tmp_path / "more")
    more = inksight.experiment(resume=folder, seeds=3)
    before = results(whole.path)
    assert {key: value for key, value in results(folder).items() if key in before} == before
    assert len(more.outcomes) == 9 and len(more.effects[0].judged.difference.by_seed) == 3
    assert inksight.experiment(small_file, knobs=KNOBS, seeds=2, out=folder, **CHOICES).plan.seeds == 3


def test_another_experiment_in_the_folder_is_refused(whole, small_file, small_mnist, tmp_path):
    folder = copied(whole, tmp_path / "there")
    with pytest.raises(StorageError) as error:
        inksight.experiment(small_file, knobs=KNOBS | {"optimizer": ["lion"]}, out=folder, **(CHOICES | {"epochs": 2}))
    assert "epochs: 1 there, 2 now; values of optimizer: adam, sgd there, adam, lion now" in str(error.value)
    with pytest.raises(StorageError, match=r"another experiment \(the data's SHA-256: \w{12}… there, \w{12}… now\)"):
        resized = replace(small_mnist, preprocessing="resize")
        inksight.experiment(resized, knobs=KNOBS, seeds=2, out=folder, **CHOICES)
    other = tmp_path / "holiday"
    other.mkdir()
    (other / "photo.jpg").touch()
    with pytest.raises(StorageError, match="exists already and is no experiment; it is left as it was"):
        inksight.experiment(small_file, knobs=KNOBS, out=other, **CHOICES)
    assert results(folder) == results(whole.path)


def test_what_changed_under_a_resumed_one_is_said(whole, small_mnist, tmp_path):
    folder = copied(whole, tmp_path / "changed")
    resized = replace(small_mnist, preprocessing="resize")
    with pytest.raises(
        StorageError, match="cannot go on, for not all is as when it began .the data's SHA-256"
    ) as error:
        inksight.experiment(resized, resume=folder)
    assert "Bring that back, or start anew in another --out." in str(error.value)
    assert "--resume" not in str(error.value)
    with pytest.raises(UsageError, match="1001 seeds came; 1 to 1,000 were wanted"):
        inksight.experiment(resume=folder, seeds=1001)


class Intruder(ExperimentCallback):
    """While an experiment runs, a second process would go on with it."""

    def __init__(self, command, path):
        self.command, self.path, self.done = command, path, None

    def starting(self, setting, seed):
        before = (self.path / "trials.jsonl").read_bytes()
        (self.path / "trials.jsonl").write_bytes(before + b'{"half')
        self.done = self.command(self.path.parent, "experiment", "--resume", str(self.path), "--json")
        assert (self.path / "trials.jsonl").read_bytes() == before + b'{"half', "nobody cuts what another writes"
        (self.path / "trials.jsonl").write_bytes(before)


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
@pytest.mark.slow
def test_two_processes_do_not_share_a_folder(whole, command, tmp_path):
    folder = copied(whole, tmp_path / "shared")
    kept = (folder / "trials.jsonl").read_text().splitlines(keepends=True)
    (folder / "trials.jsonl").write_text("".join(kept[:5]))
    intruder = Intruder(command, folder)
    done = inksight.experiment(resume=folder, callback=intruder)
    assert intruder.done.returncode == 1
    assert "is being trained by another process now; wait for its end, or choose another --out" in intruder.done.stderr
    assert len((folder / "trials.jsonl").read_text().splitlines()) == 6 == len(done.outcomes)


def test_new_experiments_at_once_take_numbers_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = make_plan("quick", preset("quick"), {"dropout": [0.5]}, {})
    facts = {"data": {"name": "small"}}
    together = threading.Barrier(8)

    def begin(_):
        together.wait()
        with held(None, plan, facts) as folder:
            return folder.path.name

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(begin, range(8))) == [f"small-quick-{number}" for number in range(1, 9)]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"format": 7}, r"was made by inksight [\d.]+ \(format 7\); this is inksight [\d.]+ \(format 1\)"),
        ({"versions": {"inksight": "9.9"}}, r"was made by inksight 9.9 \(format 1\); this is inksight"),
        ({"plan": {}}, "experiment.json is damaged .* Start anew in another --out"),
    ],
)
def test_a_folder_of_another_version_says_so(whole, tmp_path, change, text):
    folder = copied(whole, tmp_path / "old")
    file = folder / "experiment.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(RunError, match=text):
        inksight.experiment(resume=folder)
    with pytest.raises(RunError, match="no experiment in .*: experiment.json is missing"):
        inksight.experiment(resume=tmp_path)


@pytest.mark.slow
def test_a_training_that_diverges_is_a_result(small_file, tmp_path):
    done = inksight.experiment(
        small_file, "tutorial", knobs={"learning_rate": [100.0]}, seeds=2, out=tmp_path / "wild",
        optimizer="sgd", dense_activation="linear", **CHOICES,
    )  # fmt: skip
    base, wild = done.settings
    assert len(base.accuracies) == 2 and not wild.accuracies
    assert "the training diverged" in wild.errors[0]
    assert done.effects[0].text == "failed: 2 trainings did not end well"
    assert done.to_dict()["trials"] == {"planned": 4, "done": 2, "failed": 2, "left_out": 0}
    assert "learning_rate=100 failed: the training diverged" in done.page.read_text()


def test_what_cannot_be_built_is_refused_before_anything_is_trained(small_file, tmp_path):
    with pytest.raises(
        UsageError,
        match="pool_size=30: pool_size 30 is too large for pictures of 28×28 px: ",
    ):
        inksight.experiment(small_file, knobs={"pool_size": [30]}, out=tmp_path / "no", **CHOICES)
    with pytest.raises(UsageError, match="decided its seed; leave them out to go on"):
        inksight.experiment(resume=tmp_path, seed=3)
    assert not (tmp_path / "no").exists()


def test_a_budget_too_small_for_one_training_still_makes_the_page(whole, tmp_path, small_file):
    done = inksight.experiment(
        small_file, knobs=KNOBS, seeds=1, time_limit_s=0.5, out=tmp_path / "short", **(CHOICES | {"epochs": 2000})
    )
    assert (done.ended, done.left_out) == ("time limit", 3)
    assert "3 trainings were left out (time limit)" in done.page.read_text()


def test_a_budget_is_not_begun_with_what_will_not_fit(whole, tmp_path):
    folder = copied(whole, tmp_path / "slow")
    lines = [json.loads(line) | {"seconds": 3600.0} for line in (folder / "trials.jsonl").read_text().splitlines()[:4]]
    (folder / "trials.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = inksight.experiment(resume=folder, time_limit_s=60)
    assert (done.ended, done.left_out, len(done.outcomes)) == ("time limit", 2, 4)
    assert [effect.seeds for effect in done.effects] == [(0,), (0,)], "pairs of the same seed only"
    assert {effect.verdict for effect in done.effects} == {"open"}


def test_how_long_the_next_will_take():
    plan = make_plan("quick", preset("quick"), {"epochs": [4], "dropout": [0.5]}, {})
    base, longer, _ = plan.settings
    done = [Outcome("base", 0, 5.0), Outcome("dropout=0.5", 0, 6.0), Outcome("epochs=4", 0, 0.1, error="no memory")]
    assert expected_s(plan, [], base) == 0
    assert expected_s(plan, done, base) == 5
    assert expected_s(plan, done, longer) == 24
    assert expected_s(plan, [*done, Outcome("epochs=4", 1, 17.0)], longer) == 17


@pytest.mark.slow
def test_a_grid_averages_over_the_other_knobs(small_file, tmp_path):
    knobs = {"dropout": [0, 0.5], "optimizer": ["adam", "sgd"]}
    done = inksight.experiment(small_file, knobs=knobs, grid=True, seeds=2, out=tmp_path / "grid", **CHOICES)
    by_name = {setting.name: setting.mean for setting in done.settings}
    assert len(by_name) == 4
    dropout, sgd = (effect.judged.difference.value for effect in done.effects)
    kept, dropped = ([by_name[f"dropout={x}, optimizer={o}"] for o in ("adam", "sgd")] for x in ("0", "0.5"))
    assert dropout == pytest.approx(np.mean(dropped) - np.mean(kept))
    assert sgd == pytest.approx(np.mean([kept[1] - kept[0], dropped[1] - dropped[0]]))


def test_the_page_is_whole_and_its_command_makes_it_again(whole, command, small_file, tmp_path):
    html = whole.page.read_text()
    assert len(html) < 3_000_000 and html.count("data:image/png;base64,") == 3
    assert "http" not in re.sub(r"base64,[^\"]+", "", html)
    text = re.search(r"<pre><code>inksight (experiment .*?)</code>", html)[1].replace("&#x27;", "'")
    done = command(tmp_path, *text.split(), "--out", str(whole.path), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["trials"]["done"] == 6 and len(done.stderr.splitlines()) == 1, "nothing was left to train"
    kept = json.loads((whole.path / "effects.json").read_text())
    assert told["effects"] == kept["effects"]
    assert told["effects"][1]["verdict"] == "real" and told["effects"][1]["interval95"][1] < 0


@pytest.mark.slow
def test_the_command_for_people(whole, command, tmp_path):
    done = command(tmp_path, "experiment", "--resume", str(whole.path), env={**os.environ, "COLUMNS": "120"})
    assert done.returncode == 0, done.stderr
    assert re.search(r"optimizer=sgd\s+adam\s+real: −\d\d\.\d\d pt", done.stdout)
    assert "Note: beta_2 is left out for optimizers that have none." in done.stdout
    wrong = command(tmp_path, "experiment", "--knob", "kernel_size")
    assert wrong.returncode == 2
    assert 'the knob is "kernel_size"; a name and values were wanted, kernel_size=3,5,7 for instance.' in wrong.stderr
    typo = command(tmp_path, "experiment", "--knob", "kernelsize=3", "--json")
    assert (typo.returncode, typo.stdout) == (2, "") and "Did you mean kernel_size?" in typo.stderr
