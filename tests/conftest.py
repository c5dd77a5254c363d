"""What many tests share: real MNIST, a small part of it, and one real training through the command line."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

import inksight
from inksight.data.dataset import Dataset, Split
from inksight.training import engine

_CACHE = tempfile.TemporaryDirectory(prefix="inksight-tests-")
os.environ["INKSIGHT_CACHE"] = _CACHE.name  # the user's own is neither read nor filled
engine.prepare(None)  # before any test imports Keras


@pytest.fixture(scope="session")
def mnist() -> Dataset:
    return inksight.load("mnist")


@pytest.fixture(scope="session")
def small_mnist(mnist: Dataset) -> Dataset:
    """2,000 training, 500 validation and 500 test pictures."""
    train, test = mnist.train, mnist.test
    return Dataset(
        name="small",
        classes=mnist.classes,
        train=Split(train.images[:2000], train.labels[:2000]),
        validation=Split(train.images[2000:2500], train.labels[2000:2500]),
        test=Split(test.images[:500], test.labels[:500]),
        source="small",
        preprocessing="digits",
    )


@pytest.fixture
def small_npz(small_mnist: Dataset, tmp_path: Path) -> Path:
    """The small part of MNIST as a file of arrays, alone in a folder."""
    path = tmp_path / "small.npz"
    train, test = small_mnist.train, small_mnist.test
    np.savez(path, x_train=train.images, y_train=train.labels, x_test=test.images, y_test=test.labels)
    return path


@pytest.fixture(scope="session")
def command():
    """Runs `inksight ARGUMENTS…` as a process of its own: (folder, *arguments) -> CompletedProcess."""

    def run(folder: Path, *arguments: str, **options) -> subprocess.CompletedProcess:
        program = [sys.executable, "-W", "error::DeprecationWarning:inksight", "-m", "inksight", *arguments]
        return subprocess.run(program, cwd=folder, capture_output=True, text=True, timeout=300, **options)

    return run


@pytest.fixture(scope="session")
def quick(tmp_path_factory, command):
    """The real `quick` preset on real MNIST, through the command line: (its JSON, the folder it ran in)."""
    folder = tmp_path_factory.mktemp("quick")
    done = command(folder, "train", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), folder


@pytest.fixture(scope="session")
def quick_run(quick) -> inksight.Run:
    answer, folder = quick
    return inksight.load_run(folder / answer["run"])
