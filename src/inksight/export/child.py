"""What needs Keras on a backend of its own happens in another process: ours may run on another one, or without any."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from inksight.errors import EngineError
from inksight.export.format import Source


def write_in_child(format: str, backend: str, source: Source, out: Path) -> None:
    """Writes `source` as `out`, which `keras_side` knows how to.

    Raises:
        EngineError: with what the other process said last.
    """
    with tempfile.TemporaryDirectory(prefix="inksight-") as folder:
        plan = Path(folder, "plan")
        np.save(f"{plan}.npy", source.plan.weights)
        card = {
            "size_px": source.card.size_px,
            "channels": source.card.channels,
            "temperature": source.card.temperature,
        }
        Path(f"{plan}.json").write_text(json.dumps({**card, "operations": source.plan.operations}), encoding="utf-8")
        _run("write", format, backend, str(plan), str(out))


def ask_in_child(format: str, backend: str, path: Path, images: np.ndarray) -> np.ndarray:
    """What the export at `path` says to images; arguments and errors as above."""
    with tempfile.TemporaryDirectory(prefix="inksight-") as folder:
        asked, answered = Path(folder, "images.npy"), Path(folder, "answers.npy")
        np.save(asked, images)
        _run("ask", format, backend, str(path), str(asked), str(answered))
        return np.asarray(np.load(answered))


def _run(action: str, format: str, backend: str, *arguments: str) -> None:
    """One action of `keras_side` in a process that ends with it."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-P", "-m", "inksight.export.keras_side", action, format, *arguments]  # no keras.py here
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise EngineError(f"{format} under Keras on {backend} failed: {last}")
