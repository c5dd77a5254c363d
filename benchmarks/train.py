"""`inksight train`, from process start to the saved run, against the tutorial's script in the same sitting.

    python benchmarks/train.py [--preset quick] [--seeds 5] [--article PYTHON [--article-runs 1]]

PYTHON is an interpreter with TensorFlow; the tutorial's 10 epochs run between ours. Each side runs once before, short
and untimed, so that both find their bytecode written and their files warm. One JSON line.
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
    """Wall seconds of a whole process, and the JSON object it printed."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    return time.perf_counter() - start, json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--article", help="interpreter with TensorFlow")
    parser.add_argument("--article-runs", type=int, default=1)
    parser.add_argument("--epochs", type=int, help="so many epochs and no warm-up, to try the script")
    wishes = parser.parse_args()
    mnist = str(Path(inksight.data.__file__).parent / "mnist")
    few = [str(wishes.epochs)] if wishes.epochs else []
    article = [os.path.abspath(wishes.article or ""), str(ROOT / "benchmarks" / "article.py"), mnist, *few]
    inksight_train = [sys.executable, "-m", "inksight", "train", "--json", "--preset", wishes.preset]
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        if not few:
            timed([*inksight_train, "--time", "10s"], folder)
            if wishes.article:
                timed([*article[:3], "1"], folder)
        for seed in range(wishes.seeds):
            if wishes.article and seed < wishes.article_runs:
                theirs.append(timed(article, folder))
            few_epochs = ["--epochs", *few] if few else []
            ours.append(timed([*inksight_train, "--seed", str(seed), *few_epochs], folder))
    figures: dict[str, Any] = {
        "preset": wishes.preset,
        "accuracy": spread([answer["test"]["accuracy"] for _, answer in ours], 5),
        "seconds": spread([seconds for seconds, _ in ours], 2),
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
