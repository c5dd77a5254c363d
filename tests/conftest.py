"""What many tests share: real MNIST, a small part of it, small real models, one real training by the command line."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import inksight
from inksight.data.dataset import Dataset, Split
from inksight.models import engine
from inksight.runs import ModelCard, write_model
from inksight.utils.atomic import whole_file

_CACHE = tempfile.TemporaryDirectory(prefix="inksight-tests-")
os.environ["INKSIGHT_CACHE"] = _CACHE.name  # the user's own is neither read nor filled
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each of the many processes would compile Keras and JAX anew
# At Ray's own 15, other tests beside would keep its workers from ever starting.
os.environ.update(RAY_worker_niceness="0")
engine.prepare(None)  # before any test imports Keras
FEATURES = 700
DIGITS = tuple("0123456789")


PLATFORMS = os.environ.get("JAX_PLATFORMS")


@pytest.fixture(autouse=True)
def devices_as_before():
    """A training that is kept on the CPU hides GPUs from its process for good; no test is to find that of another."""
    yield
    if PLATFORMS is None:
        os.environ.pop("JAX_PLATFORMS", None)
    if engine := sys.modules.get("inksight.models.engine"):
        engine.HIDDEN_HERE.clear()


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


@pytest.fixture(scope="session")
def small_file(small_mnist: Dataset, tmp_path_factory) -> Path:
    """The small part of MNIST as a file of arrays; nobody writes beside it."""
    path = tmp_path_factory.mktemp("data") / "small.npz"
    train, test = small_mnist.train, small_mnist.test
    np.savez(path, x_train=train.images, y_train=train.labels, x_test=test.images, y_test=test.labels)
    return path


@pytest.fixture
def small_npz(small_file: Path, tmp_path: Path) -> Path:
    """The same, alone in a folder of the test's own."""
    return Path(shutil.copy(small_file, tmp_path))


def as_process(folder: Path, *arguments: str, **options) -> subprocess.CompletedProcess:
    """Runs `inksight ARGUMENTS…` as a process of its own."""
    program = [sys.executable, "-W", "error::DeprecationWarning:inksight", "-m", "inksight", *arguments]
    return subprocess.run(program, cwd=folder, capture_output=True, text=True, timeout=300, **options)


