"""How well wrong labels are found: some planted among MNIST's training pictures, then the ten of its test part.

    python benchmarks/doubt.py [--presets quick,standard] [--rates 0.01,0.02,0.03] [--seeds 3] [--pictures 60000]
        [--time-limit SECONDS]

Half of the planted labels are drawn from the other classes, half are the class that the shipped model finds likeliest
among them: errors that people make. Precision and recall are of those that `data doubt` calls errors. The ten are the
test labels that most of cleanlab's raters found wrong; nothing was chosen by them.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
from sitting import report, spread

import inksight
from inksight.data.dataset import Split, take

RELABELLED = (947, 1621, 1901, 2462, 2597, 3558, 5937, 6651, 6783, 9729)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", default="quick,standard")
    parser.add_argument("--rates", default="0.01,0.02,0.03")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=60_000)
    parser.add_argument("--time-limit", type=float, help="of each search; by default it takes the time it needs")
    given = parser.parse_args()
    mnist = inksight.load("mnist")
    data = replace(mnist, train=take(mnist.train, np.arange(min(given.pictures, len(mnist.train)))))
    answers: dict[str, Any] = {}
    for preset in given.presets.split(","):
        planted = {
            rate: together([found(data, preset, float(rate), seed, given.time_limit) for seed in range(given.seeds)])
            for rate in given.rates.split(",")
        }
        answers[preset] = {
            "planted": planted,
            "ten": together([ten(data, preset, seed, given.time_limit) for seed in range(given.seeds)]),
        }
    report("doubt", pictures=len(data.train), presets=answers)


def found(data: inksight.Dataset, preset: str, rate: float, seed: int, limit_s: float | None) -> dict[str, float]:
    """What is found of labels planted in the training part."""
    split, wrong = with_errors(data.train, rate, seed)
    doubts = inksight.find_doubts(replace(data, train=split), "train", preset, time_limit_s=limit_s, seed=seed)
    hits = wrong[doubts.order]
    likely = doubts.estimated_errors
    return {
        "precision": hits[:likely].mean(),
        "recall": hits[:likely].sum() / wrong.sum(),
        "average_precision": (np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean(),
        "estimated_over_planted": likely / wrong.sum(),
        "seconds": doubts.seconds,
    }


def with_errors(split: Split, rate: float, seed: int) -> tuple[Split, np.ndarray]:
    """The pictures with some labels swapped, and which: bool (n,)."""
    generator = np.random.default_rng(seed)
    bad = generator.permutation(len(split))[: max(2, round(rate * len(split)))]
    labels = split.labels.copy()
    likely = inksight.Predictor.shipped().probabilities(split.images[bad])
    likely[np.arange(len(bad)), labels[bad]] = -1
    drawn = (labels[bad] + generator.integers(1, 10, len(bad))) % 10
    labels[bad] = np.where(np.arange(len(bad)) % 2, likely.argmax(axis=1), drawn)
    return Split(split.images, labels), labels != split.labels


def ten(data: inksight.Dataset, preset: str, seed: int, limit_s: float | None) -> dict[str, float]:
    """How many of the ten are among the first 10, 20, 50 and 100, and the last one's rank."""
    doubts = inksight.find_doubts(data, "test", preset, time_limit_s=limit_s, seed=seed)
    ranks = np.flatnonzero(np.isin(doubts.order, RELABELLED)) + 1
    among = {f"among_{first}": int((ranks <= first).sum()) for first in (10, 20, 50, 100)}
    return {**among, "last_rank": int(ranks[-1]), "estimated": doubts.estimated_errors, "seconds": doubts.seconds}


def together(rows: list[dict[str, float]]) -> dict[str, Any]:
    """The spread of each figure."""
    figures = defaultdict(list)
    for row in rows:
        for name, value in row.items():
            figures[name].append(float(value))
    return {name: spread(values, 4) for name, values in figures.items()}


if __name__ == "__main__":
    main()
