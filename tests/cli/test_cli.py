"""The command line as a person uses it: every command has help, errors have no traceback, exit codes are kept."""

import json
import os
import re
import struct
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest
from typer.main import get_command

from inksight.cli import commands, main
from inksight.cli.config_flags import WithConfigFlags
from inksight.cli.duration import parse_duration
from inksight.cli.tables import print_classes, print_confusion
from inksight.cli.train import rare_classes
from inksight.config import PANELS, TrainConfig
from inksight.errors import UsageError


def every_command(command, words=()):
    """The words of a command and of all under it, with the command."""
    yield words, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from every_command(inner, (*words, name))


COMMANDS = dict(every_command(get_command(commands)))
TRAIN = COMMANDS["train",]


@pytest.fixture
def help_text(monkeypatch, capsys):
    """What a command prints with `--help`, or another flag like it, on a wide terminal: (words, flag) -> text."""

    def ask(words, flag="--help"):
        monkeypatch.setenv("COLUMNS", "240")
        monkeypatch.setenv("TERM", "dumb")
        monkeypatch.setattr(sys, "argv", ["inksight", *words, flag])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        return capsys.readouterr().out

    return ask


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "inksight")
def test_every_command_explains_itself(help_text, words):
    text, command = help_text(words), COMMANDS[words]
    assert f"Usage: {' '.join(['inksight', *words])} " in text
    assert " ".join(command.help.split("\n\n")[0].split()) in " ".join(text.split())
    assert all(f" {name} " in text for name in getattr(command, "commands", {}))
    shown = command.shown() if isinstance(command, WithConfigFlags) else command.params
    assert all(each.opts[0] in text for each in shown if each.opts[0].startswith("--") and not each.hidden)


def test_every_command_but_train_leaves_the_choices_of_a_recipe_to_train(help_text):
    for words in (("tune",), ("experiment",)):
        assert {item.name for item in fields(TrainConfig)} <= {each.name for each in COMMANDS[words].params}
        assert "--weight-decay" not in help_text(words)
        assert "See inksight train --help-all." in help_text(words)


def test_help_of_train_has_the_common_flags_first(help_text):
    text = help_text(("train",))
    names = re.findall(r"^│ (--[\w-]+)", text, re.MULTILINE)
    assert {"--preset", "--epochs", "--learning-rate", "--batch-size", "--seed", "--out", "--help-all"} <= set(names)
    assert len(names) <= 20
    assert "--weight-decay" not in names


def test_help_all_of_train_has_every_flag_in_its_panel(help_text):
    panels = {}
    for line in help_text(("train",), "--help-all").splitlines():
        if title := re.match(r"╭─ (\w+) ─", line):
            panels[title[1]] = panel = []
        elif flag := re.match(r"│ (--[\w-]+)\s+(.*?)\s*│", line):
            panel.append((flag[1], flag[2]))
    assert list(panels)[2:] == list(PANELS)
    assert {flag for panel in panels.values() for flag, _ in panel} == {
        "--help",
        *(each.opts[0] for each in TRAIN.params if each.opts[0].startswith("--")),
    }
    for item in fields(TrainConfig):
        described = dict(panels[item.metadata["panel"]])
        assert item.metadata["help"].split(".")[0] in described[f"--{item.name.replace('_', '-')}"], item.name
    assert "--out" in dict(panels["Output"]) and "--workers" in dict(panels["Machine"])


def wide() -> dict[str, str]:
    import os

    return {**os.environ, "COLUMNS": "240", "TERM": "dumb"}


def test_dry_run_prints_the_layers_and_trains_nothing(small_npz, command):
    words = ("train", "small.npz", "--preset", "tutorial", "--filters", "32", "--dry-run")
    done = command(small_npz.parent, *words)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["convolution", "Conv2D", "26×26×32", "320", "194,688"] in lines
    assert ["sum", "693,962", "888,192"] in lines
    assert "small: 1,899 train, 101 validation, 500 test pictures of 28×28, 10 classes" in done.stdout
    assert "Training: 10 epochs of 59 steps." in done.stdout
    assert [path.name for path in small_npz.parent.iterdir()] == ["small.npz"]
    as_json = json.loads(command(small_npz.parent, *words, "--json").stdout)
    assert (as_json["parameters"], as_json["steps_per_epoch"]) == (693_962, 59)


