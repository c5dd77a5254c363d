"""Every way out: equal to the run's own model in its own runtime, and usable by the program that comes with it."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

import inksight
from inksight.cli import main
from inksight.errors import EngineError, RunError, StorageError, UsageError
from inksight.export import sidecar
from inksight.export.c.compiler import COMPILERS
from inksight.export.formats import FORMATS
from inksight.export.job import export_run, verify_export
from inksight.export.proof import Proof, golden_pictures
from inksight.runs import SHIPPED, load_model_card

PYTHON = ("onnx", "keras", "saved_model", "litert", "openvino")


def require(format: str) -> None:
    """Skips where a format's runtime is not installed; .ci/run has an environment with all of them."""
    if format in ("c", "c_int8") and not any(map(shutil.which, COMPILERS)):
        pytest.skip("there is no C compiler on this machine")
    row = FORMATS[format]
    for module, extra in (*row.needs, *row.to_ask):
        if importlib.util.find_spec(module) is None:
            assert os.environ.get("INKSIGHT_BACKEND") != "tensorflow", f"{module} was to be tested and is not there"
            pytest.skip(f"{module} is not installed: pip install inksight[{extra}]")


def untouched(folder: Path) -> dict[str, str]:
    """The environment of a user who has never set up Keras."""
    inherited = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    return {**inherited, "KERAS_HOME": str(folder / "keras-home")}


MARKS = {"keras": pytest.mark.slow, "c_int8": pytest.mark.slow}
MARKS |= dict.fromkeys(("saved_model", "litert", "openvino"), pytest.mark.backend)


@pytest.fixture(scope="module", params=[pytest.param(name, marks=MARKS.get(name, ())) for name in FORMATS])
def format(request) -> str:
    require(request.param)
    return request.param


@pytest.fixture(scope="module")
def exported(format, tmp_path_factory):
    """The shipped model in a format; it is calibrated (temperature 0.55)."""
    return export_run("shipped", format, tmp_path_factory.mktemp("exported") / f"reader{FORMATS[format].suffix}")


def test_it_answers_pictures_that_it_was_not_proved_on(exported, format, mnist):
    noise = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
    images = np.concatenate([mnist.test.images[-80:], noise])
    expected = inksight.Predictor.shipped().probabilities(images)
    found = FORMATS[format].answer(exported.path, images[..., None])
    assert np.abs(found - expected).max() <= FORMATS[format].tolerance
    assert exported.proof.pictures == 1000
    assert exported.proof.largest_difference <= 1e-4 or FORMATS[format].least_agreeing < 1


def test_every_operator_goes_that_way(every_operator, format, tmp_path):
    proof = export_run(every_operator, format, tmp_path / f"all{FORMATS[format].suffix}").proof
    assert proof.other_labels == 0 or FORMATS[format].least_agreeing < 1


