"""The benchmark scripts run, on a tiny setting, and print what they promise: figures that can be."""

import importlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
TINY = {
    "train.py": (["--seeds", "1", "--epochs", "1"], {"preset", "accuracy", "seconds", "stages"}),
    "predict.py": (["--repeats", "1"], {"cold_process_s", "ten_thousand_images_s", "one_warm_picture_ms"}),
    "roofline.py": (
        ["--presets", "tutorial", "--repeats", "1", "--seconds", "0.01", "--starts", "1"],
        {"matrix_gflops", "presets", "before_first_step"},
    ),
    "inference.py": (
        ["shipped", "--int8", "--repeats", "1", "--seconds", "0"],
        {"model", "parameters", "multiply_adds", "onnx_bytes", "threads", "images_per_s", "served_over", "int8"},
    ),
    "serve.py": (
        ["--repeats", "1", "--seconds", "0.05", "--starts", "1"],
        {"model", "clients", "times_keras", "tensor", "drawing", "resident_mb", "cold_start_s"},
    ),
    "page.py": (
        ["--repeats", "1"],
        {"model", "browser", "bytes", "largest_difference", "network_ms", "ink_ms"},
    ),
    "finetune.py": (
        ["--counts", "1", "--draws", "1", "--others", "50"],
        {"style_before", "test_before", "counts"},
    ),
    "explain.py": (
        ["--pictures", "5", "--repeats", "1"],
        {"run", "pictures", "attribution_s_per_100", "areas", "flip_rms", "flip_classes", "flip_s"},
    ),
    "doubt.py": (
        ["--presets", "quick", "--rates", "0.1", "--seeds", "1", "--pictures", "500", "--time-limit", "2"],
        {"pictures", "presets"},
    ),
    "batch.py": (
        ["--pictures", "20", "--workers", "1", "--repeats", "1"],
        {"form", "pictures", "workers", "answering_per_s", "seconds", "peak_mib", "at_peak_mib"},
    ),
    "workers.py": (["--workers", "0", "--runs", "1", "--recipes", "quick:1024"], {"images_per_s"}),
    "draw.py": (["--repeats", "1"], {"model", "answered_ms", "load"}),
    "kinds.py": (["--presets", "quick", "--seeds", "1", "--share", "0.1", "--", "--epochs", "1"], {"kinds", "faces"}),
    "folder_load.py": (["--pictures", "500"], {"pictures", "seconds", "peak_rss_mb", "arrays_mb"}),
    "handwriting.py": ([str(BENCHMARKS.parent / "examples"), "--wrong"], {"model", "single", "number", "sure"}),
    "install.py": (["--repeats", "1", "--warm"], {"cache", "environments"}),
    "start.py": (["--repeats", "1"], {"python_s", "import_s", "help_s", "tab_s"}),
}


MEASURED = re.compile(r"(_s|_ms|_mb|_mib|_gflops|per_s|bytes|parameters|multiply_adds)$")
RATE = re.compile(r"(accuracy|right|recall|areas|_before|_after)$")


def impossible(figures, name="", inside="") -> list[str]:
    """The figures that cannot be: not finite, a time or count of 0 or less, a negative size, a rate out of 0–1."""
    if isinstance(figures, dict):
        below = name if MEASURED.search(name) or RATE.search(name) else inside
        return [each for key, value in figures.items() for each in impossible(value, key, below)]
    if isinstance(figures, list):
        return [each for value in figures for each in impossible(value, name, inside)]
    if isinstance(figures, bool) or not isinstance(figures, int | float):
        return []
    kind = name if MEASURED.search(name) or RATE.search(name) else inside
    spread = name in ("sd", "sem", "spread")
    if not math.isfinite(figures):
        return [f"{inside}.{name} = {figures}"]
    if MEASURED.search(kind) and (figures < 0 or (figures == 0 and not spread and not kind.endswith("_mb"))):
        return [f"{inside}.{name} = {figures}"]
    if RATE.search(kind) and not 0 <= figures <= 1:
        return [f"{inside}.{name} = {figures}"]
    return []


def test_impossible_figures_are_noticed():
    assert impossible({"accuracy": 0.99, "seconds": {"fit_s": {"mean": 2.0, "sd": 0.0}}, "n": 0}) == []
    assert impossible({"accuracy": {"mean": 99.0}}) == ["accuracy.mean = 99.0"]
    assert impossible({"start_s": [0.3, 0.0]}) == [".start_s = 0.0"]
    assert impossible({"largest": float("nan")}) == [".largest = nan"]


NEEDS = {"batch.py": "ray", "draw.py": "playwright", "page.py": "playwright", "serve.py": "fastapi"}


def needs_browser(script: str) -> bool:
    return "playwright" in (BENCHMARKS / script).read_text(encoding="utf-8")


def tier(script: str):
    if script in ("batch.py", "workers.py"):
        return pytest.mark.cluster
    return pytest.mark.browser if needs_browser(script) else pytest.mark.slow


