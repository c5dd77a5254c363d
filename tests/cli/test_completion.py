"""Tab in real shells, set up by the command itself: commands, flags and values."""

import os
import pty
import select
import shutil
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from inksight import runs
from inksight.config import SCHEDULES
from inksight.export.formats import FORMATS

PATIENCE_S = 60
READY = "\x1b[?2004h"  # a shell's editor says so when it takes keys
START = {
    "bash": ("bash", "--noprofile", "-i"),
    "zsh": ("zsh", "-i"),
    "fish": ("fish", "-i"),
}
STEPS = {  # what is typed before Tab -> what stands there then
    "inksight exper": "inksight experiment",
    "inksight train --preset stan": "inksight train --preset standard",
    "inksight predict seven.png --model runs/mi": "inksight predict seven.png --model runs/mine-quick-1",
    "inksight predict sev": "inksight predict seven.png",  # the shell's own
}


@pytest.fixture
def place(tmp_path) -> Path:
    """A folder with a run, a training that did not end, and a picture; HOME is in it."""
    for name in ("mine-quick-1", "other-quick-1.unfinished"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    (tmp_path / "runs" / "mine-quick-1" / runs.METRICS).touch()
    (tmp_path / "seven.png").touch()
    (tmp_path / "home").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("begun", "wanted"),
    [
        ("train k", ["kmnist"]),
        ("train --preprocessing ", ["digits", "resize"]),
        ("train --schedule ", list(SCHEDULES)),
        ("train --resume ", ["latest", "runs/other-quick-1"]),
        ("evaluate ", ["latest", "shipped", "runs/mine-quick-1"]),
        ("compare shipped ./runs/", ["./runs/mine-quick-1"]),
        ("export shipped --format ", list(FORMATS)),
        ("data corrupt spoiled --only sc", ["scale"]),
        ("data doubt mnist --split v", ["validation"]),
        ("evaluate nowhere/", []),
    ],
)
def test_values_are_found(place, begun, wanted):
    assert completed(place, begun) == wanted


def test_a_name_of_two_words_stays_one_in_bash(place):
    (place / "runs" / "mine-quick-1").rename(place / "runs" / "my pictures-quick-1")
    assert completed(place, "report runs/") == [r"runs/my\ pictures-quick-1"]


def completed(place: Path, begun: str) -> list[str]:
    """What bash is given for the last word of a line that is begun."""
    words = ["inksight", *begun.split(" ")]
    asked = {"_INKSIGHT_COMPLETE": "complete_bash", "COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        "inksight", cwd=place, env=environment(place) | asked, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


def environment(place: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL") if name in os.environ}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**kept, "PATH": path, "HOME": str(place / "home"), "TERM": "xterm", "PS1": "> ", "COLUMNS": "200"}


class Terminal:
    """A shell that believes a person sits before it."""

    def __init__(self, shell: str, place: Path) -> None:
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(self._ours, (50, 200))
        pipes = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *START[shell]], cwd=place, env=environment(place), **pipes
        )
        os.close(theirs)
        self._seen = ""

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def read_until(self, wanted: str) -> None:
        """Waits for the text, and reads on behind it from then on."""
        deadline = time.monotonic() + PATIENCE_S
        while wanted not in self._seen:
            ready, _, _ = select.select([self._ours], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{wanted!r} was waited for; {self._seen!r} appeared"
            self._seen += os.read(self._ours, 4096).decode(errors="replace")
        self._seen = self._seen.partition(wanted)[2]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)


@pytest.mark.parametrize("shell", START)
def test_tab_completes(place, shell):
    if None in (shutil.which(shell), shutil.which("setsid")) and shell not in os.environ.get("INKSIGHT_SHELLS", ""):
        pytest.skip(f"{shell} or setsid is not installed")
    install = [shell, "-c", "inksight --install-completion; true"]  # the shell must live for its kind to be found
    done = subprocess.run(install, cwd=place, env=environment(place), capture_output=True, text=True, timeout=60)
    assert f"{shell} completion installed in {place / 'home'}" in done.stdout, done.stderr
    terminal = Terminal(shell, place)
    try:
        terminal.read_until(READY)
        if shell == "zsh":  # it loads what it was given at the first Tab, and completes from the second on
            terminal.type("inksight \t\x15")  # Ctrl-U: an empty line
        for typed, wanted in STEPS.items():
            terminal.type(f"{typed}\t\x01echo got: \r")  # Ctrl-A: to the beginning of the line
            terminal.read_until(f"got: {wanted}\r\n")
            terminal.read_until(READY)
    finally:
        terminal.close()
