"""A run learns a style that it gets wrong, and keeps what it knew."""

import json
import os
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

import inksight
from inksight.data.dataset import Split
from inksight.errors import DataError, RunError, UsageError

FORGOTTEN = 0.02  # of accuracy, at most: ten of the 500 test pictures


def hollow(image: np.ndarray) -> np.ndarray:
    """The made-up style: only the outline of each stroke."""
    big = cv2.resize(image, (112, 112), interpolation=cv2.INTER_CUBIC)
    wide, narrow = cv2.dilate(big, np.ones((9, 9), np.uint8)), cv2.erode(big, np.ones((3, 3), np.uint8))
    return cv2.resize(cv2.subtract(wide, narrow), (28, 28), interpolation=cv2.INTER_AREA)


def save(folder, split: Split, style=hollow) -> None:
    for index, (image, label) in enumerate(zip(split.images, split.labels, strict=True)):
        place = folder / str(label)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(style(image)).save(place / f"{index}.png")


def part(split: Split, start: int, end: int) -> Split:
    return Split(split.images[start:end], split.labels[start:end])


@pytest.fixture(scope="module")
def place(tmp_path_factory, small_mnist):
    """A folder with a run of the small part of MNIST, and 60 hollow digits that it has not seen."""
    folder = tmp_path_factory.mktemp("finetuning")
    train, test = small_mnist.train, small_mnist.test
    np.savez(folder / "small.npz", x_train=train.images, y_train=train.labels, x_test=test.images, y_test=test.labels)
    save(folder / "corrections", part(small_mnist.validation, 0, 60))
    inksight.train(folder / "small.npz", filters=8, epochs=6, size_px=28, preprocessing="digits", out=folder / "run")
    return folder


@pytest.fixture
def here(place, monkeypatch):
    monkeypatch.chdir(place)
    return place


@pytest.mark.slow
def test_it_learns_a_style_and_keeps_what_it_knew(here, small_mnist):
    others = part(small_mnist.validation, 60, 500)
    images = np.stack([hollow(image) for image in others.images])

    def accuracy(run) -> float:
        return float((inksight.Predictor.load(run).probabilities(images).argmax(1) == others.labels).mean())

    before = {file.name: file.read_bytes() for file in (here / "run").iterdir()}
    run = inksight.finetune("run", "corrections", out="tuned")
    tuned = run.metrics["finetune"]
    assert {file.name: file.read_bytes() for file in (here / "run").iterdir()} == before, "the old run stays"
    assert tuned["learned"]["right_after"] > tuned["learned"]["right_before"] + 10
    assert tuned["learned"]["images"] + tuned["held_out"]["images"] == 60 and tuned["left_out"] == 0
    assert accuracy("tuned") > accuracy("run") + 0.1, "others of the style, never shown"
    old = inksight.load_run("run").metrics["test"]
    assert tuned["test_before"] == {name: old[name] for name in ("accuracy", "errors", "images")}
    assert run.metrics["test"]["accuracy"] > old["accuracy"] - FORGOTTEN
    assert inksight.evaluate("tuned").metrics() == run.metrics["test"], "the test part is the old one"
    assert run.config["command"] == "inksight train --finetune run --data corrections"


def test_the_command_says_which_figure_is_what(here, command):
    done = command(here, "train", "--finetune", "run", "--data", "corrections", "--epochs", "1", "--seed", "1")
    assert done.returncode == 2
    assert "seed was decided when the run was trained" in done.stderr
    done = command(here, "train", "--finetune", "run", "--data", "corrections", "--epochs", "1")
    assert done.returncode == 0, done.stderr
    for line in ("The old test pictures: ", "The pictures it learned: ", "Others of them, only asked: "):
        assert line in done.stdout
    done = command(here, "train", "corrections", "--finetune", "latest", "--json", "--progress", "json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["preset"] == "finetuned" and answer["run"] == os.path.join("runs", "small-finetuned-2")
    assert answer["finetune"]["run"] == os.path.join("runs", "small-finetuned-1")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert {"loading", "built", "step", "row"} <= {event["event"] for event in events}
    rows = [event for event in events if event["event"] == "row"]
    assert [row["step"] for row in rows] == [row["step"] for row in inksight.load_run(answer["run"]).history]


def test_pictures_of_the_test_part_are_not_learned(here, small_mnist, tmp_path):
    save(tmp_path / "some", part(small_mnist.test, 0, 3), style=lambda image: image)
    with pytest.raises(DataError, match="are in the test or the validation part of small; learning them would make"):
        inksight.finetune("run", tmp_path / "some")
    Image.fromarray(hollow(small_mnist.validation.images[70])).save(tmp_path / "some" / "7" / "own.png")
    run = inksight.finetune("run", tmp_path / "some", out=tmp_path / "tuned", epochs=1)
    tuned = run.metrics["finetune"]
    assert (tuned["left_out"], tuned["learned"]["images"], tuned["held_out"]["images"]) == (3, 1, 0)


def test_what_it_cannot_start_from_or_learn(here, tmp_path, small_mnist):
    with pytest.raises(RunError, match="the shipped model comes without the Keras weights .* Train one first"):
        inksight.finetune("shipped", "corrections")
    save(tmp_path / "odd", part(small_mnist.validation, 0, 2))
    (tmp_path / "odd" / "x").mkdir()
    with pytest.raises(DataError, match=r"has classes that .* does not know: x\. It knows 0, 1"):
        inksight.finetune("run", tmp_path / "odd")
    (tmp_path / "none" / "7").mkdir(parents=True)
    with pytest.raises(DataError, match=r"none holds no pictures; put some in"):
        inksight.finetune("run", tmp_path / "none")
    unnamed = inksight.train(replace(small_mnist, source=""), filters=8, epochs=1, out=tmp_path / "arrays")
    with pytest.raises(UsageError, match="arrays was trained on arrays out of a program"):
        inksight.finetune(unnamed.path, "corrections")
    shutil.copytree("run", tmp_path / "cut")
    (tmp_path / "cut" / "model.keras").write_bytes((here / "run" / "model.keras").read_bytes()[:1000])
    with pytest.raises(RunError, match=r"model\.keras is damaged: no model that Keras can open\. Copy"):
        inksight.finetune(tmp_path / "cut", "corrections")


def test_data_that_has_changed_is_refused(place, tmp_path, monkeypatch, small_mnist):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "mine", part(small_mnist.train, 0, 100), style=lambda image: image)
    run = inksight.train("mine", filters=8, epochs=1)
    next((tmp_path / "mine" / "1").iterdir()).unlink()
    with pytest.raises(DataError, match="mine has changed since .* was trained on it"):
        inksight.finetune(run.path, place / "corrections")


def test_flags_that_do_not_go_together(here, command):
    for arguments, text in (
        (["--finetune", "run"], "--finetune needs the pictures to learn: --data corrections for instance."),
        (["--finetune", "run", "--data", "a", "--preset", "quick"], "--preset does not go with --finetune"),
        (["mnist", "--data", "a"], "two data sets came, mnist and a; one was wanted."),
    ):
        done = command(here, "train", *arguments)
        assert (done.returncode, text in done.stderr) == (2, True), done.stderr