def in_process(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Runs `inksight ARGUMENTS…` in this process, which has Keras and JAX loaded already."""
    from inksight.cli import main

    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    before, code = (os.getcwd(), sys.argv, inksight.STARTED), 0
    try:
        os.chdir(folder)
        sys.argv, inksight.STARTED = ["inksight", *arguments], time.monotonic()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as end:
        code = end.code or 0
    finally:
        os.chdir(before[0])
        _, sys.argv, inksight.STARTED = before
    said, told = (stream.buffer.getvalue().decode() for stream in (out, err))
    return subprocess.CompletedProcess(arguments, code, said, told)


@pytest.fixture(scope="session")
def process_command():
    """As `command`, but always in a process of its own."""
    return as_process


@pytest.fixture(scope="session")
def command():
    """Runs `inksight ARGUMENTS…`: (folder, *arguments) -> CompletedProcess. In this process, which saves a second; with
    options of `subprocess.run` (env, input, …) in one of its own."""
    return lambda folder, *arguments, **options: (as_process if options else in_process)(folder, *arguments, **options)


@pytest.fixture(scope="session")
def quick(tmp_path_factory, request):
    """The real `quick` preset on real MNIST, through the command line: (its JSON, the folder it ran in). One for all
    test processes: the first that wants it trains, the others wait."""
    is_shared = hasattr(request.config, "workerinput")
    folder = tmp_path_factory.getbasetemp().parent / "quick" if is_shared else tmp_path_factory.mktemp("quick")
    answer = folder / "answer.json"
    try:
        folder.mkdir(exist_ok=not is_shared)
    except FileExistsError:
        wait_until(answer.exists, seconds=300)
    else:
        done = as_process(folder, "train", "--json")
        assert done.returncode == 0, done.stderr
        with whole_file(answer) as temporary:
            temporary.write_text(done.stdout)
    return json.loads(answer.read_text()), folder


@pytest.fixture(scope="session")
def quick_run(quick) -> inksight.Run:
    answer, folder = quick
    return inksight.load_run(folder / answer["run"])


def wait_until(holds, seconds: float) -> None:
    """Waits until a condition holds; fails where it does not in time."""
    ends_at = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends_at, f"{holds} did not hold within {seconds} s"
        time.sleep(0.02)


def linear_classifier(images, labels, classes):
    """A small real model: ridge regression on random ReLU features, weights for a graph of two matrix products.

    About 92 % right on MNIST.
    """
    generator = np.random.default_rng(0)
    flat = images.reshape(len(images), -1).astype(np.float32)
    lift = generator.normal(size=(flat.shape[1], FEATURES)).astype(np.float32) / 4000
    shift = generator.uniform(-0.5, 0.5, FEATURES).astype(np.float32)
    features = np.c_[np.maximum(flat @ lift + shift, 0), np.ones(len(flat), np.float32)]
    gram = features.T @ features + 0.1 * np.eye(FEATURES + 1, dtype=np.float32)
    weights = np.linalg.solve(gram, features.T @ np.eye(classes, dtype=np.float32)[labels])
    return lift, shift, 8 * weights[:-1], 8 * weights[-1]


def to_onnx(weights, size_px, channels):
    lift, shift, weight, bias = weights
    tensors = {"lift": lift, "shift": shift, "weight": weight, "bias": bias}
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["pixels"], ["flat"], axis=1),
        helper.make_node("Gemm", ["flat", "lift", "shift"], ["lifted"]),
        helper.make_node("Relu", ["lifted"], ["features"]),
        helper.make_node("Gemm", ["features", "weight", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", size_px, size_px, channels])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", len(bias)])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


@pytest.fixture(scope="session")
def digit_run(mnist, tmp_path_factory):
    """The folder of a grey digit model."""
    weights = linear_classifier(mnist.train.images[:12000], mnist.train.labels[:12000], 10)
    folder = tmp_path_factory.mktemp("digits")
    data = {"source": "mnist", "name": "mnist", "sha256": mnist.sha256}
    write_model(
        folder,
        to_onnx(weights, 28, 1),
        ModelCard(DIGITS, 28, 1, "digits", 1.0, 0.4, provenance={"data": data, "seed": 0}),
    )
    return folder


@pytest.fixture(scope="session")
def colour_run(tmp_path_factory):
    """The folder of a colour model of 16×16 pixels that tells red from green from blue."""
    generator = np.random.default_rng(1)
    labels = np.arange(600) % 3
    images = generator.integers(0, 100, (600, 16, 16, 3))
    images[np.arange(600), :, :, labels] += 150
    folder = tmp_path_factory.mktemp("colours")
    card = ModelCard(("red", "green", "blue"), 16, 3, "resize", 2.0, 0.5)
    write_model(folder, to_onnx(linear_classifier(images, labels, 3), 16, 3), card)
    return folder


@pytest.fixture(scope="session")
def every_operator(tmp_path_factory):
    """The folder of a network that uses all that `export/onnx.py` can write."""
    from keras import Input, Model, layers
    from keras.utils import set_random_seed

    from inksight.export.onnx import to_onnx as exported
    from inksight.models import ACTIVATIONS

    set_random_seed(2)
    generator = np.random.default_rng(2)
    images = Input((14, 14, 3), dtype="uint8", name="images")
    pixels = layers.Rescaling(1 / 127.5, offset=-1.0)(images)
    branches = []
    for number, activation in enumerate(ACTIVATIONS):
        x = layers.Conv2D(4, 4, strides=1 + number % 3, padding="same" if number % 2 else "valid")(pixels)
        x = layers.MaxPooling2D(2, padding="same")(layers.Activation(activation)(x))
        x = layers.BatchNormalization()(layers.ZeroPadding2D(((1, 0), (0, 2)))(x))
        branches.append(layers.GlobalMaxPooling2D()(x) if number % 2 else layers.GlobalAveragePooling2D()(x))
    wide = layers.Concatenate()([layers.Conv2D(2, 3)(pixels), layers.Conv2D(3, 3)(pixels)])
    features = layers.Concatenate()([*branches, layers.Flatten()(layers.MaxPooling2D(4)(wide))])
    x = layers.Average()([layers.Dense(5, activation="gelu")(features), layers.Dense(5)(features)])
    model = Model(images, layers.Softmax(name="probabilities")(x))
    model.set_weights([weight + generator.uniform(0.1, 0.5, weight.shape) for weight in model.get_weights()])
    folder = tmp_path_factory.mktemp("operators")
    card = ModelCard(tuple("abcde"), 14, 3, "resize", temperature=1.5)
    write_model(folder, exported(model, {}).SerializeToString(), card)
    return folder


@pytest.fixture(scope="session")
def many_run(tmp_path_factory):
    """The folder of a grey model of thirty classes: which row or column of 15 a bar is in."""
    generator = np.random.default_rng(2)
    labels = np.arange(1500) % 30
    images = generator.integers(0, 60, (1500, 15, 15))
    for image, label in zip(images, labels, strict=True):
        line = image[label] if label < 15 else image[:, label - 15]
        line += 180
    folder = tmp_path_factory.mktemp("lines")
    classes = tuple(f"{where} {number}" for where in ("row", "column") for number in range(15))
    write_model(
        folder, to_onnx(linear_classifier(images, labels, 30), 15, 1), ModelCard(classes, 15, 1, "resize", 1, 0)
    )
    return folder
