"""The main job on small data: limits, Ctrl-C, own folders, full disks, everything that ends differently."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import inksight
from inksight import models
from inksight.callbacks import Callback
from inksight.cli.train import headline
from inksight.config import preset
from inksight.data.dataset import Dataset, Split
from inksight.errors import DataError, EngineError, RunError, StorageError, UsageError
from inksight.models import engine
from inksight.training.finalize import unsure_threshold
from inksight.training.session import chosen

SMALL = {"net": "strided", "filters": 8, "batch_size": 100, "validation": 0.0}


def small(split: Split, count: int) -> Split:
    return Split(split.images[:count], split.labels[:count])


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_small_set_is_repeated_until_it_is_learned(here):
    """The default preset on a few pictures of one's own: enough steps, whatever the batch size."""
    make_folder(here / "mine", classes=("bar", "square"), count=20)
    run = inksight.train("mine", filters=8)
    assert run.metrics["epochs"] == 350
    assert run.metrics["test"]["accuracy"] == 1.0
    assert (run.card.temperature, run.card.unsure_below) == (1.0, 0.5), "too few pictures to calibrate on"
    answer = inksight.Predictor.load(run.path).predict(here / "mine" / "bar" / "3.png")
    assert (answer.verdict, answer.label) == ("class", "bar")
    assert inksight.train("mine", filters=8, epochs=1, batch_size=16).metrics["epochs"] == 1


def test_evaluating_a_run_measures_its_own_test_part(here):
    """The test part depends on the seed; measured with another one it would hold pictures that were learned from."""
    make_folder(here / "mine", classes=("a", "b"), count=25)
    run = inksight.train("mine", filters=8, epochs=2, batch_size=8, seed=3)
    again = inksight.evaluate(run.path)
    assert again.metrics() == run.metrics["test"]
    assert again.warning is None
    (here / "mine" / "a" / "0.png").unlink()
    assert "has changed since the training" in inksight.evaluate(run.path).warning


def test_class_names_may_hold_any_sign(here, command):
    make_folder(here / "odd", classes=("a$_$b", "[red]", "50%"), count=12)
    run = inksight.train("odd", filters=8, epochs=1, batch_size=8)
    assert set(run.card.classes) == {"a$_$b", "[red]", "50%"}
    done = command(here, "evaluate", str(run.path))
    assert done.returncode == 0, done.stderr
    assert "[red]" in done.stdout


def test_arrays_in_a_run_out(here, small_mnist):
    run = inksight.train(small_mnist, "quick", epochs=3, seed=5, metrics="accuracy,top2_accuracy,macro_f1", **SMALL)
    assert run.path == here.joinpath("runs/small-quick-1").relative_to(here)
    test = run.metrics["test"]
    assert 0.8 < test["accuracy"] <= test["top2_accuracy"] <= 1
    assert test["macro_f1"] == pytest.approx(np.mean([score["f1"] for score in test["per_class"].values()]))
    assert run.config["seed"] == 5 and run.config["filters"] == 8
    assert [row for row in run.history if "val_top2_accuracy" in row]
    assert inksight.load_run("latest").path == run.path


@pytest.mark.slow
def test_a_run_repeats_bit_for_bit(here, small_mnist):
    files = [inksight.train(small_mnist, "quick", out=f"r{n}", **SMALL).path / "model.onnx" for n in (1, 2)]
    first, again = (weights_of(file) for file in files)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def weights_of(path) -> list[np.ndarray]:
    import onnx

    return [onnx.numpy_helper.to_array(weight) for weight in onnx.load(path).graph.initializer]


