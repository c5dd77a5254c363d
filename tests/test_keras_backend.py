"""The backend that Keras takes in programs that use Inksight: in real processes, with settings of their own."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

import inksight_keras as keras_backend

without_tensorflow = pytest.mark.skipif(find_spec("tensorflow") is not None, reason="TensorFlow is installed")
without_torch = pytest.mark.skipif(find_spec("torch") is not None, reason="PyTorch is installed")
PREDICT = (
    "import numpy; print(keras.backend.backend(), keras.Sequential([keras.layers.Dense(3)])(numpy.zeros((2, 4))).shape)"
)
TRAIN = "import inksight; inksight.train('mnist')"


@pytest.fixture
def python(tmp_path):
    """Runs a program where nobody has named a backend and Keras has never run."""

    def run(program: str, **variables: str) -> subprocess.CompletedProcess:
        inherited = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
        environment = {**inherited, "KERAS_HOME": str(tmp_path / "keras"), **variables}
        return subprocess.run(
            [sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )

    return run


@pytest.fixture
def keras_json(tmp_path):
    """Writes a keras.json; gives its path."""

    def write(**settings: str) -> str:
        path = tmp_path / "keras" / "keras.json"
        path.parent.mkdir()
        path.write_text(json.dumps(settings))
        return str(path)

    return write


@without_tensorflow
@pytest.mark.parametrize(
    "order",
    ["inksight, keras", "keras, inksight", pytest.param("keras", marks=pytest.mark.slow)],
)
def test_keras_runs_on_jax_whoever_is_imported_first(python, tmp_path, order):
    first = python(f"import {order}; {PREDICT}")
    assert (first.stdout, first.returncode) == ("jax (2, 3)\n", 0), first.stderr
    assert json.loads((tmp_path / "keras" / "keras.json").read_text())["backend"] == "tensorflow", "Keras wrote it"
    again = python(f"import {order}; print(keras.backend.backend())")
    assert (again.stdout, again.returncode) == ("jax\n", 0), again.stderr


@pytest.mark.parametrize("place", ["variable", "keras.json"])
def test_the_users_choice_wins_over_the_default(python, keras_json, place):
    variables = {"KERAS_BACKEND": "torch"} if place == "variable" else {}
    if not variables:
        keras_json(backend="torch")
    done = python("import inksight, os; print(os.environ.get('KERAS_BACKEND'))", **variables)
    assert (done.stdout, done.returncode) == ("torch\n" if variables else "None\n", 0), done.stderr


@without_torch
def test_a_variable_that_names_a_missing_backend_is_an_error_with_the_fix(python):
    done = python(TRAIN, KERAS_BACKEND="torch")
    assert done.stderr.endswith(
        'EngineError: KERAS_BACKEND is torch, but PyTorch is not installed: pip install "inksight[torch]", '
        "or unset KERAS_BACKEND.\n"
    )


@without_torch
def test_a_keras_json_that_names_a_missing_backend_is_an_error_with_the_fix(python, keras_json):
    path = keras_json(backend="torch")
    assert python(TRAIN).stderr.endswith(
        f'EngineError: {path} names torch, but PyTorch is not installed: pip install "inksight[torch]", '
        "or set KERAS_BACKEND=jax.\n"
    )


@pytest.mark.parametrize("content", ["{half", "[]", '{"backend": 3}', '{"backend": "tensorflow"}'])
def test_what_names_no_backend_in_keras_json_is_passed_over(monkeypatch, tmp_path, content):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND")
    (tmp_path / "keras.json").write_text(content)
    assert keras_backend.named() is None
