"""Starting: `import inksight` in a new process, `inksight --help`, and a Tab in the shell.

python benchmarks/start.py [--repeats 20]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from sitting import report, spread

IMPORT = "import time; start = time.perf_counter(); import inksight; print(time.perf_counter() - start)"
TAB = {"_INKSIGHT_COMPLETE": "complete_bash", "COMP_WORDS": "inksight\ntrain\n--preset\n", "COMP_CWORD": "3"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20)
    wishes = parser.parse_args()
    program = [str(Path(sys.executable).parent / "inksight")]
    python, importing, helping, completing = [], [], [], []
    for _ in range(wishes.repeats):  # in turns, so that other work on the machine meets all alike
        python.append(seconds([sys.executable, "-c", "pass"])[0])
        importing.append(float(seconds([sys.executable, "-c", IMPORT])[1]))
        helping.append(seconds([*program, "--help"])[0])
        completing.append(seconds(program, TAB)[0])
    report(
        "start",
        python_s=spread(python, 3),
        import_s=spread(importing, 3),
        help_s=spread(helping, 3),
        tab_s=spread(completing, 3),
    )


def seconds(command: list[str], variables: dict[str, str] | None = None) -> tuple[float, str]:
    """How long a new process takes from start to end, and what it prints."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    done = subprocess.run(command, env=environment | (variables or {}), check=True, stdout=subprocess.PIPE, text=True)
    return time.perf_counter() - start, done.stdout


if __name__ == "__main__":
    main()