@pytest.mark.slow
def test_the_command_in_the_config_makes_the_run_again(here, command):
    data = "folder"
    make_folder(here / data, classes=("yes", "no"), count=30)
    first = inksight.train(data, "quick", filters=8, epochs=6, batch_size=16, seed=3)
    words = first.config["command"].split()
    assert words[:3] == ["inksight", "train", data]
    done = command(here, *words[1:], "--json")
    assert done.returncode == 0, done.stderr
    second = inksight.load_run(json.loads(done.stdout)["run"])
    pairs = zip(weights_of(first.path / "model.onnx"), weights_of(second.path / "model.onnx"), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


def make_folder(root, classes, count, colour=False):
    """Bright disks or bars on a noisy ground, as PNG files, by class."""
    generator = np.random.default_rng(0)
    for label, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for index in range(count):
            picture = generator.integers(0, 60, (30, 34, 3) if colour else (30, 34), np.uint8)
            at = generator.integers(6, 14)
            picture[at : at + 12, at : at + 12 if label % 2 else at + 4] = (250, 60, 60) if colour else 240
            Image.fromarray(picture).save(root / name / f"{index}.png")


@pytest.mark.slow
def test_a_folder_of_ones_own_colour_pictures(here):
    make_folder(here / "signs", classes=("bar", "square", "日本"), count=40, colour=True)
    run = inksight.train("signs", "quick", epochs=8, batch_size=16, filters=8, size_px=32)
    assert run.card.classes == ("bar", "square", "日本")
    assert (run.card.channels, run.card.size_px, run.card.preprocessing) == (3, 32, "resize")
    assert run.metrics["test"]["per_class"]["square"]["recall"] > 0.8
    answer = inksight.Predictor.load(run.path).predict(here / "signs" / "square" / "0.png")
    assert answer.label == "square"


@pytest.mark.slow
def test_a_time_limit_holds_for_the_whole_job(here, small_mnist):
    run = inksight.train(small_mnist, "quick", time_limit_s=8, **SMALL | {"epochs": 100_000})
    assert run.metrics["ended"] == "time limit"
    assert run.metrics["epochs"] < 100_000
    assert run.metrics["test"]["accuracy"] > 0.5


def test_a_run_no_better_than_the_commonest_class_says_so_and_is_never_latest(here, small_mnist):
    """Pictures that are all alike teach nothing: every answer is the commonest class."""
    alike = Split(np.full((90, 28, 28), 200, np.uint8), np.arange(90) % 3 // 2)
    data = Dataset("alike", ("common", "rare"), train=alike, test=alike)
    useless = inksight.train(data, "quick", filters=8, least_steps=30, validation=0.0)
    assert useless.metrics["baseline"] == {"class": "common", "accuracy": pytest.approx(2 / 3)}
    assert useless.warning.startswith('66.67% right is no better than always answering "common", the commonest class')
    assert "no better than always answering" in (useless.path / "report.html").read_text(encoding="utf-8")
    assert 'Always answering "common"' in (useless.path / "README.md").read_text(encoding="utf-8")
    with pytest.raises(
        RunError, match=r"no run in runs/ is better than always answering the commonest class.*alike-quick-1"
    ):
        inksight.load_run("latest")
    assert inksight.Predictor.load().name == "shipped"
    useful = inksight.train(small_mnist, "quick", epochs=1, **SMALL)
    assert useful.warning is None
    os.utime(useless.path / "metrics.json")
    assert inksight.load_run("latest").path == useful.path


@pytest.mark.parametrize(
    ("fit_s", "export_s", "said"),
    [
        (110.0, 2.0, "training alone took 110.0 s for 398 steps. Allow more time, or use smaller pictures (--size)."),
        (20.0, 92.0, "exporting alone took 92.0 s."),
    ],
)
def test_a_missed_time_limit_names_what_took_longest(quick_run, tmp_path, fit_s, export_s, said):
    run = shutil.copytree(quick_run.path, tmp_path / "run")
    metrics = {**quick_run.metrics, "seconds": {"total": 122.0, "start": 1.0, "fit": fit_s, "export": export_s}}
    (run / "metrics.json").write_text(json.dumps(metrics))
    (run / "config.json").write_text(json.dumps({**quick_run.config, "time_limit_s": 60.0}))
    assert f"in 122.0 s. That misses the time limit of 60 s: {said}\n" in headline(inksight.load_run(run))


@pytest.mark.slow
def test_ctrl_c_keeps_the_best_so_far_as_a_whole_run(here):
    program = [sys.executable, "-m", "inksight", "train", "--epochs", "500", "--schedule", "constant"]
    program += ["--learning-rate", "0.002", "--json"]
    process = subprocess.Popen(program, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.strip().startswith("1/500"):
            break
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    answer = json.loads(output)
    assert answer["ended"] == "interrupted" and answer["epochs"] < 100
    assert answer["test"]["accuracy"] > 0.95
    assert inksight.load_run(answer["run"]).metrics["test"] is not None
    assert [path.name for path in (here / "runs").iterdir()] == ["mnist-quick-1"]


# The kernel refuses every file above 100 kB, as a disk that runs full does.
FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import inksight
from inksight.errors import StorageError
from inksight.callbacks import Callback
class Told(Callback):
    def noted(self, text):
        print(text)
data = inksight.load(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    inksight.train(data, "quick", epochs=3, out="full", callback=Told())
except StorageError as error:
    print(error)
"""


def test_a_run_that_a_full_disk_refuses_can_be_finished_later(here):
    make_folder(here / "data", classes=("a", "b"), count=20)
    environment = {**os.environ, "INKSIGHT_CHECKPOINT_S": "0"}
    done = subprocess.run(
        [sys.executable, "-c", FULL, "data"], capture_output=True, text=True, timeout=120, env=environment
    )
    assert done.stdout.count("No checkpoint could be kept at step 1 (File too large). The training goes on") == 1
    assert done.stdout.count("No checkpoint could be kept") == 1
    assert "full could not be written" in done.stdout, done.stderr
    assert "Nothing was left half done. Then finish it: inksight train --resume full" in done.stdout
    assert sorted(path.name for path in here.iterdir()) == ["data", "full.unfinished"]
    assert inksight.resume("full").path.name == "full"
    assert sorted(path.name for path in here.iterdir()) == ["data", "full"]


ON_A_SMALL_DISK = """
import os, subprocess, sys
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", "runs"], check=True)
import inksight
from inksight.errors import StorageError
try:
    inksight.train("data", "quick", epochs=1)
except StorageError as error:
    print(error)
print("left:", os.listdir("runs"))
"""


@pytest.mark.slow
def test_a_run_that_finds_its_disk_full_is_kept_elsewhere(here):
    (here / "runs").mkdir()
    (here / "elsewhere").mkdir()
    own_mounts = ["unshare", "-rm"]
    if subprocess.run([*own_mounts, "mount", "-t", "tmpfs", "none", "runs"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    make_folder(here / "data", classes=("a", "b"), count=20)
    command = [*own_mounts, sys.executable, "-c", ON_A_SMALL_DISK]
    environment = {**os.environ, "TMPDIR": str(here / "elsewhere")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert "could not be written: the disk is full; free some space" in done.stdout, done.stderr
    (refuge,) = here.glob("elsewhere/inksight-*/data-quick-1")
    assert f"The finished run is kept in {refuge}" in done.stdout
    assert inksight.load_run(refuge).metrics["test"]["images"] == 8
    assert "left: []" in done.stdout


def test_an_existing_folder_is_refused_before_any_work(here, small_mnist):
    (here / "mine").mkdir()
    with pytest.raises(StorageError, match="mine exists already; it is left as it was. Choose another --out"):
        inksight.train(small_mnist, out="mine")


@pytest.mark.parametrize(
    "arguments, options, error, text",
    [
        (("mnits",), {}, UsageError, 'no data set "mnits". Did you mean mnist'),
        (("mnist", "quik"), {}, UsageError, 'no preset "quik". Did you mean quick'),
        (("mnist",), {"epochs": 0}, UsageError, "epochs is 0; a whole number from 1"),
        (("mnist",), {"filter": 8}, UsageError, 'no setting "filter". Did you mean filters'),
        (("mnist",), {"time_limit_s": -1}, UsageError, "the time limit is -1 seconds; it must be greater than 0, for"),
        (("mnist",), {"backend": "torch"}, EngineError, "torch"),
    ],
)
def test_wrong_wishes_are_refused_with_a_way_out(here, arguments, options, error, text):
    with pytest.raises(error, match=text):
        inksight.train(*arguments, **options)
    assert list(here.iterdir()) == []


def test_early_stopping_needs_something_to_watch(here, small_mnist):
    alone = replace(small_mnist, validation=None)
    with pytest.raises(UsageError, match="early_stopping needs a validation part to watch; give validation too"):
        inksight.train(alone, early_stopping=2, **SMALL)
    with pytest.raises(UsageError, match="target needs a validation part to watch; give validation too"):
        inksight.train(alone, target=0.9, **SMALL)
    with pytest.raises(UsageError, match="the validation part has .* pictures; a target needs at least 200"):
        inksight.train(replace(small_mnist, validation=small(small_mnist.validation, 50)), target=0.9, **SMALL)
    run = inksight.train(small_mnist, early_stopping=2, epochs=2, **SMALL)  # a validation part of its own will do
    assert run.metrics["epochs"] == 2


@pytest.mark.slow
def test_an_ensemble_is_one_run_like_any_other(here, small_mnist):
    """Saved, opened again by plain Keras, answered by ONNX Runtime, told in the report, repeatable by its command."""
    import keras

    run = inksight.train(small_mnist, members=2, first_layer="whitened", net="compact", epochs=2, batch_size=50)
    images = small_mnist.test.images[:50]
    expected = np.asarray(keras.saving.load_model(run.path / "model.keras")(images[..., None]))
    raw = inksight.Predictor((run.path / "model.onnx").read_bytes(), replace(run.card, temperature=1.0), "it")
    assert np.abs(raw.probabilities(images) - expected).max() <= 1e-5
    names = [layer["name"] for layer in run.metrics["layers"]]
    assert {"member_1/convolution_1", "member_2/convolution_1"} <= set(names)
    assert run.metrics["parameters"] == keras.saving.load_model(run.path / "model.keras").count_params()
    assert "member_2/convolution_4" in (run.path / "report.html").read_text()
    assert "--members 2" in run.config["command"] and "--first-layer whitened" in run.config["command"]


def test_turning_a_knob_of_the_first_layer_makes_it_learned(small_mnist):
    assert preset("quick").first_layer == "whitened"
    for choice in ({"net": "tutorial"}, {"filters": 15}, {"kernel_size": 3}, {"activation": "tanh"}):
        assert chosen(preset("quick"), choice).first_layer == "learned"
        assert chosen(preset("quick"), choice | {"first_layer": "whitened"}).first_layer == "whitened"
    assert chosen(preset("quick"), {"dense_units": 8}).first_layer == "whitened"


def test_a_run_from_arrays_says_so(here, small_mnist):
    run = inksight.train(replace(small_mnist, source=""), epochs=1, **SMALL)
    assert run.config["command"] is None
    assert "trained on arrays" in (run.path / "report.html").read_text()
    with pytest.raises(UsageError, match="was trained on arrays out of a program; say which data"):
        inksight.evaluate(run.path)


def test_one_class_is_no_choice(here, small_mnist):
    alone = replace(small_mnist, classes=("0",), train=Split(small_mnist.train.images[:9], np.zeros(9, np.int64)))
    with pytest.raises(DataError, match=r"has one class only \(0\); at least two are needed"):
        inksight.train(alone)


def test_evaluating_on_other_data_matches_classes_by_name(here, quick_run, mnist):
    """A folder with only 7s and 3s, of foreign size: labels are looked up by name, pictures normalised."""
    for name in ("7", "3"):
        (here / "mine" / name).mkdir(parents=True)
        for index in np.flatnonzero(mnist.test.labels == int(name))[:25]:
            big = Image.fromarray(255 - np.pad(mnist.test.images[index], 6)).resize((120, 120))
            big.save(here / "mine" / name / f"{index}.png")
    evaluation = inksight.evaluate(quick_run.path, "mine")
    metrics = evaluation.metrics()
    assert metrics["accuracy"] == 1.0
    assert metrics["per_class"]["7"]["images"] == metrics["per_class"]["3"]["images"] == 5


def test_evaluating_on_unknown_classes_is_refused(here, quick_run):
    make_folder(here / "letters", classes=("a", "b"), count=10)
    with pytest.raises(DataError, match="has classes that .* does not know: a, b. It knows 0, 1, 2"):
        inksight.evaluate(quick_run.path, "letters")


def test_the_unsure_threshold_is_what_99_of_100_right_answers_reach():
    confidence = np.linspace(0.6, 1.0, 1001, dtype=np.float32)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    labels = np.zeros(1001, np.int64)
    assert unsure_threshold(labels, probabilities) == pytest.approx(0.604, abs=1e-3)
    assert unsure_threshold(labels + 1, probabilities) == 0.5
    assert unsure_threshold(labels, np.full((1001, 2), [0.51, 0.49], np.float32)) == pytest.approx(0.51, abs=1e-3)
    assert unsure_threshold(labels, np.full((1001, 2), [0.99999, 0.00001], np.float32)) == 0.99


def test_the_backend_in_use_wins_and_another_is_refused():
    assert engine.prepare(None) == "jax"
    missing = [name for name in ("tensorflow", "torch") if name not in engine.versions()]
    if not missing:
        with pytest.raises(EngineError, match="Keras is loaded with the backend jax already; torch was wanted"):
            engine.prepare("torch")
    for name in missing:
        import keras

        assert keras.backend.backend() == "jax"
        with pytest.raises(EngineError, match=f"{name} was wanted"):
            engine.prepare(name)


def test_the_processor_is_told_only_what_was_tried():
    """The flag that makes convolutions fast is set for the pinned jaxlib, and exactly once."""
    assert os.environ["XLA_FLAGS"].count("xla_cpu_experimental_ynn_fusion_type") == 1


@pytest.mark.slow
def test_what_was_compiled_serves_the_next_process(command, small_npz, tmp_path):
    """The second training of a kind compiles nothing, and learns the same; what is a month old is thrown away."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    environment["INKSIGHT_CACHE"] = str(tmp_path / "cache")
    kept, losses = [], []
    for number in range(2):
        arguments = ("--filters", "8", "--epochs", "1", "--out", f"run{number}", "--json")
        done = command(tmp_path, "train", str(small_npz), *arguments, env=environment)
        assert done.returncode == 0, done.stderr
        (folder,) = (tmp_path / "cache" / "compiled").iterdir()
        kept.append({file.name for file in folder.iterdir()})
        losses.append([row["loss"] for row in inksight.load_run(tmp_path / f"run{number}").history])
        outdated = folder / "outdated-cache"
        outdated.touch()
        os.utime(outdated, (0, 0))
    assert any(name.startswith("jit__updated") for name in kept[0])
    assert kept[0] == kept[1]
    assert losses[0] == losses[1]


@pytest.mark.slow
def test_a_cache_that_takes_no_files_stops_nothing(command, small_npz, tmp_path):
    (tmp_path / "cache").touch()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    environment["INKSIGHT_CACHE"] = str(tmp_path / "cache")
    done = command(tmp_path, "train", str(small_npz), "--filters", "8", "--epochs", "1", env=environment)
    assert done.returncode == 0, done.stderr


def with_an_addition(shape, num_classes, kernel_size=3, pool_size=2, **knobs):
    """A network that Keras trains and ONNX export does not know."""
    import keras

    inputs = keras.Input(shape, dtype="uint8")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    x = keras.layers.Add(name="shortcut")([keras.layers.Dense(8)(x), keras.layers.Dense(8)(x)])
    logits = keras.layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, keras.layers.Softmax(name="probabilities")(logits))


def test_a_network_that_cannot_be_exported_is_refused_before_the_training(small_npz, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(models.NETS, "compact", with_an_addition)
    steps = []

    class Steps(Callback):
        def step(self, done, planned, running):
            steps.append(done)

    with pytest.raises(EngineError, match="the layer shortcut is a Add, which cannot be exported to ONNX"):
        inksight.train(small_npz, net="compact", epochs=1, callback=Steps())
    assert not steps and not list(tmp_path.glob("runs/*"))


def test_a_run_that_cannot_be_saved_leaves_its_network(small_npz, tmp_path, monkeypatch):
    """Resuming would fail the same way, so nothing advises it."""
    import keras

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INKSIGHT_CHECKPOINT_S", "0")

    def differs(*arguments):
        raise EngineError("the exported ONNX model differs from Keras by 0.1.")

    monkeypatch.setattr("inksight.export.onnx.largest_difference", differs)
    with pytest.raises(EngineError) as failed:
        inksight.train(small_npz, epochs=1)
    assert str(failed.value).endswith(" by 0.1. The trained network is kept in runs/small-quick-1.keras.")
    assert [path.name for path in tmp_path.glob("runs/*")] == ["small-quick-1.keras"]
    assert keras.saving.load_model("runs/small-quick-1.keras").output_shape == (None, 10)
