import json
import shutil
from pathlib import Path

import pytest

from inksight import runs
from inksight.errors import RunError, StorageError


@pytest.fixture
def copy(quick_run, tmp_path):
    """A copy of a real run that a test may damage."""
    return shutil.copytree(quick_run.path, tmp_path / "copy")


def test_a_run_holds_everything_and_nothing_else(quick_run):
    wanted = [*runs.WHOLE, runs.ANSWERS, runs.README, "trust.png"]
    assert sorted(path.name for path in quick_run.path.iterdir()) == sorted(wanted)
    assert quick_run.config["seed"] == 0
    assert quick_run.history[-1]["epoch"] == 1
    assert quick_run.card.classes == tuple("0123456789")


@pytest.mark.parametrize("missing", ["model.keras", "metrics.json", "report.html"])
def test_a_half_copied_run_names_what_is_missing(copy, missing):
    (copy / missing).unlink()
    with pytest.raises(RunError, match=f"is not a whole run folder: {missing} missing"):
        runs.load_run(copy)


def test_a_changed_model_is_refused(copy):
    with open(copy / "model.onnx", "r+b") as file:
        file.seek(5000)
        file.write(b"\x00\x01\x02")
    with pytest.raises(RunError, match="is not the model that model.json describes: SHA-256 .* expected, .* found"):
        runs.load_model_card(copy)


@pytest.mark.parametrize(
    "change, text",
    [
        (lambda card: card.update(format=99), "of a format this version does not know; 1 was wanted"),
        (lambda card: card.pop("classes"), r"is damaged \('classes'\)"),
        (lambda card: card.update(temperature=0), "is damaged .*temperature 0"),
        (lambda card: card.update(colour="red"), "is damaged .*unexpected keyword argument 'colour'"),
    ],
)
def test_a_strange_card_is_refused(copy, change, text):
    card = json.loads((copy / "model.json").read_text())
    change(card)
    (copy / "model.json").write_text(json.dumps(card))
    with pytest.raises(RunError, match=text):
        runs.load_model_card(copy)


def test_damaged_json_is_named(copy):
    (copy / "config.json").write_text('{"seed": ')
    with pytest.raises(RunError, match="config.json is damaged"):
        _ = runs.load_run(copy).config


def test_names_are_resolved(quick_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="no run yet in runs/. Make one: inksight train"):
        runs.resolve("latest")
    for number in (1, 2):
        shutil.copytree(quick_run.path, tmp_path / "runs" / f"mnist-quick-{number}", copy_function=shutil.copyfile)
    assert runs.resolve("latest").name == "mnist-quick-2"
    assert runs.resolve("shipped") == runs.SHIPPED
    with pytest.raises(RunError, match='no run "nowhere": there is no such folder'):
        runs.resolve("nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="holds no model"):
        runs.resolve("empty")


def test_numbers_go_up_and_nothing_is_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "a-b-7").mkdir(parents=True)
    (tmp_path / "runs" / "a-b-x").mkdir()
    (tmp_path / "runs" / ".a-b-8.inksight-a1b2c3d4").mkdir()
    (tmp_path / "runs" / ".a-b-70-mine-a1b2c3d4").mkdir()
    assert runs.next_free("a-b") == Path("runs/a-b-9")
    (tmp_path / "runs" / "a-b-9.unfinished").mkdir()
    assert runs.next_free("a-b") == Path("runs/a-b-10")
    (tmp_path / "runs" / ".a-b-10.unfinished.inksight-a1b2c3d4").mkdir()
    assert runs.next_free("a-b") == Path("runs/a-b-11")
    assert runs.next_free("a-b", above=20) == Path("runs/a-b-21")
    with pytest.raises(StorageError, match="exists already; it is left as it was"):
        runs.require_free(Path("runs/a-b-7"))
    with pytest.raises(StorageError, match="a-b-9.unfinished exists already: .* inksight train --resume runs/a-b-9"):
        runs.require_free(Path("runs/a-b-9"))
    for name in ("runs/a-b-9", "runs/a-b-9.unfinished"):
        with pytest.raises(RunError, match="runs/a-b-9 is not finished: .* inksight train --resume runs/a-b-9 goes on"):
            runs.resolve(name)
    with pytest.raises(RunError, match="no run yet in runs/"):
        runs.resolve("latest")


def test_history_keeps_what_was_measured_and_only_that(tmp_path):
    rows = [{"epoch": 0.5, "loss": 1.25}, {"epoch": 1.0, "loss": 0.5, "val_loss": 0.75}]
    runs.write_history(tmp_path, rows)
    assert runs.Run(tmp_path).history == rows
