"""What the peers' scripts share: their arguments, and the one JSON line that each prints."""

from __future__ import annotations

import argparse
import json
import time


def wishes(description: str) -> argparse.Namespace:
    """FOLDER [STEPS] [--seed SEED] of the command line."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="folder with the four .gz files of MNIST")
    parser.add_argument("steps", type=int, nargs="?", help="so many optimizer steps, not the whole recipe: for a try")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def tell(
    peer: str, framework: str, length: dict[str, int], accuracy: float, start: float, imported: float, fitted: float
) -> None:
    """Prints the JSON line. `length`: epochs or steps; the last three: readings of time.perf_counter()."""
    seconds = {"import": imported - start, "fit": fitted - imported, "total": time.perf_counter() - start}
    answer = {
        "peer": peer,
        "framework": framework,
        **length,
        "accuracy": round(float(accuracy), 4),
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
    }
    print(json.dumps(answer))
