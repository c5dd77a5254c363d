"""`inksight.explain` and `inksight explain`: all parts, in words, JSON and PNG; what cannot be had is said."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import inksight
from inksight.errors import DataError, PictureError, RunError, StorageError
from inksight.explanation.explain import explain
from inksight.explanation.explanation import PAGE_PX, in_words, poster


@pytest.fixture(scope="module")
def explained(digit_run, mnist):
    return explain(mnist.test.images[0], digit_run, source="seven")


@pytest.fixture
def small_run(digit_run, small_npz, tmp_path):
    """The digit model as if it had been trained on a small file, and a picture of that file."""
    run = tmp_path / "run"
    shutil.copytree(digit_run, run)
    card = json.loads((run / "model.json").read_text())
    card["provenance"] = {"data": {"source": str(small_npz)}, "seed": 0}
    (run / "model.json").write_text(json.dumps(card))
    return run


def test_every_part_is_there_and_fits(explained, digit_run, mnist):
    answer = explained.answer
    assert (answer.label, answer.source, answer.model) == ("7", "seven", str(digit_run))
    assert np.array_equal(explained.image[..., 0], mnist.test.images[0])
    assert explained.attribution.shape == explained.occlusion.shape == (28, 28)
    assert len(explained.neighbours) == 8 and explained.training == "mnist"
    for each in explained.neighbours:
        assert np.array_equal(each.image[..., 0], mnist.train.images[each.index])
        assert each.label == str(mnist.train.labels[each.index])
    assert sum(each.label == "7" for each in explained.neighbours) >= 6
    assert [layer.operator for layer in explained.layers] == ["dense", "relu", "dense", "softmax"]
    assert len({each.label for each in explained.flips}) == 9
    assert explained.notes == ()


def test_json_holds_everything_at_its_shape(explained):
    record = json.loads(json.dumps(explained.to_dict()))
    for array in (record["input"], record["attribution"], record["occlusion"], *record["layers"]):
        assert list(np.shape(array["values"])) == array["shape"]
    assert np.allclose(record["attribution"]["values"], explained.attribution, rtol=1e-3, atol=1e-12)
    assert record["neighbours"][0].keys() == {"data", "split", "index", "file", "label", "likeness"}
    assert (record["neighbours"][0]["split"], record["neighbours"][0]["file"]) == ("train", None)
    assert np.array_equal(record["flips"][0]["image"]["values"], explained.flips[0].image)
    assert record["filters"] is None  # no convolution
    assert record["probabilities"] == explained.answer.to_dict()["probabilities"]


def test_words_say_what_the_arrays_say(explained):
    mattered, alike, flipped = in_words(explained)
    assert mattered.startswith("what mattered: what is ") and "speaks for 7" in mattered
    assert alike.startswith(f"it looks like the training pictures mnist:train/{explained.neighbours[0].index}, mnist:")
    first = explained.flips[0]
    assert f"{first.rms:.1f} of 255 levels on average ({first.largest} at most) makes it {first.label};" in flipped


def test_the_poster_grows_with_the_layers(explained, mnist, small_npz):
    page = poster(explained)
    assert page.shape[1:] == (PAGE_PX, 3) and page.dtype == np.uint8
    deeper = explain(mnist.test.images[0], "shipped", data=small_npz)
    assert deeper.to_dict()["filters"]["shape"] == [5, 5, 1, 32]
    shipped = poster(deeper)
    assert len(shipped) > len(page)
    coloured = (shipped.max(axis=2).astype(int) - shipped.min(axis=2) > 60).mean()
    assert 0.02 < coloured < 0.5


def test_a_colour_model_of_unknown_data(colour_run, tmp_path):
    image = np.full((16, 16, 3), (220, 60, 60), np.uint8)
    image[5:11, 5:11] = (250, 20, 20)
    found = explain(image, inksight.Predictor.load(colour_run))
    assert found.answer.label == "red" and found.image.shape == (16, 16, 3)
    assert found.neighbours == () and found.training == ""
    assert found.notes[0].startswith("what the model was trained on is not known")
    with Image.open(found.save(tmp_path / "red.png")) as page:
        assert page.width == PAGE_PX


def test_a_training_picture_is_found_again(digit_run, mnist):
    found = explain(mnist.train.images[321], digit_run)
    assert found.neighbours[0].index == 321 and found.neighbours[0].likeness == pytest.approx(1, abs=1e-3)
    assert found.notes == ("this very picture is a training picture, mnist:train/321.",)


def test_training_data_that_is_gone_is_done_without(small_run, small_npz, mnist):
    assert len(explain(mnist.test.images[0], small_run).neighbours) == 8
    small_npz.unlink()
    found = explain(mnist.test.images[0], small_run)
    assert found.neighbours == () and len(found.flips) == 9
    assert found.notes[0].startswith("the training pictures cannot be had, so none like this is shown: no data at")
    with pytest.raises(DataError, match="no data at .*small.npz"):
        explain(mnist.test.images[0], small_run, data=small_npz)


def test_training_data_that_has_changed_is_said(small_run, mnist):
    card = json.loads((small_run / "model.json").read_text())
    card["provenance"]["data"]["sha256"] = "0" * 64
    (small_run / "model.json").write_text(json.dumps(card))
    assert "small.npz has changed since the training." in explain(mnist.test.images[0], small_run).notes[0]


def test_what_cannot_be_explained(digit_run, explained, tmp_path):
    with pytest.raises(PictureError, match="the picture is blank"):
        explain(np.full((50, 50), 250, np.uint8), digit_run)
    with pytest.raises(PictureError, match="no picture none.png: there is no such file"):
        explain("none.png", digit_run)
    with pytest.raises(RunError, match='no run "nowhere"'):
        explain(np.zeros((28, 28), np.uint8), "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="could not be written"):
        explained.save(tmp_path / "file" / "why.png")


def test_the_command_in_words_and_as_png(command, digit_run, tmp_path):
    done = command(tmp_path, "explain", "mnist:0", "--model", str(digit_run), "--out", "why.png")
    assert done.returncode == 0 and done.stderr == "Written to why.png.\n"
    *picture, answer, mattered, alike, flipped = done.stdout.splitlines()
    assert len(picture) == 28 and answer.startswith("mnist:test/0: 7 (") and answer.endswith("; its label is 7")
    assert [line.split(":")[0] for line in (mattered, flipped)] == ["what mattered", "what would flip it"]
    assert alike.startswith("it looks like the training pictures mnist:train/")
    with Image.open(tmp_path / "why.png") as page:
        assert page.width == PAGE_PX


def test_the_command_as_json_from_stdin(digit_run, mnist, tmp_path):
    Image.fromarray(mnist.test.images[1]).save(tmp_path / "two.png")
    program = [sys.executable, "-m", "inksight", "explain", "-", "--model", str(digit_run), "--json"]
    done = subprocess.run(program, input=(tmp_path / "two.png").read_bytes(), capture_output=True, check=True)
    record = json.loads(done.stdout)
    assert (record["source"], record["label"], record["model"], record["out"]) == ("stdin", "2", str(digit_run), None)
    assert "true_label" not in record and done.stderr == b""


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("none.png",), 1, "no picture none.png: there is no such file."),
        (("blank.png",), 1, "blank.png: the picture is blank"),
        (("text.png",), 1, "text.png is not a picture that can be read"),
        (("mnist:0", "--model", "nowhere"), 1, 'no run "nowhere": there is no such folder.'),
        (("mnist:0", "--data", "mnits"), 2, 'no data set "mnits". Did you mean mnist?'),
        (("mnist:10000",), 2, "no picture mnist:test/10000: the split test of mnist has 10,000 pictures"),
    ],
)
def test_bad_input_is_one_text_and_a_code(command, tmp_path, words, code, text):
    Image.fromarray(np.full((50, 50), 251, np.uint8)).save(tmp_path / "blank.png")
    (tmp_path / "text.png").write_text("no picture at all")
    done = command(tmp_path, "explain", *words, *(() if "--model" in words else ("--model", "shipped")))
    assert done.returncode == code and done.stdout == ""
    assert done.stderr.startswith(f"Error: {text}") and "Traceback" not in done.stderr
