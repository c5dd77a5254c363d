"""How true an attribution is, and how long explaining takes.

    python benchmarks/explain.py [RUN=shipped] [--pictures 500] [--repeats 3]

Pictures are the last ones of MNIST's training part, the class asked about is the model's answer. Areas are those of
explanation/deletion.py: the mean confidence as ink goes, the lower the truer. Prints one JSON line.
"""

import argparse
import time

import numpy as np
from sitting import report, spread

import inksight
from inksight.explanation.attribution import attribution, ground_of
from inksight.explanation.deletion import deletion
from inksight.explanation.flip import flips
from inksight.explanation.occlusion import occlusion
from inksight.export.lowering import plan_of


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", nargs="?", default="shipped")
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    predictor = inksight.Predictor.load(options.run)
    plan = plan_of(predictor.content)
    images = inksight.load("mnist").train.images[-options.pictures :, ..., None]
    labels = predictor.probabilities(images).argmax(axis=1)
    seconds = []
    for _ in range(options.repeats):
        start = time.perf_counter()
        heat = attribution(plan, images, labels)
        seconds.append((time.perf_counter() - start) * 100 / len(images))
    covered = np.stack(
        [occlusion(predictor.probabilities, image, label, 0) for image, label in zip(images, labels, strict=True)]
    )
    areas = deletion(predictor.probabilities, images, labels, heat, ground_of(images)).areas
    other = deletion(predictor.probabilities, images, labels, covered, ground_of(images)).areas
    found = []
    for image, label in zip(images[:50], labels[:50], strict=True):
        start = time.perf_counter()
        nearest = flips(plan, predictor.probabilities, image, int(label))
        found.append((nearest[0].rms, len(nearest), time.perf_counter() - start))
    report(
        "explain",
        run=options.run,
        pictures=len(images),
        attribution_s_per_100=spread(seconds, 4),
        areas={**areas, "by_occlusion": other["by_importance"]},
        flip_rms=spread([each[0] for each in found], 2),
        flip_classes=spread([each[1] for each in found], 2),
        flip_s=spread([each[2] for each in found], 4),
    )


if __name__ == "__main__":
    main()
