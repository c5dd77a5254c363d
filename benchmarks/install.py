"""Installing: packages, megabytes and seconds of the environments that the README's two commands make in a fresh clone.

python benchmarks/install.py [--repeats 3] [--warm]

Without --warm, uv's cache is empty as well, as on a new machine, and the seconds are those of the downloads.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sitting import ROOT, report, spread

GROUPS: dict[str, list[str]] = {"train": [], "test": ["--group", "test"]}  # what `uv run` is given by each command


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--warm", action="store_true", help="take what is in uv's cache")
    wishes = parser.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in GROUPS}
    sizes: dict[str, dict[str, float]] = {}
    for _ in range(wishes.repeats):
        for name, groups in GROUPS.items():
            with tempfile.TemporaryDirectory() as folder:
                clone, cache = Path(folder) / "clone", Path(folder) / "cache"
                subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
                inherited = {
                    key: value
                    for key, value in os.environ.items()
                    if key not in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")
                }
                environment = {**inherited, "UV_PYTHON": sys.executable} | (
                    {} if wishes.warm else {"UV_CACHE_DIR": str(cache)}
                )
                start = time.perf_counter()
                subprocess.run(["uv", "sync", "--quiet", *groups], cwd=clone, env=environment, check=True)
                seconds[name].append(time.perf_counter() - start)
                sizes[name] = size(clone / ".venv")
    report(
        "install",
        cache="warm" if wishes.warm else "empty",
        environments={name: {**sizes[name], "seconds": spread(seconds[name], 1)} for name in GROUPS},
    )


def size(environment: Path) -> dict[str, float]:
    """Packages, Inksight among them, and megabytes (10⁶ bytes of files)."""
    files = [path for path in environment.rglob("*") if path.is_file() and not path.is_symlink()]
    return {
        "packages": sum(path.name == "METADATA" for path in files),
        "megabytes": round(sum(path.stat().st_size for path in files) / 1e6),
    }


if __name__ == "__main__":
    main()
