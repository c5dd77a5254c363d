"""The presets on pictures that are no MNIST: scikit-learn's digits, printed letters of unseen typefaces, colour icons.

    python benchmarks/kinds.py [--kinds digits,letters,icons] [--presets quick,tutorial,standard] [--seeds 3]
        [--choose] [--share 1] [--keep FOLDER] [-- --class-weight balanced …]

The folders are made by `made/`, a file a kind; `made/letters.py` names the fonts to install. After `--` come flags of
`inksight train` for every training. With --choose a validation part is tested on and the test part stays unseen: what
changes the product is decided so. FOLDER keeps pictures and runs; `--share 0.1` makes a tenth of the pictures. A table
on stderr, one JSON line on stdout.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from made import KINDS
from made.letters import faces_by_part
from made.picture import write_folder
from sitting import report, spread
from train import timed

import inksight

RAREST = 0.25  # of the classes
DIGITS = {"seconds": 1, "parameters": 0}
HEAD = (
    "| kind | classes | train + test | preset | right, % | macro recall, % | rarest quarter, % | seconds | parameters |"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--presets", default="quick,tutorial,standard")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("flags", nargs="*")
    wishes = parser.parse_args()
    tested = "val" if wishes.choose else "test"
    kinds: dict[str, Any] = {}
    print(HEAD, file=sys.stderr)
    with tempfile.TemporaryDirectory() as temporary:
        folder = wishes.keep.resolve() if wishes.keep else Path(temporary)
        for kind in wishes.kinds.split(","):
            if not (folder / kind).exists():
                write_folder(folder / kind, KINDS[kind](wishes.share), tested)
            pictures = {part: len(list((folder / kind / part).rglob("*.png"))) for part in ("train", "test")}
            classes = len(list((folder / kind / "train").iterdir()))
            presets = {}
            for preset in wishes.presets.split(","):
                runs = [trained(folder, kind, preset, seed, wishes.flags) for seed in range(wishes.seeds)]
                presets[preset] = {name: spread([run[name] for run in runs], DIGITS.get(name, 4)) for name in runs[0]}
                print(row(kind, classes, pictures, preset, presets[preset]), file=sys.stderr, flush=True)
            kinds[kind] = {"classes": classes, "pictures": pictures, "presets": presets}
    faces = {part: len(of_part) for part, of_part in faces_by_part().items()}
    report("kinds", kinds=kinds, tested=tested, flags=wishes.flags, faces=faces)


def trained(folder: Path, kind: str, preset: str, seed: int, flags: list[str]) -> dict[str, float]:
    """What one training reached, and what it cost as a whole process."""
    wanted = [kind, "--preset", preset, "--seed", str(seed), *flags]
    command = [sys.executable, "-m", "inksight", "train", "--json", *wanted]
    seconds, answer = timed(command, str(folder))
    per_class = inksight.load_run(folder / answer["run"]).metrics["test"]["per_class"]
    by_frequency = sorted(per_class.values(), key=lambda scores: scores["images"])
    recalls = [scores["recall"] for scores in by_frequency]
    rarest = recalls[: max(1, round(RAREST * len(recalls)))]
    return {
        "accuracy": answer["test"]["accuracy"],
        "macro_recall": statistics.mean(recalls),
        "rarest_recall": statistics.mean(rarest),
        "seconds": seconds,
        "parameters": answer["parameters"],
    }


def row(kind: str, classes: int, pictures: dict[str, int], preset: str, figures: dict[str, Any]) -> str:
    """A row of the table, mean ± sd."""
    rates = [
        f"{100 * figures[name]['mean']:.1f} ± {100 * figures[name]['sd']:.1f}"
        for name in ("accuracy", "macro_recall", "rarest_recall")
    ]
    sizes = f"{pictures['train']:,} + {pictures['test']:,}"
    seconds = f"{figures['seconds']['mean']:.1f} ± {figures['seconds']['sd']:.1f}"
    parameters = f"{figures['parameters']['mean']:,.0f}"
    return f"| {' | '.join([kind, str(classes), sizes, preset, *rates, seconds, parameters])} |"


if __name__ == "__main__":
    main()
