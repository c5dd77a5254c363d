"""`inksight predict` as a process of its own."""

import io
import json
import os
import subprocess
import sys
from collections import Counter
from functools import partial

import numpy as np
import pytest
from PIL import Image

import inksight
from inksight.cli.answers_file import COLUMNS, answers_file
from inksight.cli.predict import Tally


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
    (words,) = done.stdout.splitlines()
    assert words.startswith(f"0.png: {mnist.test.labels[0]} (") and words.endswith(" %)")


@pytest.mark.skipif(os.name == "nt", reason="there is no pseudo-terminal")
@pytest.mark.parametrize(("pictures", "drawn"), [(["0.png"], 28), (["0.png", "1.png"], 0)])
def test_only_a_single_picture_is_drawn_on_a_terminal(folder, digit_run, pictures, drawn):
    import pty

    terminal, end = pty.openpty()
    program = [sys.executable, "-m", "inksight", "predict", *pictures, "--model", str(digit_run)]
    subprocess.run(program, cwd=folder, stdout=end, env={**os.environ, "NO_COLOR": "1", "COLUMNS": "80"}, check=True)
    os.close(end)
    lines = os.read(terminal, 65_536).decode().splitlines()
    os.close(terminal)
    assert len(lines) == drawn + len(pictures)
    assert any("@" in line for line in lines) == bool(drawn)


def test_json_lines_of_files_sets_and_folders(command, folder, digit_run, mnist):
    done = command(folder, "predict", "1.png", "mnist:4444", ".", "--model", str(digit_run), "--json")
    assert done.returncode == 0 and done.stderr == ""
    records = lines(done)
    assert [record["source"] for record in records] == ["1.png", "mnist:test/4444", "0.png", "1.png", "2.png"]
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
    assert done.stderr.endswith("3 of 5 pictures could not be read.\n")


@pytest.fixture(scope="module")
def odd_folder(tmp_path_factory, mnist):
    """Four digits below each other, with spaces and signs in their names; one is cut short, one is blank."""
    root = tmp_path_factory.mktemp("odd") / "my digits"
    below = root / "ünï" / "数字"
    below.mkdir(parents=True)
    Image.fromarray(mnist.test.images[0]).save(root / "seven, or not.png")
    for index in (1, 2):
        Image.fromarray(mnist.test.images[index]).save(below / f"{index}.png")
    (below / "cut.png").write_bytes((below / "1.png").read_bytes()[:60])
    Image.fromarray(np.full((50, 50), 251, np.uint8)).save(root / "ünï" / "blank.png")
    (root / ".hidden.png").write_text("left aside")
    return root


NAMES = ["seven, or not.png", "ünï/blank.png", "ünï/数字/1.png", "ünï/数字/2.png", "ünï/数字/cut.png"]


def test_a_folder_is_a_line_a_picture_and_a_summary(command, odd_folder):
    done = command(odd_folder.parent, "predict", "my digits")
    assert done.returncode == 1
    answers = [line.rpartition(": ")[::2] for line in done.stdout.splitlines()]
    assert [(name, words.split()[0]) for name, words in answers] == [
        (f"my digits/{NAMES[0]}", "7"), (f"my digits/{NAMES[2]}", "2"), (f"my digits/{NAMES[3]}", "1")
    ]  # fmt: skip
    *errors, summary = [line for line in done.stderr.splitlines() if not line.startswith("Model: ")]
    assert [error.split(":")[0] for error in errors] == ["Error"] * 2 and "cut.png is damaged" in errors[1]
    assert summary == "5 pictures: 7 (1), 2 (1), 1 (1), 2 could not be read."


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.slow
def test_the_answers_are_a_file_that_pandas_reads(command, odd_folder, digit_run, tmp_path, ending):
    pandas = pytest.importorskip("pandas")
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    sources = [str(odd_folder), "mnist:train/7777", "--model", str(digit_run)]
    done = command(tmp_path, "predict", *sources, "--out", f"answers.{ending}", "--json")
    assert done.returncode == 1 and done.stderr.endswith("2 of 6 pictures could not be read: see the column error.\n")
    told = json.loads(done.stdout)
    assert (told["out"], told["pictures"], told["errors"]) == (f"answers.{ending}", 6, 2)
    assert sum(told["labels"].values()) + told["unsure"] + told["rejected"] == 4
    read = {"csv": partial(pandas.read_csv, dtype={"label": str, "true_label": str}), "parquet": pandas.read_parquet}
    options = {"lines": True, "dtype": {"label": str, "true_label": str}}
    table = read.get(ending, partial(pandas.read_json, **options))(tmp_path / f"answers.{ending}")
    assert list(table["source"]) == [*(f"{odd_folder}/{name}" for name in NAMES), "mnist:train/7777"]
    good = table[table["error"].isna()]
    assert len(good) == 4 and set(good["verdict"]) <= {"class", "unsure", "rejected"}
    assert "damaged" in table["error"][4] and "blank" in table["error"][1] and table["true_label"][5] == "8"
    answer = inksight.Predictor.load(digit_run).predict(odd_folder / NAMES[0])
    assert (table["label"][0], table["confidence"][0]) == (answer.label, pytest.approx(answer.confidence, abs=1e-6))
    if ending == "csv":
        columns = [f"probability of {number}" for number in range(10)]
        assert [*table.columns] == [*COLUMNS, *columns]
        assert table.loc[0, columns].tolist() == pytest.approx([*answer.probabilities.values()], abs=1e-6)
    else:
        shares = table["probabilities"][0]
        found = list(shares.values()) if ending == "jsonl" else list(shares)
        assert found == pytest.approx([*answer.probabilities.values()], abs=1e-6)