@pytest.mark.parametrize("script", [pytest.param(each, marks=tier(each)) for each in TINY])
def test_a_benchmark_prints_one_json_line(script):
    arguments, wanted = TINY[script]
    if (package := NEEDS.get(script)) and find_spec(package) is None:
        pytest.skip(f"{package} is not installed: uv sync --group dev")
    if script == "install.py" and "INKSIGHT_INSTALL" not in os.environ:
        pytest.skip("it takes the network: see INKSIGHT_INSTALL in .ci/run")
    if needs_browser(script) and "INKSIGHT_BROWSER" not in os.environ and not Path("/usr/bin/chromium").exists():
        pytest.skip("no browser at /usr/bin/chromium: apt-get install chromium")
    command = [sys.executable, str(BENCHMARKS / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    assert wanted | {"benchmark", "processor", "cores", "gpus", "commit", "date"} <= set(found)
    assert impossible(found) == []


def test_every_benchmark_is_tried():
    scripts = {path.name for path in BENCHMARKS.glob("*.py")} - {"sitting.py", "article.py"}
    assert scripts == set(TINY)


@pytest.mark.slow
def test_the_baseline_is_the_articles_script(tmp_path):
    """One epoch of it on a hundredth of the data, on the backend that is here."""
    import gzip

    import inksight.data

    source = Path(inksight.data.__file__).parent / "mnist"
    for file in source.glob("*.gz"):
        content = gzip.decompress(file.read_bytes())
        header = 16 if "idx3" in file.name else 8
        item = 784 if header == 16 else 1
        (tmp_path / file.name).write_bytes(gzip.compress(content[: header + 640 * item]))
    command = [sys.executable, str(BENCHMARKS / "article.py"), str(tmp_path), "1"]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["epochs"] == 1
    assert 0.3 < answer["accuracy"] < 1
    assert set(answer["seconds"]) == {"import", "fit", "total"}


def test_the_roofline_counts_what_a_step_has_to_multiply(monkeypatch):
    """By hand, for one picture: the first layer's input needs no gradient; below a frozen layer nothing does."""
    from inksight.models import build

    monkeypatch.syspath_prepend(BENCHMARKS)
    products = importlib.import_module("roofline").products
    model = build("tutorial", (28, 28, 1), 10, {}, seed=0)
    convolution, dense, logits = 2 * 26 * 26 * 28 * 9, 2 * 13 * 13 * 28 * 128, 2 * 128 * 10
    assert sum(each.flops for each in products(model, 1)) == 2 * convolution + 3 * dense + 3 * logits == 4_323_264

    model.get_layer("convolution").trainable = False
    found = [(each.name, each.kind, each.flops) for each in products(model, 32)]
    assert found == [
        ("convolution", "forward", 32 * convolution),
        ("dense", "forward", 32 * dense),
        ("dense", "kernel gradient", 32 * dense),
        *(("logits", kind, 32 * logits) for kind in ("forward", "input gradient", "kernel gradient")),
    ]
    assert sum(flops for _, _, flops in found) == 32 * 2_771_168


@pytest.mark.slow
def test_the_service_is_compared_with_keras(quick_run):
    script = [sys.executable, str(BENCHMARKS / "serve.py"), str(quick_run.path), "--repeats", "1", "--seconds", "0.05"]
    done = subprocess.run([*script, "--starts", "1"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert set(answer["times_keras"]) == set(answer["clients"]) == {"1", "8", "64"}
    for rivals in answer["clients"].values():
        assert set(rivals) == {"inksight", "keras"}
        for figures in rivals.values():
            assert set(figures) == {"requests_per_s", "p50_ms", "p99_ms"}
    assert impossible(answer) == []


@pytest.mark.parametrize("net, members", [("tutorial", 1), ("strided", 1), ("compact", 1), ("compact", 2)])
def test_inference_counts_in_the_graph_what_the_layer_table_counts(monkeypatch, net, members):
    from inksight.export.onnx import to_onnx
    from inksight.models import build
    from inksight.models.table import layer_table

    monkeypatch.syspath_prepend(BENCHMARKS)
    inference = importlib.import_module("inference")
    model = build(net, (28, 28, 1), 10, {}, seed=0, members=members)
    graph, rows = to_onnx(model, {}), layer_table(model)
    assert inference.multiply_adds(graph) == sum(row.multiply_adds for row in rows) > 0
    assert inference.parameters(graph) == sum(row.parameters for row in rows)


@pytest.mark.slow
def test_inference_compares_a_run_with_keras(quick_run, tmp_path):
    """Without its metrics.json: the graph alone says the same of the network."""
    for file in ("model.json", "model.onnx", "model.keras"):
        shutil.copy(quick_run.path / file, tmp_path)
    script = [sys.executable, str(BENCHMARKS / "inference.py"), "--repeats", "1", "--seconds", "0"]
    done = subprocess.run([*script, str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    metrics = quick_run.metrics
    expected = (metrics["parameters"], metrics["multiply_adds"], metrics["onnx"]["bytes"])
    assert tuple(answer[name] for name in ("parameters", "multiply_adds", "onnx_bytes")) == expected
    assert set(answer["images_per_s"]) == {"served", "keras_predict", "keras_predict_on_batch"}
    assert set(answer["served_over"]["keras_predict"]) == {"1", "32", "1024"}
    assert answer["keras"]["backend"] in ("jax", "tensorflow", "torch")


@pytest.mark.parametrize("everywhere", [True, False])
def test_letters_are_tested_in_typefaces_that_were_not_learned_from(monkeypatch, everywhere):
    """With the fonts of this machine, and with Matplotlib's alone."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    letters = importlib.import_module("made.letters")
    from PIL import ImageFont

    if not everywhere:
        monkeypatch.setattr(letters, "PLACES", letters.PLACES[-1:])
    faces = letters.faces_by_part.__wrapped__()
    families = {part: {ImageFont.truetype(face).getname()[0] for face in of_part} for part, of_part in faces.items()}
    assert set(families) == {"train", "val", "test"} and all(families.values())
    assert not families["train"] & (families["val"] | families["test"])
    assert not families["val"] & families["test"]
