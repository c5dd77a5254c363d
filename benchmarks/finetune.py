"""What finetuning learns and forgets: a quick run of MNIST, corrected a few times in a style that it has never seen.

    python benchmarks/finetune.py [--counts 1,5,20,100] [--draws 3] [--others 2000]

The style is hollow digits: only the outline of each stroke. Corrections are drawn from the training pictures that the
run answers wrong in this style; what it makes of the style is measured on --others of its validation pictures. For
each number of corrections, over --draws: right answers on those, and on MNIST's test part.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import cv2
import numpy as np
from sitting import report, spread

import inksight
from inksight.utils.montage import save_png


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="1,5,20,100")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--others", type=int, default=2000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        run = inksight.train("mnist", "quick")
        data = inksight.load("mnist").held_out(run.config["validation"], run.config["seed"])
        assert data.validation is not None
        images, labels = styled(data.train, 5000)
        wrong = np.flatnonzero(answers(run.path, images) != labels)
        others, right = styled(data.validation, given.others)
        counts = {}
        for count in map(int, given.counts.split(",")):
            accuracies, tests = [], []
            for draw in range(given.draws):
                chosen = np.random.default_rng(draw).permutation(wrong)[:count]
                folder = Path(f"corrections-{count}-{draw}")
                for index in chosen:
                    (folder / str(labels[index])).mkdir(parents=True, exist_ok=True)
                    save_png(folder / str(labels[index]) / f"{index}.png", images[index])
                tuned = inksight.finetune(run.path, folder)
                accuracies.append(float((answers(tuned.path, others) == right).mean()))
                tests.append(tuned.metrics["test"]["accuracy"])
            counts[count] = {"style": spread(accuracies, 4), "test": spread(tests, 4)}
        before = float((answers(run.path, others) == right).mean())
        report("finetune", style_before=before, test_before=run.metrics["test"]["accuracy"], counts=counts)


def styled(split: inksight.Split, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures in the style, uint8 (count, 28, 28), and their labels."""
    return np.stack([hollow(image) for image in split.images[:count]]), split.labels[:count]


def hollow(image: np.ndarray) -> np.ndarray:
    """Only the outline of each stroke, uint8 (28, 28)."""
    big = cv2.resize(image, (112, 112), interpolation=cv2.INTER_CUBIC)
    wide, narrow = cv2.dilate(big, np.ones((9, 9), np.uint8)), cv2.erode(big, np.ones((3, 3), np.uint8))
    return cv2.resize(cv2.subtract(wide, narrow), (28, 28), interpolation=cv2.INTER_AREA)


def answers(run: Path, images: np.ndarray) -> np.ndarray:
    """The labels that a run gives."""
    return inksight.Predictor.load(run).probabilities(images).argmax(1)


if __name__ == "__main__":
    main()