def test_the_file_of_answers_has_a_known_ending(command, folder):
    done = command(folder, "predict", "0.png", "--out", "answers.xlsx")
    assert done.returncode == 2 and done.stdout == "" and not (folder / "answers.xlsx").exists()
    assert 'Error: --out is "answers.xlsx"; FILE.csv, FILE.jsonl or FILE.parquet was expected.' in done.stderr


def test_parquet_without_pyarrow_names_the_extra(command, folder, tmp_path):
    (tmp_path / "pyarrow").mkdir()
    (tmp_path / "pyarrow" / "__init__.py").write_text("raise ModuleNotFoundError(name='pyarrow')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = command(folder, "predict", "0.png", "--out", str(tmp_path / "a.parquet"), env=environment)
    assert (
        done.returncode == 1
        and 'pyarrow is not installed. Install what needs it: pip install "inksight[' in done.stderr
    )
    assert not (tmp_path / "a.parquet").exists()


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.slow
def test_a_file_of_answers_that_breaks_off_leaves_none(digit_run, tmp_path, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    card = inksight.Predictor.load(digit_run).card
    with pytest.raises(RuntimeError, match="in the middle"), answers_file(str(tmp_path / f"a.{ending}"), card):
        raise RuntimeError("in the middle")
    assert list(tmp_path.iterdir()) == []


def test_the_summary_names_the_commonest_classes():
    tally = Tally(Counter({f"sign {number}": 20 - number for number in range(12)}), unsure=2, rejected=1, errors=1_000)
    assert tally.in_words() == (
        "1,177 pictures: sign 0 (20), sign 1 (19), sign 2 (18), sign 3 (17), sign 4 (16), sign 5 (15), sign 6 (14), "
        "sign 7 (13), sign 8 (12), sign 9 (11), 2 more classes (19), 2 unsure, 1 none of the known classes, "
        "1,000 could not be read."
    )


@pytest.mark.parametrize(
    ("source", "code", "text"),
    [
        ("mnits:3", 2, 'no data set "mnits". Did you mean mnist?'),
        ("mnist:10000", 2, "no picture mnist:test/10000: the split test of mnist has 10,000 pictures, 0 to 9,999."),
        ("mnist:train/-1", 2, "no picture mnist:train/-1: the split train of mnist has 60,000 pictures, 0 to 59,999."),
        ("mnist:tset/1", 2, 'no picture mnist:tset/1: no split "tset". Did you mean test? Known: test, train.'),
        ("mnist:test", 2, 'no picture "mnist:test": mnist:SPLIT/INDEX was expected, mnist:test/0 for instance.'),
        ("empty:train/3", 1, "empty is empty; wanted: a folder for each class"),
        ("empty", 1, "no picture in empty: files ending in .avif, .bmp,"),
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
    from inksight.inference.predictor import Answer

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