def test_its_program_runs_without_this_package(exported, format, mnist):
    if format not in PYTHON:
        pytest.skip("not a program in Python: tests/browser and test_c run it")
    digit = mnist.test.images[7]
    Image.fromarray(digit).save(exported.path.parent / "picture.png")
    assert "inksight" not in exported.snippet
    program = [sys.executable, "-c", exported.snippet]
    options = {"cwd": exported.path.parent, "env": untouched(exported.path.parent), "capture_output": True}
    done = subprocess.run(program, **options, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    label, confidence = done.stdout.split()
    answer = inksight.Predictor.shipped().predict(digit)
    assert label == answer.label
    assert float(confidence) == pytest.approx(answer.confidence, abs=1e-4)


def test_what_is_beside_it_says_how_to_use_it(exported, format):
    place = exported.path / "inksight.json" if FORMATS[format].is_folder else Path(f"{exported.path}.json")
    said, card = json.loads(place.read_text(encoding="utf-8")), load_model_card(SHIPPED)
    assert said["format"] == format
    assert said["classes"] == list("0123456789")
    assert said["input"] == {"name": "images", "dtype": "uint8", "shape": ["n", 28, 28, 1], "range": [0, 255]}
    assert said["preprocessing"]["kind"] == "digits" and "centre of mass" in said["preprocessing"]["words"]
    assert (said["unsure_below"], said["rejected_below"]) == (card.unsure_below, card.rejected_below)
    assert said["about"]["test"]["accuracy"] == card.provenance["test"]["accuracy"]
    assert "/" not in "".join(said["files"]) or FORMATS[format].is_folder


def test_an_old_export_is_asked_again(exported, command, tmp_path):
    moved = tmp_path / exported.path.name
    if exported.path.is_dir():
        shutil.copytree(exported.path, moved)
    else:
        shutil.copy(exported.path, moved)
        shutil.copy(f"{exported.path}.json", tmp_path)
    assert verify_export(moved).proof == exported.proof
    parts = [each for each in sorted(moved.rglob("*")) if each.suffix in (".bin", ".pb")]
    file = parts[0] if moved.is_dir() else moved
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(
        RunError, match=rf"{file.name} has changed since it was exported: SHA-256 \w+ expected, \w+ fou"
    ):
        verify_export(moved)


def test_colour_and_calibration_travel(colour_run, tmp_path):
    for format in ("onnx", "html"):
        done = export_run(colour_run, format, tmp_path / f"colours{FORMATS[format].suffix}")
        assert done.proof.largest_difference <= 1e-6


def test_the_onnx_file_explains_itself_and_tells_no_paths(exported, format):
    if format != "onnx":
        pytest.skip("of ONNX alone")
    said = {item.key: item.value for item in onnx.load(exported.path).metadata_props}
    assert json.loads(said["classes"]) == list("0123456789")
    assert (said["preprocessing"], float(said["unsure_below"])) == ("digits", load_model_card(SHIPPED).unsure_below)
    assert "command" not in said["about"] and "provenance" not in said


def test_the_command_writes_and_checks(command, digit_run, tmp_path):
    done = command(tmp_path, "export", str(digit_run), "--format", "onnx", "--out", "own.onnx")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("own.onnx: 2.23 MB, ")
    assert "equal to the run's own model on 1,000 pictures (the same labels, largest difference" in done.stdout
    assert "onnxruntime.InferenceSession('own.onnx')" in done.stdout
    for arguments in (["own.onnx"], ["own.onnx", str(digit_run)]):
        done = command(tmp_path, "export", "--verify", *arguments, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["proof"]["other_labels"] == 0
    done = command(tmp_path, "export", "--verify", "own.onnx", "shipped")
    assert done.returncode == 1 and "own.onnx differs from the run's own model by" in done.stderr
    (tmp_path / "own.onnx.json").unlink()
    done = command(tmp_path, "export", "--verify", "own.onnx")
    assert done.returncode == 1 and "own.onnx.json is missing, which says what" in done.stderr
    for arguments in ([], ["--format", "onnx", "--verify", "own.onnx"]):
        done = command(tmp_path, "export", "shipped", *arguments)
        assert done.returncode == 2 and "give --format to write an export, or --verify" in done.stderr
    done = command(tmp_path, "export", "nowhere", "--format", "html")
    assert done.returncode == 1 and 'no run "nowhere"' in done.stderr


@pytest.mark.parametrize(
    ("proof", "text"),
    [
        (
            Proof(1000, 0, 2e-7),
            "equal to the run's own model on 1,000 pictures (the same labels, largest difference 2e-07)",
        ),
        (Proof(1000, 0, 0.02), "the same labels as the run's own model on 1,000 pictures (largest difference 0.02)"),
        (Proof(1000, 3, 0.4), "3 of 1,000 labels differ from the run's own model (largest difference 0.4)"),
    ],
)
def test_only_an_equal_export_is_called_equal(proof, text):
    assert str(proof) == text


def test_an_export_that_changed_labels_says_how_many(digit_run, tmp_path, monkeypatch, capsys):
    """Weights that are rounded, as a format with 8 bits does it."""

    def rounded(source, out):
        model = onnx.load_from_string(source.content)
        for tensor in model.graph.initializer:
            weights = onnx.numpy_helper.to_array(tensor)
            step = np.abs(weights).max() / 16
            tensor.CopyFrom(onnx.numpy_helper.from_array((np.round(weights / step) * step).astype("f4"), tensor.name))
        out.write_bytes(model.SerializeToString())

    monkeypatch.setitem(FORMATS, "onnx", replace(FORMATS["onnx"], write=rounded, tolerance=1.0, least_agreeing=0.1))
    words = ["export", str(digit_run), "--format", "onnx", "--out", str(tmp_path / "a.onnx")]
    monkeypatch.setattr(sys, "argv", ["inksight", *words])
    with pytest.raises(SystemExit, match="0"):
        main()
    said = capsys.readouterr().out.splitlines()[0]
    labels = int(re.search(r"MB, (\d+) of 1,000 labels differ from the run's own model", said)[1])
    assert labels > 0 and "equal" not in said
    images = golden_pictures()
    expected = inksight.Predictor.load(digit_run).probabilities(images[..., 0]).argmax(1)
    assert labels == (FORMATS["onnx"].answer(tmp_path / "a.onnx", images).argmax(1) != expected).sum()


def test_an_unequal_export_leaves_nothing(digit_run, tmp_path, monkeypatch):
    """A writer with a fault, as a new version of a converter may have."""
    row = FORMATS["onnx"]

    def faulty(source, out):
        model = onnx.load_from_string(source.content)
        weights = onnx.numpy_helper.to_array(model.graph.initializer[0])
        model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weights[::-1].copy(), "lift"))
        out.write_bytes(model.SerializeToString())

    monkeypatch.setitem(FORMATS, "onnx", replace(row, write=faulty))
    with pytest.raises(
        EngineError, match=r"differs from the run's own model by [\d.]+ on 1,000 pictures and answers \d"
    ):
        export_run(digit_run, "onnx", tmp_path / "own.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["saved_model", "litert", "openvino"])
def test_a_missing_extra_is_named(format, tmp_path):
    row = FORMATS[format]
    if all(importlib.util.find_spec(module) for module, _ in (*row.needs, *row.to_ask)):
        pytest.skip("everything is installed here")
    with pytest.raises(EngineError, match=rf'is not installed: pip install "inksight\[{row.to_ask[0][1]}\]"'):
        export_run("shipped", format, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_names_and_places_that_cannot_be(digit_run, tmp_path):
    with pytest.raises(UsageError, match='no export format "onxn". Did you mean onnx'):
        export_run(digit_run, "onxn")
    with pytest.raises(RunError, match="there is no .*nothing.onnx. Give a file or folder that inksight export has"):
        verify_export(tmp_path / "nothing.onnx")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="could not be written"):
        export_run(digit_run, "onnx", tmp_path / "file" / "own.onnx")
    with pytest.raises(UsageError, match="own was to be written; give --out a name that ends in .onnx"):
        export_run(digit_run, "onnx", tmp_path / "own")


def test_nothing_of_others_is_overwritten(digit_run, tmp_path):
    folder = shutil.copytree(digit_run, tmp_path / "run")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    for place, format in (("run", "onnx"), ("run/model.onnx", "onnx"), ("run/other.c", "c")):
        with pytest.raises(StorageError, match=r"exists already; it is left|lies in the run itself"):
            export_run(folder, format, tmp_path / place)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    (tmp_path / "own.onnx.json").write_text('{"mine": 1}')
    with pytest.raises(StorageError, match="own.onnx.json exists already and is no sidecar of an export"):
        export_run(folder, "onnx", tmp_path / "own.onnx")
    assert (tmp_path / "own.onnx.json").read_text() == '{"mine": 1}'
    export_run(folder, "onnx", tmp_path / "again.onnx")
    assert export_run(folder, "onnx", tmp_path / "again.onnx").proof.pictures == 1000  # one's own may be made anew


def test_odd_names_and_pictures_of_any_shape(colour_run, tmp_path):
    """The program says what the Predictor says, but for another way to make a picture smaller."""
    place = tmp_path / 'my "best" run\'s'
    place.mkdir()
    done = export_run(colour_run, "onnx", place / "a \"b's.onnx")
    picture = np.full((48, 16, 3), (250, 60, 40), np.uint8)
    Image.fromarray(picture).save(place / "picture.png")
    program = [sys.executable, "-c", done.snippet]
    said = subprocess.run(program, cwd=place, capture_output=True, text=True, timeout=60, check=True).stdout.split()
    answer = inksight.Predictor.load(colour_run).predict(picture)
    assert (said[0], float(said[1])) == (answer.label, pytest.approx(answer.confidence, abs=0.02))


def test_the_program_rejects_what_is_none_of_the_classes(tmp_path):
    done = export_run("shipped", "onnx", tmp_path / "own.onnx")
    cross = np.maximum(np.eye(28), np.eye(28)[::-1]).astype(np.uint8) * 255
    assert inksight.Predictor.shipped().predict(cross).verdict == "rejected"
    Image.fromarray(cross).save(tmp_path / "picture.png")
    said = subprocess.run(
        [sys.executable, "-c", done.snippet], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert said.stdout.startswith("none of these ")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 99}, "is of version 99, and 1 is known here"),
        ({"input": {}}, "is damaged"),
        ({"files": []}, "is damaged"),
        ({"expected": "AAAA"}, "is damaged"),
        ({"format": "onyx"}, 'no export format "onyx". Did you mean onnx'),
        ({"classes": ["a", "b"]}, "gives answers of shape"),
    ],
)
def test_a_damaged_sidecar_is_no_proof(digit_run, tmp_path, change, said):
    path = export_run(digit_run, "onnx", tmp_path / "own.onnx").path
    place = sidecar.place_of(path)
    place.write_text(json.dumps({**json.loads(place.read_text()), **change}))
    with pytest.raises((RunError, EngineError), match=said):
        verify_export(path)


def test_another_size_is_another_run(digit_run, colour_run, tmp_path):
    path = export_run(digit_run, "onnx", tmp_path / "own.onnx").path
    with pytest.raises(RunError, match=r"takes pictures of 16 px and 3 channel\(s\), .*own.onnx of 28 px and 1"):
        verify_export(path, colour_run)


def test_golden_pictures_are_mnist_in_the_networks_own_shape(mnist):
    assert (golden_pictures()[..., 0] == mnist.test.images[:1000]).all()
    colour = golden_pictures(40, 3)
    assert colour.shape == (1000, 40, 40, 3) and (colour[1:, ..., 1] == colour[:-1, ..., 0]).all()
