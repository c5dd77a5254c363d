"""How a model does on pictures from elsewhere: drawings, photos, numbers, other digits, and what is no digit.

    python benchmarks/foreign.py [RUN] [--count 300] [--seed 1]

The pictures are composed of MNIST's test digits (`inksight.measure.composed`), which nothing has learned from. Beside
them stand scikit-learn's 1,797 digits, where it is installed. One JSON line.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import cv2
import numpy as np
from sitting import report

import inksight
from inksight.errors import PictureError
from inksight.ink import digit_input
from inksight.measure.calibration import evidence
from inksight.measure.composed import OUTLIERS, compose
from inksight.measure.interval import wilson_interval

ENLARGED_PX = 80


def share(right: int, count: int) -> dict[str, Any]:
    return {
        "n": count,
        "accuracy": round(right / count, 4),
        "interval95": np.round(wilson_interval(right, count), 4).tolist(),
    }


def answered(
    predictor: inksight.Predictor, pictures: list[np.ndarray], texts: list[str], numbers: bool
) -> dict[str, Any]:
    """Right answers, a picture that cannot be read being a wrong one, and the median time of one."""
    right, seconds = 0, []
    for picture, text in zip(pictures, texts, strict=True):
        start = time.perf_counter()
        try:
            said = predictor.read(picture).text if numbers else predictor.predict(picture).label
        except PictureError:
            said = None
        seconds.append(time.perf_counter() - start)
        right += said == text
    return {**share(right, len(texts)), "median_ms": round(1000 * float(np.median(seconds)), 1)}


def auroc(inside: np.ndarray, outside: np.ndarray) -> float:
    """The chance that a digit has more evidence than what is none."""
    order = np.sort(outside)
    below = (np.searchsorted(order, inside, "left") + np.searchsorted(order, inside, "right")) / 2
    return float(below.mean() / len(outside))


def outliers(
    predictor: inksight.Predictor, digits: np.ndarray, labels: np.ndarray, count: int, seed: int
) -> dict[str, Any]:
    """Of what is no digit: how much is refused or rejected, and the AUROC of the evidence of what is not refused."""
    limit = predictor.card.rejected_below
    inside = evidence(predictor.probabilities(digits))
    found: dict[str, Any] = {"digits_not_rejected": round(float((inside >= limit).mean()), 4)}
    everything = []
    for kind in OUTLIERS:
        inputs = []
        for picture in compose(kind, digits, labels, count, seed)[0]:
            try:
                inputs.append(digit_input(picture))
            except PictureError:
                continue
        scores = evidence(predictor.probabilities(np.stack(inputs))) if inputs else np.zeros(0)
        everything.append(np.concatenate([scores, np.zeros(count - len(inputs))]))
        found[kind] = {
            "n": count,
            "refused_as_blank": count - len(inputs),
            "rejected": round(float((everything[-1] < limit).mean()), 4),
            "auroc": round(auroc(inside, everything[-1]), 4),
        }
    found["auroc"] = round(auroc(inside, np.concatenate(everything)), 4)
    return found


def eight_by_eight(predictor: inksight.Predictor, count: int) -> dict[str, Any] | None:
    """The first `count` of scikit-learn's digits, 8×8, smoothly enlarged and read like any picture."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        return None
    digits = load_digits()
    inputs = []
    for picture in np.clip(digits.images[:count] * 255 / 16, 0, 255).astype(np.uint8):
        inputs.append(digit_input(cv2.resize(picture, (ENLARGED_PX, ENLARGED_PX), interpolation=cv2.INTER_CUBIC)))
    right = int((predictor.probabilities(np.stack(inputs)).argmax(1) == digits.target[:count]).sum())
    return share(right, len(inputs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", default="shipped")
    parser.add_argument("--count", type=int, default=300, help="pictures of each kind")
    parser.add_argument("--seed", type=int, default=1)
    wishes = parser.parse_args()
    predictor = inksight.Predictor.load(wishes.run)
    test = inksight.load("mnist").test
    figures: dict[str, Any] = {"run": wishes.run, "seed": wishes.seed}
    for kind in ("canvas", "photo", "number", "touching"):
        made = compose(kind, test.images, test.labels, wishes.count, wishes.seed)
        figures[kind] = answered(predictor, *made, numbers=kind in ("number", "touching"))
    kept = sum(
        predictor.predict(255 - image).label == predictor.card.classes[label]
        for image, label in zip(
            test.images[: wishes.count], predictor.probabilities(test.images).argmax(1), strict=False
        )
    )
    figures["mnist_inverted_keeps_its_answer"] = share(kept, min(wishes.count, len(test)))
    figures["sklearn_digits"] = eight_by_eight(predictor, 6 * wishes.count)
    figures["no_digit"] = outliers(predictor, test.images, test.labels, wishes.count, wishes.seed)
    report("foreign", **figures)


if __name__ == "__main__":
    main()
