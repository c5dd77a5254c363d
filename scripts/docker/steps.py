"""Runs the steps of the Dockerfile where there is no Docker: its own lines, in a folder, without its user or root.

    python scripts/docker/steps.py FOLDER [--python PYTHON]

Each stage begins with an empty folder that stands for `/`, and a new environment of PYTHON that stands for its image.
Absolute paths in WORKDIR, ENV and COPY become paths in that folder; RUN lines are run as they stand, so they may name
such a path by a variable only. Printed is how a container starts, as JSON: command, health check, environment, folder.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import string
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

CONTEXT = Path(__file__).resolve().parents[2]
SYSTEM = "/usr/local/bin:/usr/bin:/bin"
OURS = ("PYTHON", "VIRTUAL_ENV", "UV_PROJECT", "PATH")  # what a variable of this process begins with that stays here


class Stage:
    """One stage as it is built: `root` is its `/`, `image` the environment it begins with."""

    def __init__(self, root: Path, image: Path) -> None:
        """In `root`, which is made."""
        root.mkdir()
        self.root, self.folder = root, root
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self.environment["PATH"] = f"{image / 'bin'}:{SYSTEM}"
        self.start: dict[str, list[str]] = {}
        self.port = ""

    def inside(self, path: str) -> Path:
        """Where a path of the image lies."""
        return self.root / path.lstrip("/") if path.startswith("/") else self.folder / path

    def workdir(self, path: str) -> None:
        """WORKDIR."""
        self.folder = self.inside(path)
        self.folder.mkdir(parents=True, exist_ok=True)

    def env(self, pairs: str) -> None:
        """ENV; in a list of paths each absolute one lies inside."""
        for pair in shlex.split(pairs):
            name, _, value = pair.partition("=")
            parts = [str(self.inside(part)) if part.startswith("/") else part for part in value.split(":")]
            self.environment[name] = string.Template(":".join(parts)).substitute(self.environment)

    def run(self, line: str) -> None:
        """RUN, in a shell."""
        print(f"RUN {line}", file=sys.stderr, flush=True)
        subprocess.run(
            ["/bin/sh", "-c", line], cwd=self.folder, env=self.environment, check=True, stdout=sys.stderr.fileno()
        )

    def take(self, word: str, rest: str, stages: dict[str, Path]) -> None:
        """Any step within a stage. stages: those that are done."""
        if word == "COPY":
            self.copy(rest, stages)
        elif word in ("ENTRYPOINT", "HEALTHCHECK"):
            self.start[word.lower()] = json.loads(rest[rest.index("[") :])
        elif word == "EXPOSE":
            self.port = rest
        elif word in ("WORKDIR", "ENV", "RUN"):
            getattr(self, word.lower())(rest)
        elif word != "USER":
            raise SystemExit(f"{word} is no step that this script knows")

    def copy(self, words: str, stages: dict[str, Path]) -> None:
        """COPY, of the context as .dockerignore leaves it or of an earlier stage."""
        *sources, target = shlex.split(words)
        origin = CONTEXT
        if sources[0].startswith("--from="):
            origin = stages[sources.pop(0).removeprefix("--from=")]

        def hidden(folder: str, names: list[str]) -> list[str]:
            within = Path(folder).relative_to(origin)
            return [name for name in names if origin == CONTEXT and ignored(within / name)]

        for source in sources:
            path, place = origin / source.lstrip("/"), self.inside(target)
            if hidden(str(path.parent), [path.name]):
                raise SystemExit(f"COPY {words}: .dockerignore hides {source}")
            if path.is_dir():
                shutil.copytree(path, place, symlinks=True, ignore=hidden, dirs_exist_ok=True)
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, place)


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """(INSTRUCTION, the rest) of each step; a line that ends in a backslash goes on."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for step in re.split(r"(?<!\\)\n", "\n".join(lines)):
        word, _, rest = step.replace("\\\n", " ").partition(" ")
        yield word, " ".join(rest.split())


def ignored(path: Path) -> bool:
    """Whether .dockerignore keeps a file of the context out: of the patterns that fit, the last decides."""
    hidden = False
    for line in (CONTEXT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and any(_fits(each, pattern) for each in (path, *path.parents)):
            hidden = not line.startswith("!")
    return hidden


def _fits(path: Path, pattern: str) -> bool:
    """`**/NAME` fits at any depth, other patterns from the top."""
    if pattern.startswith("**/"):
        return fnmatch(path.name, pattern.removeprefix("**/"))
    return len(path.parts) == len(Path(pattern).parts) and fnmatch(str(path), pattern)


def build(dockerfile: str, folder: Path, python: str) -> Stage:
    """Runs all steps; gives the last stage. Each is built in the same place, then moved away."""
    arguments: dict[str, str] = {}
    stages: dict[str, Path] = {}
    stage, label = None, ""
    for word, rest in instructions(dockerfile):
        if word == "ARG":
            name, _, arguments[name] = rest.partition("=")
        elif word == "FROM":
            if stage is not None:
                stages[label] = stage.root.rename(folder / f"stage-{len(stages)}")
            base, _, label = string.Template(rest).substitute(arguments).partition(" AS ")
            if not base.startswith("python:3."):
                raise SystemExit(f"FROM {base}: an image of Python was expected")
            image = folder / f"image-{len(stages)}"
            subprocess.run([python, "-m", "venv", str(image)], check=True)
            stage = Stage(folder / "root", image)
        elif stage is None:
            raise SystemExit(f"{word} stands before the first FROM")
        else:
            stage.take(word, rest, stages)
    if stage is None:
        raise SystemExit("the Dockerfile has no FROM")
    return stage


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="an empty folder, or one to make")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that stands for the image's")
    wishes = parser.parse_args()
    folder = wishes.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    stage = build((CONTEXT / "Dockerfile").read_text(encoding="utf-8"), folder, wishes.python)
    told = {"environment": stage.environment, "folder": str(stage.folder), "root": str(stage.root), "port": stage.port}
    print(json.dumps({**stage.start, **told}))


if __name__ == "__main__":
    main()
