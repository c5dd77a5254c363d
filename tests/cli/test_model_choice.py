"""Which model a command asks when none is named, and what it says of that; pictures of another kind; quoted hints."""

import json
import shutil
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

import inksight
from inksight import cli, runs
from inksight.errors import RunError, StorageError, UsageError

SHIPPED = "Model: shipped (no run in runs/ yet).\n"
LATEST = "Model: runs/mnist-quick-1 (the latest run). Use {} for the bundled digit model.\n"


@pytest.fixture
def ask(monkeypatch, tmp_path, capfd):
    """(arguments) -> exit code, stdout, stderr of `inksight ARGUMENTS…` in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["inksight", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code or 0, *capfd.readouterr()

    return run


@pytest.fixture
def latest(ask, quick_run, tmp_path):
    """A run in runs/, which is the latest."""
    return shutil.copytree(quick_run.path, tmp_path / "runs" / "mnist-quick-1")


@pytest.fixture
def colour_latest(ask, colour_run, quick_run, tmp_path):
    """A model of red, green and blue as the latest run."""
    folder = shutil.copytree(colour_run, tmp_path / "runs" / "colours-quick-1")
    shutil.copy(quick_run.path / runs.METRICS, folder)
    return folder


@pytest.fixture
def seven(ask, mnist):
    """A 7, dark on light, as a file."""
    cv2.imwrite("seven.png", 255 - cv2.resize(mnist.test.images[0], (140, 140)))
    return "seven.png"


COMMANDS = [
    (("predict", "seven.png"), "--model shipped"),
    (("read", "seven.png"), "--model shipped"),
    (("explain", "seven.png"), "--model shipped"),
    (("evaluate",), "inksight evaluate shipped"),
]


@pytest.mark.parametrize(("words", "other"), COMMANDS, ids=lambda value: value[0] if isinstance(value, tuple) else "")
def test_the_default_model_is_the_latest_run_and_stderr_names_it(ask, latest, seven, words, other):
    code, out, told = ask(*words, "--json")
    assert (code, told) == (0, LATEST.format(other))
    assert json.loads(out)["model"] == "runs/mnist-quick-1"


@pytest.mark.slow
@pytest.mark.parametrize(("words", "other"), COMMANDS, ids=lambda value: value[0] if isinstance(value, tuple) else "")
def test_without_a_run_the_default_is_the_shipped_model(ask, seven, words, other):
    code, out, told = ask(*words, "--json")
    assert (code, told) == (0, SHIPPED)
    assert json.loads(out)["model"] == "shipped"


def test_a_model_that_was_named_is_not_announced(ask, latest, seven):
    for name in ("shipped", "latest", "runs/mnist-quick-1"):
        code, out, told = ask("predict", seven, "--model", name, "--json")
        assert (code, told) == (0, "")
        assert json.loads(out)["model"] == ("shipped" if name == "shipped" else "runs/mnist-quick-1")


def test_commands_on_run_folders_default_to_the_latest_run_too(ask, latest):
    assert json.loads(ask("report", "--json")[1])["run"] == "runs/mnist-quick-1"
    code, out, told = ask("card", "--json")
    assert (code, told, json.loads(out)["run"]) == (0, "Run: runs/mnist-quick-1 (the latest).\n", "runs/mnist-quick-1")
    code, out, told = ask("export", "--format", "onnx", "--json")
    assert told == LATEST.format("inksight export shipped --format onnx")
    assert json.loads(out)["run"] == "runs/mnist-quick-1"


def test_commands_on_run_folders_say_how_to_get_one(ask):
    for words in (("card",), ("track", "--to", "tensorboard"), ("push", "latest", "there")):
        assert ask(*words) == (1, "", "Error: no run yet in runs/. Make one: inksight train.\n")
    assert ask("card", "shipped")[2].startswith("Error: the shipped model is no run folder")


@pytest.mark.slow
def test_python_has_the_same_default_and_takes_a_run(latest, seven):
    assert inksight.Predictor.load().name == "runs/mnist-quick-1"
    assert inksight.Predictor.load("shipped").name == inksight.Predictor.shipped().name == "shipped"
    run = inksight.load_run()
    assert inksight.Predictor.load(run).predict(seven).model == "runs/mnist-quick-1"
    assert inksight.explain(seven).answer.model == inksight.evaluate().model == "runs/mnist-quick-1"
    assert inksight.write_report() == run.path / "report.html"
    shutil.rmtree("runs")
    assert inksight.Predictor.load().name == inksight.explain(seven).answer.model == "shipped"
    with pytest.raises(RunError, match="no run yet in runs/"):
        inksight.write_readme()


def test_a_service_keeps_the_default_it_began_with(latest):
    from inksight.serve.service import Service

    service = Service()
    assert service.model.name == service.model.predictor.name == "mnist-quick-1"
    service.close()
    shutil.rmtree("runs")
    service = Service()
    assert service.model.name == "shipped"
    service.close()


def test_read_refuses_a_model_of_other_classes_once(ask, colour_latest, seven):
    code, out, told = ask("read", seven, seven)
    assert (code, out) == (2, "")
    assert told.count("Error: ") == 1
    assert (
        "runs/colours-quick-1 was trained on 16 px colour pictures of red, green, blue (preprocessing resize); reading "
        "numbers needs a model of 28 px grey digits (preprocessing digits). The shipped model is one: --model shipped."
    ) in told


def test_read_refuses_classes_that_are_no_digits(digit_run, tmp_path):
    card = runs.load_model_card(digit_run)
    runs.write_model(tmp_path, (digit_run / runs.MODEL).read_bytes(), replace(card, classes=tuple("abcdefghij")))
    reader = inksight.Predictor.load(tmp_path)
    assert not reader.reads_numbers and inksight.Predictor.load(digit_run).reads_numbers
    with pytest.raises(UsageError, match="pictures of a, b, c, d, e, f, g, h, i, j .preprocessing digits.; reading"):
        reader.read(np.zeros((80, 80), np.uint8))


def test_a_digit_asked_of_other_classes_is_noted(ask, colour_latest):
    code, out, _ = ask("predict", "mnist:0", "--json")
    assert code == 0
    assert json.loads(out)["notes"] == [
        "its label, 7, is not a class of runs/colours-quick-1 (red, green, blue).",
        "the picture is grey; runs/colours-quick-1 was trained on colour pictures.",
    ]
    assert json.loads(ask("predict", "mnist:0", "--model", "shipped", "--json")[1])["notes"] == []


def on_paper(colour):
    """A picture of a filled circle in a colour on warm white paper, with a little noise."""
    picture = np.full((90, 90, 3), (252, 244, 226), np.uint8)
    cv2.circle(picture, (45, 45), 20, colour, -1)
    noise = np.random.default_rng(3).integers(-6, 7, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def test_a_colour_picture_for_a_grey_model_is_noted(many_run):
    grey = inksight.Predictor.load(many_run)
    note = f"the picture is in colour; {many_run} was trained on grey pictures."
    assert grey.predict(on_paper((200, 30, 30))).notes == (note,)
    assert grey.predict(on_paper((30, 25, 20))).notes == ()  # black ink in warm light
    assert grey.predict(on_paper((30, 25, 20))[..., 0]).notes == ()


def test_a_digit_model_takes_coloured_ink_without_a_note(digit_run):
    reader = inksight.Predictor.load(digit_run)
    assert reader.predict(on_paper((200, 30, 30))).notes == reader.predict(on_paper((20, 40, 160))).notes == ()


def test_evaluate_warns_of_colour_data_for_a_grey_model(many_run, tmp_path):
    card = runs.load_model_card(many_run)
    card = replace(card, provenance={"data": {"source": "lines", "name": "lines"}, "seed": 0})
    (tmp_path / "grey").mkdir()
    runs.write_model(tmp_path / "grey", (many_run / runs.MODEL).read_bytes(), card)
    for kind in ("row 0", "row 1"):
        for folder, ink in (("colour", (200, 30, 30)), ("black", (30, 25, 20))):
            (tmp_path / folder / kind).mkdir(parents=True)
            for index in range(3):
                cv2.imwrite(str(tmp_path / folder / kind / f"{index}.png"), on_paper(ink)[..., ::-1])
    warning = inksight.evaluate(tmp_path / "grey", tmp_path / "colour").warning
    assert warning == f"{tmp_path / 'colour'} is in colour; {tmp_path / 'grey'} was trained on grey pictures."
    assert inksight.evaluate(tmp_path / "grey", tmp_path / "black").warning is None


def test_results_print_as_one_line(mnist, digit_run, quick_run):
    assert str(mnist) == repr(mnist) == "Dataset mnist: 60,000 train, 10,000 test, 10 classes, 28×28 grey"
    assert str(mnist.train) == "Split: 60,000 pictures, 28×28 grey"
    colour = inksight.Split(np.zeros((2, 8, 8, 3), np.uint8), np.zeros(2, np.int64))
    assert str(colour) == "Split: 2 pictures, 8×8 colour"
    reader = inksight.Predictor.load(digit_run)
    assert str(reader) == f"Predictor {digit_run}: 10 classes, 28×28 grey"
    answer = reader.predict(mnist.test.images[0])
    assert str([answer]) == f"[7 ({100 * answer.confidence:.1f} %, sure)]"
    assert str(replace(answer, verdict="rejected", confidence=0.25)) == "7 (25.0 %, none of the known classes)"
    assert str(reader.read(255 - cv2.resize(mnist.test.images[0], (140, 140)))) == "7"
    right = f"{100 * quick_run.metrics['test']['accuracy']:.2f} % right on 10,000"
    assert str(quick_run) == f"Run {quick_run.path}: {right} test pictures"
    assert str(inksight.Run(digit_run)) == f"Run {digit_run}"  # no metrics there
    assert str(inksight.evaluate(quick_run)) == f"Evaluation of {quick_run.path}: {right} pictures"
    explained = inksight.explain(mnist.test.images[0], reader)
    for each in (explained, *explained.neighbours, *explained.layers, *explained.flips):
        assert "\n" not in repr(each) and len(repr(each)) < 200


def test_hints_quote_paths_with_spaces(ask, latest, tmp_path):
    spaced = shutil.move(latest, tmp_path / "my runs")
    run = inksight.load_run(spaced)
    assert f"inksight predict PICTURE --model '{spaced}'" in cli.train.headline(run)
    runs.unfinished_folder(tmp_path / "my run").mkdir()
    for act in (runs.resolve, runs.require_free):
        with pytest.raises((RunError, StorageError), match="inksight train --resume '.*/my run' goes on"):
            act(tmp_path / "my run")
    (spaced / runs.README).unlink()
    assert f"inksight card '{spaced}' writes one." in ask("push", spaced, tmp_path / "there")[2]
