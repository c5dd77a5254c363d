"""`inksight predict --batch`: pictures a second by workers, and peak memory by number of pictures. Linux only.

    python benchmarks/batch.py [--pictures 10000,200000] [--workers 1,2] [--repeats 3] [--form folder|parquet]

MNIST's training digits, again and again, as PNG files (a thousand a folder) or in a Parquet file with a row group for
each 10,000, in a temporary place. Each run is a command of its own with a Ray of its own. `answering` is what its
workers make, their start of a second or two included.
Memory is the highest sum of the PSS (a page that processes share counts once) of the command and all that it started,
looked at four times a second; `files` of it are pages of programs and libraries, which other programs may share.
Prints one JSON line for each number of pictures and workers.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import pyarrow as pa
import pyarrow.parquet
from sitting import report, spread

import inksight

GROUP = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", default="10000,200000")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--form", choices=("folder", "parquet"), default="folder")
    wishes = parser.parse_args()
    for pictures in map(int, wishes.pictures.split(",")):
        with tempfile.TemporaryDirectory() as place:
            source = make(Path(place), pictures, wishes.form)
            for workers in map(int, wishes.workers.split(",")):
                runs = [run(source, Path(place) / f"{workers}-{n}.parquet", workers) for n in range(wishes.repeats)]
                report(
                    "batch",
                    form=wishes.form,
                    pictures=pictures,
                    workers=workers,
                    answering_per_s=spread([each["images_per_s"] for each in runs], 0),
                    seconds={
                        stage: spread([each["seconds"][stage] for each in runs], 2) for stage in runs[0]["seconds"]
                    },
                    peak_mib=spread([each["peak_mib"] for each in runs], 0),
                    at_peak_mib={
                        kind: round(sum(each["at_peak"].get(kind, 0) for each in runs) / len(runs))
                        for kind in sorted({kind for each in runs for kind in each["at_peak"]})
                    },
                    load=round(os.getloadavg()[0], 1),
                )


def make(place: Path, pictures: int, form: str) -> Path:
    """The source."""
    images = inksight.load("mnist").train.images
    if form == "folder":
        for number in range(pictures):
            folder = place / "pictures" / f"{number // 1000:04}"
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f"{number:07}.png"), images[number % len(images)])
        return place / "pictures"
    path = place / "pictures.parquet"
    schema = pa.schema([("image", pa.binary())])
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, pictures, GROUP):
            numbers = range(start, min(start + GROUP, pictures))
            files = [cv2.imencode(".png", images[number % len(images)])[1].tobytes() for number in numbers]
            writer.write_table(pa.table({"image": files}, schema=schema))
    return path


def run(source: Path, out: Path, workers: int) -> dict[str, Any]:
    """What the command says of itself, and the memory of all its processes when they had most."""
    program = [sys.executable, "-m", "inksight", "predict", "--batch", str(source), "--out", str(out)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(
        [*program, "--workers", str(workers), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as process:
        most: dict[str, float] = {}
        while process.poll() is None:
            held = memory_mib(process.pid)
            most = max(most, held, key=lambda each: sum(each.values()))
            time.sleep(0.25)
        answer = json.loads(process.stdout.read())
    assert answer["pictures"] == pyarrow.parquet.read_metadata(out).num_rows
    return {**answer, "peak_mib": sum(most.values()), "at_peak": most}


def memory_mib(root: int) -> dict[str, float]:
    """The PSS of a process and all below it, by what they are; that of mapped files is counted for itself."""
    children = defaultdict(list)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                status = Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            children[int(status.rpartition(")")[2].split()[1])].append(int(entry))
    held: dict[str, float] = defaultdict(float)
    pending = [root]
    while pending:
        process = pending.pop()
        pending += children[process]
        try:
            command = Path("/proc", str(process), "cmdline").read_bytes().decode(errors="replace")
            lines = Path("/proc", str(process), "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        pss = {line.split()[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss")}
        kind = "command" if process == root else "workers" if command.startswith("ray::") else "ray"
        held[kind] += pss["Pss_Anon:"] + pss["Pss_Shmem:"]
        held["files"] += pss["Pss_File:"]
    return held


if __name__ == "__main__":
    main()
