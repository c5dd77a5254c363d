"""Where and when a benchmark was run, and how figures are put together: shared by the scripts of this folder."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inksight.models.engine import processor
from inksight.training.device import nvidia_cards

ROOT = Path(__file__).resolve().parent.parent


def report(benchmark: str, **figures: Any) -> None:
    """Prints the one JSON line."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    place = {
        "processor": processor(),
        "cores": os.cpu_count(),
        "gpus": nvidia_cards()[0],
        "commit": commit.stdout.strip(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    print(json.dumps({"benchmark": benchmark, **figures, **place}), flush=True)


def spread(values: Sequence[float], digits: int) -> dict[str, float | int]:
    """n, mean, standard deviation and median."""
    return {
        "n": len(values),
        "mean": round(statistics.mean(values), digits),
        "sd": round(statistics.stdev(values), digits) if len(values) > 1 else 0.0,
        "median": round(statistics.median(values), digits),
    }
