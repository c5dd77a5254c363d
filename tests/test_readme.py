"""The README and the guides are run, block by block, in one folder: every command must work and print what they say.

Numbers may differ (times do), the words around them may not. Long trainings are cut short by a time limit.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GUIDES = sorted((ROOT / "docs/guides").glob("*.md"))
BLOCKS = [
    block for text in (README, *(page.read_text(encoding="utf-8") for page in GUIDES)) for block in FENCED.findall(text)
]
IN_TEXT = [command for command in re.findall(r"`(inksight [a-z][^`]*)`", README) if f"{command}\n" not in README]
LONG = re.compile(r"--preset (tutorial|standard|thorough|robust)|^(experiment|data doubt)\b")
NUMBER = re.compile(r"\d[\d,.]*")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a reader would sit: with a picture and an own data set of their own."""
    from PIL import Image

    import inksight

    place = tmp_path_factory.mktemp("readme")
    test = inksight.load("mnist").test
    Image.fromarray(255 - test.images[0]).resize((140, 140)).save(place / "seven.png")
    for index in range(400):
        kind = place / "my-pictures" / str(test.labels[index])
        kind.mkdir(parents=True, exist_ok=True)
        Image.fromarray(test.images[index]).save(kind / f"{index}.png")
    for index in range(400, 403):
        kind = place / "corrections" / str(test.labels[index])
        kind.mkdir(parents=True, exist_ok=True)
        Image.fromarray(test.images[index]).save(kind / f"{index}.png")
    return place


def commands(block: str) -> list[tuple[str, list[str]]]:
    """(command, the lines it should print) of a console block."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found:
            found[-1][1].append(line)
    return found


def run(folder: Path, command: str) -> subprocess.CompletedProcess:
    """Runs one documented command as it stands, but for where `inksight` comes from and how long it may take."""
    arguments = command.removeprefix("pip install uv && uv run ").removeprefix("inksight ")
    if arguments.startswith(("serve", "app")):
        return serve(folder, arguments)
    if LONG.search(arguments):
        arguments += " --time 10s"
    program = f"'{sys.executable}' -m inksight {arguments}"
    return subprocess.run(program, shell=True, cwd=folder, capture_output=True, text=True, timeout=200)


def serve(folder: Path, arguments: str, *questions: str) -> subprocess.CompletedProcess:
    """Runs a service until it says its address, asks the questions there, and ends it as Ctrl-C does."""
    program = [sys.executable, "-m", "inksight", *arguments.split(), "--port", "0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = {**os.environ, "BROWSER": "true"}  # a browser that does nothing
    with subprocess.Popen(program, cwd=folder, env=environment, **pipes) as process:
        first = process.stderr.readline()
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


CONSOLE: dict[str, list[str]] = {}  # what stands in several places is run once
for kind, block in BLOCKS:
    for command, printed in commands(block) if kind == "console" else ():
        CONSOLE.setdefault(command, []).extend(printed)


@pytest.mark.parametrize(("command", "printed"), CONSOLE.items(), ids=CONSOLE)
def test_console_blocks_say_what_happens(folder, command, printed):
    if command.endswith(" pytest"):
        pytest.skip("this very run")
    done = run(folder, command)
    assert done.returncode == 0, done.stderr
    said = [shape(line) for line in (done.stdout + done.stderr).splitlines()]
    for line in printed:
        if line.strip() not in ("", "…"):
            assert shape(line) in said


@pytest.mark.parametrize("command", dict.fromkeys(IN_TEXT))
def test_commands_in_the_text_work(folder, command):
    done = run(folder, command)
    assert done.returncode == 0, done.stderr


SHELL = [line for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_questions_to_the_service_are_answered(folder):
    assert SHELL and all(line.startswith("curl ") for line in SHELL)
    done = serve(folder, "serve", *(line.replace("curl ", "curl --silent --show-error --fail ", 1) for line in SHELL))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"label":"7"') == len(SHELL)


PYTHON = [block for kind, block in BLOCKS if kind == "python"]


@pytest.mark.parametrize("block", PYTHON)
def test_python_blocks_run(folder, block):
    done = subprocess.run([sys.executable, "-c", block], cwd=folder, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr


def test_files_that_the_readme_names_are_there():
    for target in re.findall(r"\]\(((?!http)[^)#]+)\)", README):
        assert (ROOT / target).exists(), target
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        assert not re.search(r"@[A-Z]+@|\bMINUTES\b", page.read_text(encoding="utf-8")), f"{page} has a gap to fill"
    assert len(CONSOLE) >= 2
    assert PYTHON
