"""Trainings that are killed, broken off, damaged, or find their disk full, and what becomes of them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import inksight
from inksight.callbacks import Callback
from inksight.config import TrainConfig
from inksight.data.dataset import Split
from inksight.errors import DataError, EngineError, RunError, StorageError, UsageError
from inksight.training import checkpoint_dir
from inksight.training.checkpoint import parse

KILLS = int(os.environ.get("INKSIGHT_KILLS", "3"))
SEED = int(os.environ.get("INKSIGHT_KILLS_SEED", "0"))
CHOICES = (
    *("--net", "compact", "--filters", "8", "--members", "2", "--dropout", "0.2", "--optimizer", "adamw"),
    *("--weight-decay", "0.01", "--weight-averaging", "0.9", "--schedule", "one_cycle", "--rotation-deg", "10"),
    *("--shift-px", "1", "--strokes", "0.3", "--epochs", "6", "--plain-epochs", "2", "--batch-size", "50"),
    *("--validation", "0.2", "--seed", "3"),
)
EVERY_STEP = {**os.environ, "INKSIGHT_CHECKPOINT_S": "0"}
SMALL = {"net": "strided", "filters": 8, "batch_size": 100, "epochs": 3, "dropout": 0.3}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INKSIGHT_CHECKPOINT_S", "0")
    return tmp_path


@pytest.fixture(scope="module")
def whole(small_mnist, tmp_path_factory):
    """The run of a training without a break."""
    train, test = small_mnist.train, small_mnist.test
    folder = tmp_path_factory.mktemp("whole")
    arrays = {"x_train": train.images, "y_train": train.labels, "x_test": test.images, "y_test": test.labels}
    np.savez(folder / "small.npz", **arrays)
    return inksight.train(folder / "small.npz", out=folder / "run", **SMALL).path


class PowerCut(Callback):
    """Breaks a training off after a number of steps, and hears what is said when it is taken up again."""

    def __init__(self, after: int = 0, error: BaseException | None = None) -> None:
        self.after, self.error, self.said = after, error or RuntimeError("a power cut"), ""

    def step(self, done, planned, running):
        if done == self.after:
            raise self.error

    def noted(self, text):
        self.said += text + "\n"


def broken_off(data, after=7, **choices):
    """The `.unfinished` folder of a training that broke off."""
    with pytest.raises(RuntimeError, match="a power cut"):
        inksight.train(data, callback=PowerCut(after), **SMALL | choices)
    (folder,) = (path for path in checkpoint_dir.runs.DEFAULT_ROOT.iterdir() if path.name.endswith(".unfinished"))
    return folder


def resumed(run="latest", **options):
    """(the finished run, what was said)."""
    callback = PowerCut()
    return inksight.resume(run, callback=callback, **options), callback.said


def weights(run):
    import keras

    return keras.saving.load_model(run / "model.keras").get_weights()


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))


def without_seconds(run):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in inksight.Run(run).history]


def require_readable(folder):
    """Whatever the moment of the kill: all that stands under its final name is whole."""
    assert json.loads((folder / "start.json").read_text())["format"] == 1
    for file in folder.glob("checkpoint-*"):
        assert f"checkpoint-{parse(file.read_bytes()).step:06}.npz" == file.name


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_with_the_very_same_weights(small_npz, command):
    """With a checkpoint after each step, so that many kills come while one is written."""
    here, program = small_npz.parent, [sys.executable, "-m", "inksight", "train"]
    began = time.monotonic()
    done = command(here, "train", small_npz.name, *CHOICES, "--out", "whole", env=EVERY_STEP)
    assert done.returncode == 0, done.stderr
    duration = time.monotonic() - began
    generator = np.random.default_rng(SEED)
    begin = [*program, small_npz.name, *CHOICES, "--out", "killed"]
    kills, finished, going_on = 0, 0, 0
    while kills < KILLS and finished < 4 * KILLS:
        resumable = (here / "killed.unfinished").exists()
        arguments = [*program, "--resume", "killed"] if resumable else begin
        process = subprocess.Popen(arguments, cwd=here, env=EVERY_STEP, stderr=subprocess.PIPE, text=True)
        try:
            process.wait(generator.uniform(0, 0.8 * duration))
            assert process.returncode == 0, process.stderr.read()
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            kills += 1
        going_on += "Going on with killed after step" in process.communicate()[1]
        if (here / "killed.unfinished").exists():
            require_readable(here / "killed.unfinished")
        if (here / "killed").exists():
            assert same(here / "whole", here / "killed")
            (here / "killed").rename(here / f"killed-{(finished := finished + 1)}")
    if (here / "killed.unfinished").exists():
        done = command(here, "train", "--resume", "killed", env=EVERY_STEP)
        assert done.returncode == 0, done.stderr
        assert same(here / "whole", here / "killed")
        assert without_seconds(here / "whole") == without_seconds(here / "killed")
    print(f"{kills} kills, {going_on} taken up from a checkpoint, {finished} finished between")
    assert kills == KILLS
    assert not list(here.glob("*.unfinished"))


@pytest.mark.slow
def test_what_a_gpu_began_goes_on_without_one(here, small_npz):
    folder = broken_off(small_npz)
    start = json.loads((folder / "start.json").read_text())
    assert start["facts"]["device"] == "cpu"
    start["facts"]["device"] = "gpu"
    (folder / "start.json").write_text(json.dumps(start))
    run, said = resumed()
    assert "Going on with runs/small-quick-1" in said
    assert run.metrics["ended"] == "finished"
    assert (run.config["device"], run.config["resumed"]["device"]) == ("gpu", "cpu")


@pytest.mark.slow
def test_what_an_older_version_began_goes_on(here, small_npz):
    folder = broken_off(small_npz)
    start = json.loads((folder / "start.json").read_text())
    for name in ("device", "precision", "small_sets"):
        del start["facts"][name]
    (folder / "start.json").write_text(json.dumps(start))
    assert resumed()[0].metrics["ended"] == "finished"


@pytest.mark.slow
def test_without_a_break_nothing_stays(here, small_npz):
    run = inksight.train(small_npz, **SMALL)
    assert [path.name for path in run.path.parent.iterdir()] == ["small-quick-1"]
    assert "resumed" not in run.config


def test_broken_off_it_becomes_the_run_it_would_have_been(here, small_npz, whole):
    folder = broken_off(small_npz)
    assert [path.name for path in sorted(folder.iterdir())] == [
        "checkpoint-000005.npz",
        "checkpoint-000006.npz",
        "start.json",
    ]
    callback = PowerCut()
    other = inksight.train(small_npz, callback=callback, **SMALL | {"epochs": 1})
    assert callback.said == (
        "runs/small-quick-1 was cut short: inksight train --resume runs/small-quick-1 goes on with it. "
        "Or delete runs/small-quick-1.unfinished.\n"
    )
    assert other.path.name == "small-quick-2", "the first number is taken"
    assert inksight.load_run("latest").path == other.path
    run, said = resumed(folder)
    assert "Going on with runs/small-quick-1 after step 6." in said
    assert run.path.name == "small-quick-1"
    assert same(run.path, whole)
    assert without_seconds(run.path) == without_seconds(whole)
    assert run.config["resumed"] == {"after_step": 6, "changed": []}
    config, expected = run.config, inksight.Run(whole).config
    assert config["command"] == expected["command"].replace(str(whole.parent), str(small_npz.parent))
    assert {name for name in config if config[name] != expected.get(name)} <= {"command", "data", "started", "resumed"}
    assert run.metrics["ended"] == "finished" and run.metrics["epochs"] == 3
    again, said = resumed("runs/small-quick-1")
    assert again.path == run.path
    assert said == "runs/small-quick-1 is finished already; nothing was left to do.\n"


@pytest.mark.slow
def test_broken_off_before_the_first_checkpoint_it_begins_anew(here, small_npz, whole, monkeypatch):
    monkeypatch.setenv("INKSIGHT_CHECKPOINT_S", "1000")
    folder = broken_off(small_npz)
    assert [path.name for path in folder.iterdir()] == ["start.json"]
    run, said = resumed()
    assert "Beginning runs/small-quick-1 anew" in said
    assert same(run.path, whole)


@pytest.mark.parametrize("damage", ["cut short", "a bit flipped"])
def test_of_a_damaged_checkpoint_the_one_before_is_used(here, small_npz, whole, damage):
    folder = broken_off(small_npz)
    newest = folder / "checkpoint-000006.npz"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 4
    newest.write_bytes(content[: len(content) // 3] if damage == "cut short" else content)
    run, said = resumed("runs/small-quick-1/")
    assert f"{newest} is damaged and not used" in said
    assert "after step 5" in said
    assert same(run.path, whole)


@pytest.mark.slow
def test_what_a_kill_left_half_written_is_cleared_away(here, small_npz):
    folder = broken_off(small_npz)
    (folder / ".checkpoint-000007-abcdefg_.npz").write_bytes(b"half")
    (here / "runs" / ".small-quick-1.inksight-a1b2c3d4").mkdir()
    others = {".small-quick-1-settings", ".small-quick-1-a1b2c3d4", ".small-quick-1-mine.inksight-a1b2c3d4"}
    for name in others:
        (here / "runs" / name).mkdir()
    (here / "runs" / ".small-quick-1.inksight-notafold").write_text("a file")
    resumed()
    left = {path.name for path in (here / "runs").iterdir()}
    assert left == {"small-quick-1", ".small-quick-1.inksight-notafold", *others}


@pytest.mark.slow
def test_killed_between_its_end_and_the_clearing_away(here, small_npz):
    folder = broken_off(small_npz)
    run, _ = resumed()
    folder.mkdir()
    (folder / "start.json").write_text("{}")
    again, said = resumed()
    assert again.path == run.path and "is finished already" in said
    assert not folder.exists()


@pytest.mark.slow
def test_a_time_limit_counts_the_training_before_the_break(here, small_npz):
    broken_off(small_npz, after=3, epochs=100_000, time_limit_s=8)
    run, _ = resumed()
    assert run.metrics["ended"] == "time limit"
    seconds = [row["seconds"] for row in run.history]
    assert seconds == sorted(seconds) and run.metrics["seconds"]["fit"] >= seconds[-1] - 0.01


@pytest.mark.slow
def test_arrays_out_of_a_program_are_given_once_more(here, small_mnist):
    made = replace(small_mnist, source="")
    broken_off(made)
    with pytest.raises(UsageError, match="trained on arrays out of a program: in Python, inksight.resume"):
        inksight.resume("latest")
    other = replace(made, train=Split(made.train.images[::-1], made.train.labels))
    with pytest.raises(DataError, match="small has changed since the training of runs/small-quick-1 began"):
        inksight.resume("latest", data=other)
    assert inksight.resume("latest", data=made).metrics["ended"] == "finished"


@pytest.mark.slow
def test_data_that_has_changed_is_refused_and_nothing_lost(here, small_npz):
    folder = broken_off(small_npz)
    content = small_npz.read_bytes()
    arrays = dict(np.load(small_npz))
    np.savez(small_npz, **arrays | {"y_test": arrays["y_test"][::-1]})
    with pytest.raises(DataError, match=r"small.npz has changed since .* began: SHA-256 .* delete .*1.unfinished"):
        inksight.resume("latest")
    assert len(list(folder.iterdir())) == 3
    small_npz.write_bytes(content)
    assert inksight.resume("latest").metrics["ended"] == "finished"


@pytest.mark.slow
def test_another_version_is_refused_and_other_engines_are_told(here, small_npz):
    folder = broken_off(small_npz)
    start = json.loads((folder / "start.json").read_text())

    def write(**changes):
        facts = start["facts"]
        versions = facts["versions"] | changes.pop("versions", {})
        (folder / "start.json").write_text(json.dumps(start | {"facts": facts | {"versions": versions}} | changes))

    write(versions={"inksight": "0.0.1"})
    with pytest.raises(RunError, match="was begun by inksight 0.0.1 .* Install inksight 0.0.1 to go on, or delete it"):
        inksight.resume("latest")
    write(format=2)
    with pytest.raises(RunError, match=r"\(format 2\); this is .* \(format 1\)"):
        inksight.resume("latest")
    (folder / "start.json").write_text("{")
    with pytest.raises(RunError, match="start.json is damaged .* Delete runs/small-quick-1.unfinished and train anew"):
        inksight.resume("latest")
    write(versions={"keras": "3.14.0"})
    run, said = resumed()
    assert "Not the same as at the beginning: keras was 3.14.0, is" in said
    assert "may differ in their last bits" in said
    assert run.config["resumed"]["changed"][0].startswith("keras was 3.14.0")


def test_what_is_not_there_is_refused_with_what_is(here, small_npz):
    with pytest.raises(RunError, match="no unfinished training in runs/. Nothing to resume"):
        inksight.resume("latest")
    with pytest.raises(RunError, match='no unfinished training "mine", nor any other in ./. Nothing to resume'):
        inksight.resume("mine")
    folder = broken_off(small_npz)
    with pytest.raises(RunError, match='"runs/small-quick-2". Did you mean runs/small-quick-1[?]'):
        inksight.resume("runs/small-quick-2")
    with pytest.raises(StorageError, match="small-quick-1.unfinished exists already: .* --resume runs/small-quick-1"):
        inksight.train(small_npz, out="runs/small-quick-1", **SMALL)
    (folder / "start.json").unlink()
    with pytest.raises(RunError, match="holds no start.json that can be opened .* Delete it and train anew"):
        inksight.resume("latest")


def test_two_never_train_the_same(here, small_npz):
    path = checkpoint_dir.find(broken_off(small_npz))
    first = checkpoint_dir.take_up(path)
    with pytest.raises(RunError, match="runs/small-quick-1 is being trained by another process now; wait for its end"):
        inksight.resume(path)
    with pytest.raises(RunError, match="no unfinished training in runs/; runs/small-quick-1 is being trained now"):
        inksight.resume("latest")
    first.close()
    facts = first.facts
    claims = [checkpoint_dir.claim("small-quick", None, facts) for _ in range(3)]
    assert [claim.path.name for claim in claims] == [f"small-quick-{number}" for number in (2, 3, 4)]
    for claim in claims:
        claim.discard()
        claim.close()


RIVAL = """
import sys
from inksight.training import checkpoint_dir
claims = [checkpoint_dir.claim("a", None, {"from": sys.argv[1]}) for _ in range(20)]
print(*(claim.path.name for claim in claims))
"""


def test_many_at_once_claim_each_a_number_of_their_own(here):
    processes = [
        subprocess.Popen([sys.executable, "-c", RIVAL, str(number)], stdout=subprocess.PIPE, text=True)
        for number in range(3)
    ]
    claimed = " ".join(process.communicate(timeout=60)[0] for process in processes).split()
    assert sorted(claimed) == sorted(f"a-{number}" for number in range(1, 61))


@pytest.mark.parametrize("error", [KeyboardInterrupt("now"), EngineError("not equal")])
def test_what_fails_before_the_first_checkpoint_leaves_nothing(here, small_npz, monkeypatch, error):
    monkeypatch.setenv("INKSIGHT_CHECKPOINT_S", "1000")
    with pytest.raises(type(error), match="^(now|not equal)$"):
        inksight.train(small_npz, callback=PowerCut(7, error), **SMALL)
    assert list((here / "runs").iterdir()) == []


KEPT = (
    "Its newest checkpoint is kept: inksight train --resume runs/small-quick-1 goes on from there. Or delete "
    "runs/small-quick-1.unfinished to give it up."
)


@pytest.mark.parametrize("error", [KeyboardInterrupt("now"), EngineError("not equal")])
@pytest.mark.slow
def test_what_was_kept_stays_whatever_the_training_ends_by(here, small_npz, whole, error):
    callback = PowerCut(7, error)
    with pytest.raises(type(error)) as raised:
        inksight.train(small_npz, callback=callback, **SMALL)
    assert KEPT in callback.said + str(raised.value)
    run, said = resumed()
    assert "after step 6" in said
    assert same(run.path, whole)


@pytest.mark.parametrize("moment", ["built", "noted"])
@pytest.mark.slow
def test_what_was_taken_up_stays_though_it_ends_at_once(here, small_npz, whole, monkeypatch, moment):
    folder = broken_off(small_npz)
    monkeypatch.setenv("INKSIGHT_CHECKPOINT_S", "1000")

    def stop(told):
        monkeypatch.undo()
        monkeypatch.chdir(here)
        raise KeyboardInterrupt

    callback = PowerCut()
    monkeypatch.setattr(callback, moment, stop)
    with pytest.raises(KeyboardInterrupt, match="^$"):
        inksight.resume("latest", callback=callback)
    assert len(list(folder.glob("checkpoint-*"))) == 2
    run, _ = resumed()
    assert same(run.path, whole)


def test_a_divergence_would_come_again_and_leaves_nothing_unless_it_was_taken_up(here, small_npz):
    wild = {"config": TrainConfig(), "optimizer": "sgd", "learning_rate": 100.0, "net": "tutorial", "dropout": 0.0}
    with pytest.raises(EngineError, match=r"No run was saved. Try a smaller learning_rate than 100.$"):
        inksight.train(small_npz, **SMALL | wild)
    assert list((here / "runs").iterdir()) == []
    folder = broken_off(small_npz, after=2, **wild)
    with pytest.raises(EngineError, match="No run was saved. .* Its newest checkpoint is kept: .* Or delete runs/"):
        inksight.resume("latest")
    assert len(list(folder.glob("checkpoint-*"))) >= 1


@pytest.mark.slow
def test_a_name_that_is_no_file_name_is_made_one(here, small_mnist):
    run = inksight.train(replace(small_mnist, name="a/b: c"), **SMALL | {"epochs": 1})
    assert run.path.as_posix() == "runs/a_b_ c-quick-1"
    assert checkpoint_dir.runs.safe_name(".a\\b.c") == "_a_b.c"


def test_a_number_that_only_the_file_system_knows_is_taken_is_passed(here, monkeypatch):
    """As where capitals mean nothing: `next_free` sees no such name, and yet it is there."""
    for taken in ("a-1.unfinished", "a-2"):
        (here / "runs" / taken).mkdir(parents=True)
    monkeypatch.setattr(
        checkpoint_dir.runs, "next_free", lambda stem, above=0: checkpoint_dir.Path(f"runs/{stem}-{above + 1}")
    )
    with contextlib.closing(checkpoint_dir.claim("a", None, {})) as claimed:
        assert claimed.path.name == "a-3"


@pytest.mark.slow
def test_a_finetuning_goes_on_too(here, small_npz, mnist):
    base = inksight.train(small_npz, **SMALL, validation=0.1)
    recipe = {"batch_size": 200, "least_steps": 20}
    test = mnist.test
    new = {"x_train": test.images[5000:5040], "y_train": test.labels[5000:5040]}
    np.savez("new.npz", **new)
    whole = inksight.finetune(base.path, "new.npz", **recipe)
    with pytest.raises(RuntimeError, match="a power cut"):
        inksight.finetune(base.path, "new.npz", **recipe, callback=PowerCut(12))
    with pytest.raises(UsageError, match="runs/small-finetuned-2 is a finetuning: it reads new.npz .* Leave data out"):
        inksight.resume("runs/small-finetuned-2", data=mnist)
    run, said = resumed("runs/small-finetuned-2")
    assert "after step 11" in said
    assert same(run.path, whole.path)
    assert run.metrics["finetune"] == whole.metrics["finetune"]
    with pytest.raises(RuntimeError, match="a power cut"):
        inksight.finetune(base.path, "new.npz", **recipe, callback=PowerCut(12))
    np.savez("new.npz", **new | {"y_train": np.roll(new["y_train"], 1)})
    with pytest.raises(DataError, match="new.npz has changed since the training of runs/small-finetuned-3 began"):
        inksight.resume("latest")


@pytest.mark.parametrize(
    "arguments, text",
    [
        (("mnist", "--epochs", "3", "--plain-epochs", "1"), "DATA, --epochs, --plain-epochs does not go with --resume"),
        (("--preset", "quick", "--time", "9s", "--out", "x"), "--out, --preset, --time does not go with --resume"),
        (("--finetune", "latest", "--data", "x"), "DATA, --finetune does not go with --resume"),
    ],
)
def test_choices_beside_it_are_refused(here, command, arguments, text):
    done = command(here, "train", "--resume", "latest", *arguments)
    assert done.returncode == 2
    assert text in done.stderr


def test_the_command_says_where_it_goes_on(here, small_npz, command):
    broken_off("small.npz")
    done = command(here, "train", "--resume", "latest", "--json", "--progress", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run"] == "runs/small-quick-1"
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert {"event": "note", "text": "Going on with runs/small-quick-1 after step 6."} in events
    done = command(here, "train", "--resume", "latest")
    assert done.returncode == 1
    assert "Error: no unfinished training in runs/. Nothing to resume." in done.stderr


@pytest.mark.parametrize("text", ["often", "-1", "nan"])
def test_a_wrong_time_between_checkpoints_is_refused(here, small_npz, monkeypatch, text):
    monkeypatch.setenv("INKSIGHT_CHECKPOINT_S", text)
    with pytest.raises(UsageError, match=f'INKSIGHT_CHECKPOINT_S is "{text}"; a number of seconds from 0 was wanted'):
        inksight.train(small_npz, **SMALL)
    assert not (here / "runs").exists()
