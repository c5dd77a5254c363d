"""The benchmark scripts run, on a tiny setting, and print what they promise. Their figures are not looked at."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
TINY = {
    "train.py": (["--seeds", "1", "--epochs", "1"], {"preset", "accuracy", "seconds", "stages"}),
    "predict.py": (["--repeats", "1"], {"cold_process_s", "ten_thousand_images_s", "one_warm_picture_ms"}),
    "folder_load.py": (["--pictures", "500"], {"pictures", "seconds", "peak_rss_mb", "arrays_mb"}),
}


@pytest.mark.parametrize("script", TINY)
def test_a_benchmark_prints_one_json_line(script):
    arguments, wanted = TINY[script]
    command = [sys.executable, str(BENCHMARKS / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert wanted | {"benchmark", "processor", "cores", "commit", "date"} <= set(json.loads(line))


def test_every_benchmark_is_tried():
    scripts = {path.name for path in BENCHMARKS.glob("*.py")} - {"sitting.py", "article.py"}
    assert scripts == set(TINY)


def test_the_baseline_is_the_articles_script(tmp_path):
    """One epoch of it on a hundredth of the data, on the backend that is here."""
    import gzip
    import os

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
