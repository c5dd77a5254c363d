"""Well-known MNIST trainings, the tutorial's script and `inksight train`: one after the other, in one sitting.

    python benchmarks/peers/side_by_side.py [--preset quick standard] [--runs 1]
        [--tensorflow PYTHON] [--torch PYTHON] [--tinygrad PYTHON]

PYTHON is an interpreter that has the framework; a training whose framework has none is left out. The tutorial
(benchmarks/article.py) runs on TensorFlow's. Seconds are those of the whole command, from its start to its end. Each
training first runs once, short and untimed, so that all find their bytecode and compiled code written and their files
warm; then they take turns, `--runs` times, with seeds 1, 2, … (the tutorial sets none). One JSON line on stdout, the
same as a Markdown table on stderr. The peers' deviations from what was published stand in their own first lines.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # what all benchmarks share lies one folder up

from sitting import ROOT, report, spread
from train import timed

import inksight.data

PEERS = {  # script: the framework it needs
    "keras_convnet": "tensorflow",
    "pytorch_examples": "torch",
    "tinygrad_beautiful": "tinygrad",
    "tuomaso_fast": "torch",
}


@dataclass(frozen=True)
class Training:
    """A command to measure, and what makes it short."""

    name: str
    command: list[str]
    short: list[str]
    takes_seed: bool = True

    def run(self, seed: int, short: bool, folder: str) -> tuple[float, dict[str, Any]]:
        """Wall seconds of the whole process in `folder`, and its answer."""
        seeded = ["--seed", str(seed)] if self.takes_seed else []
        return timed([*self.command, *(self.short if short else []), *seeded], folder)


@dataclass
class Measured:
    """What the runs of one training gave."""

    framework: str = ""
    accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, seconds: float, answer: Mapping[str, Any]) -> None:
        """Takes in one run: ours tells its accuracy under `test`, the tutorial its backend only."""
        self.framework = answer.get("framework") or f"keras on {answer['backend']}"
        self.accuracy.append(answer["test"]["accuracy"] if "test" in answer else answer["accuracy"])
        self.seconds.append(seconds)


def trainings(wishes: argparse.Namespace) -> list[Training]:
    """Ours, the tutorial and every peer, as far as there is an interpreter for them."""
    folder = os.path.abspath(wishes.data or Path(inksight.data.__file__).parent / "mnist")
    ours = [sys.executable, "-m", "inksight", "train", folder if wishes.data else "mnist", "--json", "--preset"]
    found = [Training(f"inksight {preset}", [*ours, preset], ["--epochs", "1"]) for preset in wishes.preset]
    if wishes.tensorflow:
        article = [os.path.abspath(wishes.tensorflow), str(ROOT / "benchmarks" / "article.py"), folder]
        found.append(Training("article", article, ["1"], takes_seed=False))
    for peer, framework in PEERS.items():
        if python := getattr(wishes, framework):
            script = str(Path(__file__).resolve().parent / f"{peer}.py")
            found.append(Training(peer, [os.path.abspath(python), script, folder], ["3"]))
    return found


def compare(measured: Mapping[str, Measured]) -> list[dict[str, Any]]:
    """A row each: accuracy and seconds as n, mean, sd and median; its mean seconds as multiples of each of ours."""
    seconds = {name: spread(found.seconds, 2) for name, found in measured.items()}
    ours = [name for name in measured if name.startswith("inksight ")]
    return [
        {
            "training": name,
            "framework": found.framework,
            "accuracy": spread(found.accuracy, 5),
            "seconds": seconds[name],
            "times_ours": {one: round(seconds[name]["mean"] / seconds[one]["mean"], 2) for one in ours},
        }
        for name, found in measured.items()
    ]


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as Markdown: accuracy in percent, seconds, and a column of multiples for each of ours."""
    ours = list(rows[0]["times_ours"])
    head = ["training", "framework", "n", "accuracy, %", "seconds", *(f"× {name}" for name in ours)]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        figures = [mean_and_sd(row["accuracy"], 100, 2), mean_and_sd(row["seconds"], 1, 1)]
        times = [f"{row['times_ours'][name]:.2f}" for name in ours]
        lines.append([row["training"], row["framework"], str(row["seconds"]["n"]), *figures, *times])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def mean_and_sd(figure: Mapping[str, float], factor: int, digits: int) -> str:
    """`mean ± sd`; of a single run, which has no deviation, its figure alone."""
    sd = f" ± {factor * figure['sd']:.{digits}f}" if figure["n"] > 1 else ""
    return f"{factor * figure['mean']:.{digits}f}{sd}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", nargs="+", default=["quick"], help="ours, one or more")
    parser.add_argument("--runs", type=int, default=1)
    for framework in sorted(set(PEERS.values())):
        parser.add_argument(f"--{framework}", metavar="PYTHON", help=f"interpreter that has {framework}")
    parser.add_argument("--data", help="folder with the four MNIST files, in place of the package's own")
    parser.add_argument("--short", action="store_true", help="the short runs are the measured ones: to try the script")
    wishes = parser.parse_args()
    entered = trainings(wishes)
    measured = {training.name: Measured() for training in entered}
    with tempfile.TemporaryDirectory() as folder:
        for training in [] if wishes.short else entered:
            training.run(1, True, folder)
        for seed in range(1, wishes.runs + 1):
            for training in entered:
                seconds, answer = training.run(seed, wishes.short, folder)
                measured[training.name].add(seconds, answer)
                print(f"{training.name}, run {seed} of {wishes.runs}: {seconds:.1f} s", file=sys.stderr, flush=True)
    rows = compare(measured)
    print(table(rows), file=sys.stderr)
    report("side_by_side", short=wishes.short, trainings=rows)


if __name__ == "__main__":
    main()
