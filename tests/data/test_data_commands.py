"""`inksight data …` and `inksight look`, run in process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from inksight.cli.data import app as data_app
from inksight.cli.look import look
from inksight.cli.output import print_picture
from inksight.data import load, sample
from inksight.errors import UsageError

app = typer.Typer()
app.add_typer(data_app, name="data")
app.command()(look)


def run(*arguments: object, exit_code: int = 0) -> Any:
    """Runs a command; what it raises is raised here."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == exit_code, result.output
    return result


@pytest.fixture
def folder(tmp_path: Path, write_picture: Callable[..., Path]) -> Path:
    """A small set of one's own."""
    for seed in range(60):
        write_picture(tmp_path / "own" / "ab"[seed % 2] / f"{seed}.png", seed=seed)
    return tmp_path / "own"


@pytest.fixture(autouse=True)
def no_colour(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same output wherever the tests run, and an empty cache."""
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("INKSIGHT_CACHE", str(tmp_path / "cache"))


def test_list() -> None:
    sets = json.loads(run("data", "list", "--json").stdout)["sets"]
    assert [row["name"] for row in sets] == ["mnist", "fashion-mnist", "kmnist"]
    assert (sets[0]["where"], sets[1]["where"]) == ("in the package", "30.9 MB to fetch")
    result = run("data", "list")
    assert "fashion-mnist" in result.stdout and "70,000 of 28×28" in result.stdout
    assert "give its path" in result.stderr


def test_show_mnist(tmp_path: Path) -> None:
    result = run("data", "show", "mnist", "--out", tmp_path / "sheet.png")
    assert "mnist: 60,000 train + 10,000 test pictures of 28×28, uint8 0 to 255" in result.stdout
    assert "5,923" in result.stdout and "CC BY-SA 3.0" in result.stdout
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.size == (970, 1150)


def test_the_sample_sheet_has_every_class_of_many(tmp_path: Path) -> None:
    """Forty-one greys, each a class of its own: every one is on the sheet."""
    labels = np.arange(410) % 41
    images = np.broadcast_to((labels * 6).astype(np.uint8)[:, None, None], (410, 28, 28))
    np.savez(tmp_path / "greys.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    assert run("data", "show", tmp_path / "greys.npz", "--out", tmp_path / "sheet.png").exit_code == 0
    with Image.open(tmp_path / "sheet.png") as picture:
        counts = np.bincount(np.asarray(picture).ravel(), minlength=256)
    assert (counts[np.arange(41) * 6] >= 4 * 84**2).all()


def test_show_a_folder_as_json(folder: Path) -> None:
    record = json.loads(run("data", "show", folder, "--size", "16", "--json").stdout)
    assert (record["name"], record["shape"], record["dtype"]) == ("own", [16, 16], "uint8")
    assert record["parts"]["train"] == {"images": 48, "counts": {"a": 24, "b": 24}}
    assert len(record["sha256"]) == 64 and record["out"] is None


def test_fetch_what_is_there_already() -> None:
    result = run("data", "fetch", "mnist", "--json")
    assert Path(json.loads(result.stdout)["folder"]).name == "mnist"
    assert "comes with the package" in result.stderr
    with pytest.raises(UsageError, match=r'no data set "minst"\. Did you mean mnist\?'):
        run("data", "fetch", "minst")


def test_check(folder: Path) -> None:
    assert "nothing wrong was found" in run("data", "check", folder).stdout
    for number in range(7):
        (folder / "a" / f"bad{number}.png").write_text("text")
    result = run("data", "check", folder, exit_code=1)
    assert "error: 7 pictures cannot be read" in result.stdout and "… and 2 more" in result.stdout
    record = json.loads(run("data", "check", folder, "--json", exit_code=1).stdout)
    assert (record["errors"], record["findings"][0]["kind"]) == (1, "unreadable")
    assert len(record["findings"][0]["examples"]) == 7


def test_look(tmp_path: Path) -> None:
    result = run("look", "mnist:train/7777", "--out", tmp_path / "eight.png")
    lines = result.stdout.splitlines()
    assert lines[0] == "mnist:train/7777: 8   (28×28, grey)"
    assert len(lines) == 29 and any("@@@@" in line for line in lines)
    written = np.asarray(Image.open(tmp_path / "eight.png"))
    assert written.shape == (280, 280)
    np.testing.assert_array_equal(written[5::10, 5::10], sample("mnist", 7777, "train").image)
    assert run("look", "mnist:4444").stdout.splitlines()[0] == "mnist:test/4444: 9   (28×28, grey)"


def test_look_as_json(folder: Path) -> None:
    record = json.loads(run("look", f"{folder}:test/11", "--json").stdout)
    file = load(folder).test.files[11]
    assert file.startswith("b/") and record == {
        "source": str(folder), "split": "test", "index": 11, "file": file, "label": "b", "shape": [28, 28], "out": None
    }  # fmt: skip
    assert run("look", f"{folder}:test/11").stdout.startswith(f"{folder}:test/11, {file}: b ")
    with pytest.raises(UsageError, match="no picture .*own:test/12: the split test of .*own has 12 pictures, 0 to 11"):
        run("look", f"{folder}:test/12")
    with pytest.raises(UsageError, match='"mnist" names no picture of a data set; NAME:SPLIT/INDEX was expected'):
        run("look", "mnist")


def test_a_picture_in_colour(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    print_picture(np.array([[[255, 0, 0]], [[0, 0, 255]], [[9, 9, 9]]], np.uint8))
    assert capsys.readouterr().out == ("\x1b[38;2;255;0;0;48;2;0;0;255m▀\x1b[0m\n\x1b[38;2;9;9;9;48;2;0;0;0m▀\x1b[0m\n")
    monkeypatch.setenv("NO_COLOR", "1")
    print_picture(np.array([[0, 128, 255]], np.uint8))
    assert capsys.readouterr().out == "  ++@@\n"


def test_a_wide_picture_is_narrowed(capsys: pytest.CaptureFixture[str]) -> None:
    print_picture(np.full((50, 200), 255, np.uint8))
    assert capsys.readouterr().out.splitlines() == ["@" * 80] * 10
