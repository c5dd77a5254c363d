"""Training in several processes: images/s by workers and pictures a step.

    python benchmarks/workers.py [--workers 0,1,2] [--recipes quick:128,quick:1024,standard:512] [--runs 3]

Each figure is the slope of pictures over seconds in the later three quarters of a training of two epochs: start and
compile are not in it. 0 workers is `inksight train` alone.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from typing import Any

from sitting import report, spread

import inksight


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", default="0,1,2")
    parser.add_argument("--recipes", default="quick:128,quick:1024,standard:512")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    found: dict[str, Any] = {}
    for recipe in given.recipes.split(","):
        preset, batch = recipe.split(":")
        for workers in map(int, given.workers.split(",")):
            speeds = [images_per_s(preset, int(batch), workers, seed) for seed in range(given.runs)]
            found[f"{recipe} by {workers}"] = spread(speeds, 0)
            print(recipe, workers, [round(speed) for speed in speeds], file=sys.stderr, flush=True)
    report("workers", images_per_s=found)


def images_per_s(preset: str, batch: int, workers: int, seed: int) -> float:
    """Of one training of MNIST."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["train", "--preset", preset, "--batch-size", str(batch), "--epochs", "2", "--seed", str(seed)]
        words += ["--workers", str(workers)] if workers else []
        program = [sys.executable, "-m", "inksight", *words, "--out", f"{folder}/run"]
        subprocess.run(program, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        rows = inksight.load_run(f"{folder}/run").history
    first, last = rows[len(rows) // 4], rows[-1]
    return float((last["step"] - first["step"]) * batch / (last["seconds"] - first["seconds"]))


if __name__ == "__main__":
    main()