@pytest.mark.parametrize("flag", ["--finetune", "--time", "--out", "--track", "--workers"])
def test_dry_run_refuses_what_it_would_ignore(small_npz, command, flag):
    done = command(small_npz.parent, "train", "small.npz", flag, "2", "--dry-run")
    assert done.returncode == 2
    assert f"--dry-run trains nothing, so {flag} has no effect. Leave it out." in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("train", "mnits"), 2, 'Error: no data set "mnits". Did you mean mnist? Known: '),
        (("train", "--epochs", "0"), 2, "Error: epochs is 0; a whole number from 1 to 100000 was wanted."),
        (("train", "--net", "tutoria"), 2, 'Error: no net "tutoria". Did you mean tutorial?'),
        (("train", "--time", "soon"), 2, 'Error: the time limit is "soon"; a number with s, m or h was wanted'),
        (("train", "nowhere/pictures"), 1, "Error: "),
        (("train", "--epochs", "many"), 2, "Invalid value for '--epochs'"),
        (("evaluate", "nowhere"), 1, 'Error: no run "nowhere": there is no such folder.'),
        (("card",), 1, "Error: no run yet in runs/. Make one: inksight train."),
        (("track", "--to", "tensorboard"), 1, "Error: no run yet in runs/. Make one: inksight train."),
        (("predict", "none.png"), 1, "Error: no picture none.png: there is no such file."),
        (("look", "mnist:train/60000"), 2, "Error: no picture mnist:train/60000: the split train of mnist has 60,000"),
        (("nonsense",), 2, "No such command 'nonsense'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_errors_are_one_text_and_a_code(command, tmp_path, words, code, text):
    done = command(tmp_path, *words, env=wide())
    assert done.returncode == code
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


TABLE_LINE = re.compile(r"\s*(\d+)/(\d+)  \d\.\d{4}    \d\.\d{4}    \d\.\d{4}        \d\.\d{4}  +\d+\.\d+(  best)?")


def test_progress_is_one_line_an_epoch_off_a_terminal(small_npz, command):
    done = command(small_npz.parent, "train", "small.npz", "--epochs", "2", "--filters", "8")
    assert done.returncode == 0, done.stderr
    header, *lines = done.stderr.splitlines()
    assert header.split() == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert [TABLE_LINE.fullmatch(line).groups()[:2] for line in lines] == [("1", "2"), ("2", "2")]
    assert re.search(r"^\d\d\.\d\d % right on 500 test pictures \(95 % interval", done.stdout)
    assert "Saved in runs/small-quick-1" in done.stdout


def test_a_terminal_shows_a_bar_and_keeps_a_line_for_each_epoch(small_npz):
    """In a real pseudo-terminal of 80 columns."""
    import fcntl  # not on every system
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    program = [sys.executable, "-m", "inksight", "train", "small.npz", "--epochs", "3", "--filters", "8"]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    process = subprocess.Popen(
        program, cwd=small_npz.parent, stdout=subprocess.PIPE, stderr=theirs, stdin=theirs, env=environment
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # the other end was closed
        pass
    process.communicate(timeout=60)
    assert process.returncode == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert "━" in text and re.search(r"loss \d\.\d{4}  accuracy \d\.\d{4}", text)
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", text)]
    assert [match[1] for line in lines if (match := TABLE_LINE.fullmatch(line))] == ["1", "2", "3"]
    assert {match[1] for match in re.finditer(r"\b\d/(\d+) ", text)} == {"3"}, "every bar says of how many epochs"
    assert all(len(line) <= 80 for line in lines)


def test_json_is_one_object_on_stdout(quick):
    answer, _ = quick
    wanted = {"run", "data", "preset", "backend", "seed", "device", "precision", "parameters", "epochs", "ended"}
    wanted |= {"seconds", "test", "warning"}
    assert set(answer) == wanted
    assert set(answer["test"]) == {"accuracy", "errors", "images", "interval95"}


def test_the_version_is_the_packages(command, tmp_path):
    from importlib.metadata import version

    assert command(tmp_path, "--version").stdout.strip() == f"inksight {version('inksight')}"


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("2m", 120), ("1.5h", 5400), (None, None)])
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-3s", "2 days", "nan", "1e3"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(UsageError, match="a number with s, m or h was wanted, 10m for instance"):
        parse_duration(text)


def test_metadata_of_a_run_is_json_everywhere(quick_run):
    for name in ("config.json", "metrics.json", "model.json"):
        assert json.loads((quick_run.path / name).read_text())


def test_rare_classes_are_told_where_common_ones_hide_them():
    common, rare = {"recall": 0.99, "images": 990}, {"recall": 0.5, "images": 10}
    told = rare_classes({"accuracy": 0.985, "per_class": {"left": common, "right": rare}})
    assert told == "Each class counted alike, 74.50 % are right; least of all right 50.00 %, left 99.00 %.\n"
    assert rare_classes({"accuracy": 0.99, "per_class": {"left": common, "up": common}}) == ""


def test_a_class_without_test_pictures_has_a_dash_in_the_table(capsys):
    score = {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "images": 4}
    print_classes({"a": score, "b": {"precision": None, "recall": None, "f1": None, "images": 0}})
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[-2:] == [["a", "50.00", "%", "25.00", "%", "33.33", "%", "4"], ["b", "–", "–", "–", "0"]]


def test_a_matrix_too_wide_for_the_terminal_gives_way_to_its_largest_cells(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    matrix = np.diag(np.full(30, 9))
    matrix[4, 2] = 3
    print_confusion(matrix, [f"sign {number}" for number in range(30)])
    wide = capsys.readouterr().out
    assert "commonest mistakes" in wide and wide.split()[-5:] == ["→", "sign", "2", "3", "25.0%"]
    print_confusion(matrix[:5, :5], list("abcde"))
    assert [line.split() for line in capsys.readouterr().out.splitlines()][-1] == ["e", "·", "·", "3", "·", "9"]
