"""Answering: `inksight predict one.png` as a cold process, and 10,000 pictures through an open Predictor.

python benchmarks/predict.py [--model shipped] [--repeats 10]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sitting import report, spread

import inksight
from inksight.utils.montage import save_png


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="shipped")
    parser.add_argument("--repeats", type=int, default=10)
    wishes = parser.parse_args()
    images = inksight.load("mnist").test.images
    reader = inksight.Predictor.load(wishes.model)
    cold, warm, one = [], [], []
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        picture = save_png(Path(folder) / "one.png", images[4444].repeat(5, 0).repeat(5, 1))
        for _ in range(wishes.repeats):
            start = time.perf_counter()
            command = [sys.executable, "-m", "inksight", "predict", str(picture), "--model", wishes.model]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
            cold.append(time.perf_counter() - start)
            start = time.perf_counter()
            reader.probabilities(images)
            warm.append(time.perf_counter() - start)
            start = time.perf_counter()
            reader.predict(picture)
            one.append(1000 * (time.perf_counter() - start))
    report(
        "predict",
        model=wishes.model,
        cold_process_s=spread(cold, 3),
        ten_thousand_images_s=spread(warm, 3),
        one_warm_picture_ms=spread(one, 2),
    )


if __name__ == "__main__":
    main()
