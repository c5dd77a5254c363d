"""`inksight train`, from process start to the saved run, against the tutorial's script in the same sitting.

    python benchmarks/train.py [--preset quick] [--seeds 5] [--article PYTHON [--article-runs 1]] [--keep FOLDER]
        [--target 0.985] [--backend jax]

FOLDER keeps the run folders. PYTHON is an interpreter with TensorFlow; the tutorial's 10 epochs run between ours. Each
side runs once before, short and untimed, so that both find their bytecode written and their files warm. One JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sitting import ROOT, report, spread

import inksight.data


def timed(command: list[str], folder: str) -> tuple[float, dict[str, Any]]:
    """Wall seconds of a whole process, and the JSON object it printed, with the `peak_rss_mb` of the process."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as printed:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=printed, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        printed.seek(0)
        return seconds, json.loads(printed.read()) | {"peak_rss_mb": usage.ru_maxrss / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--article", help="interpreter with TensorFlow")
    parser.add_argument("--article-runs", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="where to keep the run folders")
    parser.add_argument("--backend", default="jax", help="one that this environment has")
    parser.add_argument("--target", type=float, help="stop at this accuracy on the validation part")
    parser.add_argument("--epochs", type=int, help="so many epochs and no warm-up, to try the script")
    wishes = parser.parse_args()
    mnist = str(Path(inksight.data.__file__).parent / "mnist")
    few = [str(wishes.epochs)] if wishes.epochs else []
    article = [os.path.abspath(wishes.article or ""), str(ROOT / "benchmarks" / "article.py"), mnist, *few]
    inksight_train = [sys.executable, "-m", "inksight", "train", "--json", "--preset", wishes.preset]
    inksight_train += ["--backend", wishes.backend]
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        if not few:
            timed([*inksight_train, "--time", "10s"], folder)
            if wishes.article:
                timed([*article[:3], "1"], folder)
        for seed in range(wishes.seeds):
            if wishes.article and seed < wishes.article_runs:
                theirs.append(timed(article, folder))
            options = ["--epochs", *few] if few else []
            options += ["--target", str(wishes.target)] if wishes.target else []
            options += ["--out", str(wishes.keep.resolve() / f"{wishes.preset}-{seed}")] if wishes.keep else []
            ours.append(timed([*inksight_train, "--seed", str(seed), *options], folder))
            print(f"seed {seed}: {ours[-1]}", file=sys.stderr, flush=True)
    figures: dict[str, Any] = {
        "preset": wishes.preset,
        **{name: ours[0][1][name] for name in ("backend", "device", "precision")},
        "accuracy": spread([answer["test"]["accuracy"] for _, answer in ours], 5),
        "seconds": spread([seconds for seconds, _ in ours], 2),
        "peak_rss_mb": max(round(answer["peak_rss_mb"]) for _, answer in ours),
        "stages": {
            name: spread([a["seconds"].get(name, 0) for _, a in ours], 2)["median"] for name in ours[0][1]["seconds"]
        },
    }
    if theirs:
        figures["article"] = {
            "accuracy": spread([answer["accuracy"] for _, answer in theirs], 5),
            "seconds": spread([seconds for seconds, _ in theirs], 2),
        }
        figures["times_faster"] = round(figures["article"]["seconds"]["median"] / figures["seconds"]["median"], 1)
    report("train", **figures)


if __name__ == "__main__":
    main()
