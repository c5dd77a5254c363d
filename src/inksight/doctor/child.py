"""Questions to a process of its own: it may hang or be aborted by XLA, and some settings are fixed at import."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

LIMIT_S = 120.0


@dataclass(frozen=True)
class ChildResult:
    """What the process said. facts: its answer. trouble: why there is none, in words."""

    facts: dict[str, Any] = field(default_factory=dict)
    trouble: str | None = None


def ask(question: str, *arguments: str, limit_s: float = LIMIT_S) -> ChildResult:
    """Runs one of PROBES."""
    return _told("-m", "inksight.doctor.probes", question, *arguments, limit_s=limit_s)


def import_keras() -> ChildResult:
    """Imports Keras in a program that does not import Inksight."""
    return _told("-c", "import json, keras; print(json.dumps({'facts': {'backend': keras.backend.backend()}}))")


def _told(*arguments: str, limit_s: float = LIMIT_S) -> ChildResult:
    """Run a Python program that prints a ChildResult as JSON; -P, so that no file of the current folder is imported."""
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    program = [sys.executable, "-P", *arguments]
    try:
        done = subprocess.run(
            program, **pipes, env=environment, encoding="utf-8", errors="replace", timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        return ChildResult(trouble=f"it gave no answer in {limit_s:g} s")
    try:
        return ChildResult(**json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, TypeError, ValueError):
        return ChildResult(trouble=_last_words(done.returncode, done.stderr))


def _last_words(code: int, stderr: str) -> str:
    """Why a process ended without an answer: XLA names a flag that it does not know, then aborts."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if "XLA_FLAGS" in line] or lines[-1:] or [""]
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return f"it ended with {how}: {telling[0].rpartition('] ')[2][-300:]}"
