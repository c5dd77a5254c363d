"""How long a folder of 100,000 small PNGs takes to load, and how much memory. Prints one JSON line. Linux only.

    python benchmarks/folder_load.py [--pictures 100000]

The folder is made in a temporary place (MNIST's training digits, again and again, in ten class folders) and loaded in
a process of its own. `peak_over_arrays` is what the load added to the process at its highest, over the arrays' size.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
from sitting import report

from inksight.data import load

LOADER = """
import json, re, sys, time
import inksight.data.sources
from inksight.data import load

def peak_bytes():  # not ru_maxrss, which a process inherits from the one that started it
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read()).group(1))

before, start = peak_bytes(), time.perf_counter()
data = load(sys.argv[1])
seconds = time.perf_counter() - start
arrays = sum(part.images.nbytes + part.labels.nbytes for part in (data.train, data.test))
print(json.dumps({
    "pictures": len(data.train) + len(data.test), "seconds": round(seconds, 2),
    "peak_rss_mb": round(peak_bytes() / 1e6), "before_mb": round(before / 1e6), "arrays_mb": round(arrays / 1e6),
    "peak_over_arrays": round((peak_bytes() - before) / arrays, 2),
}))
"""


def make_folder(root: Path, pictures: int) -> None:
    """`pictures` PNGs of 28 × 28 in ten class folders."""
    train = load("mnist").train
    for label in range(10):
        (root / str(label)).mkdir(parents=True)
    for number in range(pictures):
        index = number % len(train)
        cv2.imwrite(str(root / str(train.labels[index]) / f"{number:06}.png"), train.images[index])


def main() -> None:
    """Makes the folder, loads it in a fresh process, prints the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=100_000)
    pictures = parser.parse_args().pictures
    with tempfile.TemporaryDirectory() as place:
        make_folder(Path(place) / "digits", pictures)
        command = [sys.executable, "-c", LOADER, str(Path(place) / "digits")]
        record = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    report("folder_load", **record)


if __name__ == "__main__":
    main()
