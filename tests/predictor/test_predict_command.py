"""`inksight predict` as a process of its own."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def folder(tmp_path_factory, mnist):
    """Test digits 0 to 2 as files, and a text that only looks like one."""
    place = tmp_path_factory.mktemp("pictures")
    for index in range(3):
        Image.fromarray(mnist.test.images[index]).save(place / f"{index}.png")
    (place / "notes.txt").write_text("no picture at all")
    return place


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_file_in_words(command, folder, digit_run, mnist):
    done = command(folder, "predict", "0.png", "--model", str(digit_run))
    assert done.returncode == 0 and done.stderr == ""
    *picture, words = done.stdout.splitlines()
    assert words.startswith(f"0.png: {mnist.test.labels[0]} (") and words.endswith(" %)")
    assert len(picture) == 28 and any("@" in row for row in picture)


def test_json_lines_of_files_sets_and_folders(command, folder, digit_run, mnist):
    done = command(folder, "predict", "1.png", "mnist:4444", ".", "--model", str(digit_run), "--json")
    assert done.returncode == 0 and done.stderr == ""
    records = lines(done)
    assert [record["source"] for record in records] == ["1.png", "mnist:4444", "0.png", "1.png", "2.png"]
    for record in records:
        assert record["verdict"] in ("class", "unsure")
        assert record["label"] in "0123456789" and 0 < record["confidence"] <= 1
        assert sum(record["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert records[1]["true_label"] == str(mnist.test.labels[4444])
    assert records[0]["probabilities"] == records[3]["probabilities"]
    assert "true_label" not in records[0]


def test_the_true_label_in_words(command, folder, digit_run, mnist):
    done = command(folder, "predict", "mnist:4444", "--model", str(digit_run))
    assert done.stdout.splitlines()[-1].endswith(f"; its label is {mnist.test.labels[4444]}")


def test_bytes_from_a_pipe(folder, digit_run):
    program = [sys.executable, "-m", "inksight", "predict", "-", "--model", str(digit_run), "--json"]
    done = subprocess.run(program, input=(folder / "2.png").read_bytes(), capture_output=True, check=True)
    assert json.loads(done.stdout)["source"] == "stdin"


def test_a_bad_picture_does_not_stop_the_others(command, folder, digit_run, tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(np.full((50, 50), 251, np.uint8)).save(buffer, "PNG")
    blank = tmp_path / "blank.png"
    blank.write_bytes(buffer.getvalue())
    sources = ["gone.png", "0.png", "notes.txt", str(blank), "1.png"]
    done = command(folder, "predict", *sources, "--model", str(digit_run), "--json")
    assert done.returncode == 1
    records = lines(done)
    assert [record["source"] for record in records] == sources
    assert "label" in records[1] and "label" in records[4]
    assert records[0]["error"] == "no picture gone.png: there is no such file. Check the path."
    assert "notes.txt is not a picture that can be read" in records[2]["error"]
    assert f"{blank}: the picture is blank" in records[3]["error"]
    assert done.stderr.count("Error: ") == 3 and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("source", "code", "text"),
    [
        ("mnits:3", 2, 'no data set "mnits". Did you mean mnist?'),
        ("mnist:10000", 2, "there is no picture 10,000 in the test part of mnist"),
        ("empty", 1, "no picture in empty: files ending in .bmp, .gif,"),
    ],
)
def test_sources_that_are_not_there(command, digit_run, tmp_path, source, code, text):
    (tmp_path / "empty").mkdir()
    done = command(tmp_path, "predict", source, "--model", str(digit_run))
    assert done.returncode == code
    assert done.stderr.startswith(f"Error: {text}")
    assert done.stdout == ""


def test_no_such_model(command, folder):
    done = command(folder, "predict", "0.png", "--model", "nowhere")
    assert done.returncode == 1
    assert 'no run "nowhere"' in done.stderr


def test_unsure_in_words(digit_run, mnist):
    from inksight.cli.predict import in_words
    from inksight.predictor import Answer

    shares = {"4": 0.512, "9": 0.47, "1": 0.018}
    assert in_words(Answer("x", "unsure", "4", 0.512, shares, mnist.test.images[0])) == (
        "unsure: it might be 4 (51 %) or 9 (47 %)"
    )
    assert in_words(Answer("x", "class", "4", 0.512, shares, mnist.test.images[0])) == "4 (51.2 %)"


def test_it_loads_nothing_that_it_does_not_need(folder, digit_run):
    code = (
        "import sys; from inksight.cli import main; sys.argv = ['inksight', *sys.argv[1:]]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'keras', 'jax', 'tensorflow', 'torch', 'matplotlib', 'onnx', 'pooch', 'numpy.ma'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    arguments = ["predict", "0.png", "--model", str(digit_run), "--json"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    answer, heavy = done.stdout.splitlines()
    assert json.loads(answer)["source"] == "0.png"
    assert heavy == "[]"
