"""The README and the guides are followed as a reader would: every command works, in order, and prints what they say.

Numbers may differ (times do), the words around them may not. Long trainings are cut short by a time limit.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
STEP = re.compile(r"^```(\w+)\n(.*?)^```$|`(inksight [a-z][^`]*)`", re.MULTILINE | re.DOTALL)
GUIDES = sorted((ROOT / "docs/guides").glob("*.md"))
LONG = re.compile(r"--preset (tutorial|standard|thorough|robust)(?!.*--dry-run)|^(experiment|data doubt)\b")
PLACEHOLDER = re.compile(r"\b[A-Z]{3,}\b|…")
NUMBER = re.compile(r"\d[\d,.]*")
MOST_BYTES = 10_000


def console(block: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """(kind, command, the lines it should print) of a console block."""
    steps: list[tuple[str, str, tuple[str, ...]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            steps.append(("command", line[2:], ()))
        elif steps:
            kind, command, printed = steps.pop()
            steps.append((kind, command, (*printed, line)))
    return steps


def steps_of(text: str, with_spans: bool) -> list[tuple[str, str, tuple[str, ...]]]:
    """What a reader types, in order: (kind, text, the lines it should print); kind is command, sh or python.

    Args:
        with_spans: whether `inksight …` in running text and tables counts, unless it has a placeholder.
    """
    steps: list[tuple[str, str, tuple[str, ...]]] = []
    for kind, block, span in STEP.findall(text):
        if kind == "console":
            steps += console(block)
        elif kind in ("sh", "python"):
            steps.append((kind, block, ()))
        elif span and with_spans and not PLACEHOLDER.search(span):
            steps.append(("command", span, ()))
    return steps


_PAGES = [(README, True), *((page.read_text(encoding="utf-8"), False) for page in GUIDES)]
_FOUND: dict[tuple[str, str], list[str]] = {}  # what several pages show is done once and must print what each says
for page, spans in _PAGES:
    for kind, text, printed in steps_of(page, spans):
        _FOUND.setdefault((kind, text), []).extend(printed)
STEPS = [(kind, text, tuple(printed)) for (kind, text), printed in _FOUND.items()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder as a fresh clone has it, with a few pictures of digits that a run is to learn."""
    from PIL import Image

    import inksight

    place = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "examples", place / "examples")
    train = inksight.load("mnist").train
    for index in range(12):  # shifted, so that none of them is in a part of MNIST
        kind = place / "corrections" / str(train.labels[index])
        kind.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.roll(train.images[index], 3, axis=1)).save(kind / f"{index}.png")
    return place


def run(folder: Path, command: str) -> subprocess.CompletedProcess:
    """Runs one documented command as it stands, but for where `inksight` comes from and how long it may take."""
    arguments = command.removeprefix("pip install uv && uv run ").removeprefix("inksight ")
    if arguments.startswith(("serve", "app")):
        return serve(folder, arguments)
    if LONG.search(arguments):
        arguments += " --time 10s"
    program = f"'{sys.executable}' -m inksight {arguments}"
    return subprocess.run(program, shell=True, cwd=folder, capture_output=True, text=True, timeout=300)


def serve(folder: Path, arguments: str, *questions: str) -> subprocess.CompletedProcess:
    """Runs a service until it says its address, asks the questions there, and ends it as Ctrl-C does."""
    program = [sys.executable, "-m", "inksight", *arguments.split(), "--port", "0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = {**os.environ, "BROWSER": "true"}  # a browser that does nothing
    with subprocess.Popen(program, cwd=folder, env=environment, **pipes) as process:
        lines = iter(process.stderr.readline, "")
        first = next(line for line in lines if "127.0.0.1" in line)  # below the one that names the model
        try:
            place = re.search(r"127\.0\.0\.1:\d+", first)[0]
            said = [
                subprocess.run(
                    question.replace("127.0.0.1:8000", place), shell=True, cwd=folder, check=True, capture_output=True
                ).stdout.decode()
                for question in questions
            ]
        finally:
            process.send_signal(signal.SIGINT)
        out, rest = process.communicate(timeout=20)
    return subprocess.CompletedProcess(arguments, process.returncode, "".join([out, *said]), first + rest)


def shape(line: str) -> str:
    """A line with its numbers taken out and its spaces made one."""
    return " ".join(NUMBER.sub("#", line).split())


def tier(text: str):
    """The marker of a step: what starts Ray runs with the other tests that do."""
    return pytest.mark.cluster if re.search(r"^inksight tune | --workers | --batch ", text) else pytest.mark.slow


@pytest.mark.parametrize(
    ("kind", "text", "printed"),
    [pytest.param(*step, id=" ".join(step[1].split())[:60], marks=tier(step[1])) for step in STEPS],
)
def test_each_step_works_in_order_and_prints_what_is_shown(folder, kind, text, printed):
    if "pytest" in text:
        pytest.skip("this very run")
    if kind == "python":
        done = subprocess.run([sys.executable, "-c", text], cwd=folder, capture_output=True, text=True, timeout=300)
    elif kind == "sh":
        if shutil.which("curl") is None:
            pytest.skip("curl is not installed")
        lines = text.splitlines()
        assert all(line.startswith("curl ") for line in lines)
        done = serve(folder, "serve --model shipped", *(line.replace("curl ", "curl -sSf ", 1) for line in lines))
    else:
        done = run(folder, text)
    if "is not installed. Install" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr
    said = [shape(line) for line in (done.stdout + done.stderr).splitlines()]
    for line in printed:
        if line.strip() not in ("", "…"):
            assert shape(line) in said


def test_the_readme_is_short_and_names_files_that_exist():
    assert len((ROOT / "README.md").read_bytes()) <= MOST_BYTES
    for target in re.findall(r"\]\(((?!http)[^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_readme_has_commands_and_python_to_follow():
    kinds = [kind for kind, _, _ in steps_of(README, with_spans=True)]
    assert kinds.count("command") >= 20 and kinds.count("python") >= 1
