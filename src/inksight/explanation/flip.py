"""What a small change would flip an answer to: the nearest picture found that gets another one.

From the picture straight towards another class, along the gradient of what is still missing, until the network says
so; then as far back as it still does.
Source: S.-M. Moosavi-Dezfooli, A. Fawzi, P. Frossard, DeepFool, 2016, here towards each class of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inksight.explanation.gradient import backward, logits_place
from inksight.export.plan import Plan
from inksight.export.replay import walk

MOST_CLASSES = 9  # the likeliest others
MOST_STEPS = 40
OVERSHOOT = 1.05  # of each step, since the border curves away
WAYS_BACK = np.linspace(0, 1, 33)[1:]


@dataclass(frozen=True, eq=False)
class Flip:
    """A changed picture that gets another answer.

    label: the class it becomes; confidence: its probability then, 0–1. image: uint8 (height, width, channels).
    rms, largest: how far its values are from the picture's, in levels of 0–255, as root mean square over all and at
    most. pixels: how many changed.
    """

    label: int
    confidence: float
    image: np.ndarray
    rms: float
    largest: int
    pixels: int

    def __repr__(self) -> str:
        return f"Flip to class {self.label}: {self.pixels:,} pixels changed, RMS {self.rms:.1f}"


def flips(
    plan: Plan, probabilities: Callable[[np.ndarray], np.ndarray], image: np.ndarray, label: int
) -> tuple[Flip, ...]:
    """The smallest change found towards each of the likeliest other classes, the smallest of all first.

    Each was given to `probabilities` as the whole numbers that it holds. A class that is not reached is left out.

    Args:
        plan: for the gradients.
        probabilities: the model's own answers: images uint8 (n, height, width, channels) -> float32 (n, classes).
        image: uint8 (height, width, channels).
        label: its class now.
    """
    place = logits_place(plan)
    logits = walk(plan, image[None])[place][0]
    others = np.array([each for each in np.argsort(-logits) if each != label][:MOST_CLASSES])
    moved = np.repeat(image[None].astype(np.float32), len(others), axis=0)
    is_there = np.zeros(len(others), bool)
    for _ in range(MOST_STEPS):
        going = np.flatnonzero(~is_there)
        moved[going] = _step(plan, moved[going], others[going])
        is_there[going] = _whole(probabilities, moved[going]).argmax(axis=1) == others[going]
        if is_there.all():
            break
    found = [
        _back(probabilities, image, each, int(other))
        for each, other in zip(moved[is_there], others[is_there], strict=True)
    ]
    return tuple(sorted(found, key=lambda flip: flip.rms))


def _step(plan: Plan, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Pictures, float32, moved to where their log-odds would be even if the network were straight."""
    place = logits_place(plan)
    values = walk(plan, images)
    scores, seed = _margins(values[place], labels)
    by_picture = backward(plan, values, seed, place)[0]
    if by_picture is None:
        return images
    is_stuck = ((images <= 0) & (by_picture < 0)) | ((images >= 255) & (by_picture > 0))
    by_picture = np.where(is_stuck, 0, by_picture)
    length = np.maximum((by_picture**2).sum(axis=(1, 2, 3)), 1e-12)
    far = OVERSHOOT * np.maximum(-scores, 0) / length + 0.5 / np.sqrt(length)  # half a level, or rounding undoes it
    return np.asarray(np.clip(images + far[:, None, None, None] * by_picture, 0, 255), np.float32)


def _margins(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By how much each label's logit is ahead of the best other one, and the gradient of that by the logits."""
    rows = np.arange(len(labels))
    others = logits.copy()
    others[rows, labels] = -np.inf
    rivals = others.argmax(axis=1)
    gradient = np.zeros_like(logits)
    gradient[rows, labels], gradient[rows, rivals] = 1, -1
    return logits[rows, labels] - logits[rows, rivals], gradient


def _back(probabilities: Callable[[np.ndarray], np.ndarray], image: np.ndarray, moved: np.ndarray, label: int) -> Flip:
    """The nearest picture on the straight way back that still gets the label."""
    way = np.rint(image + WAYS_BACK[:, None, None, None] * (moved - image)).astype(np.uint8)
    rows = probabilities(way)
    at = int(np.flatnonzero(rows.argmax(axis=1) == label)[0])
    change = way[at].astype(float) - image
    return Flip(
        label=label,
        confidence=float(rows[at, label]),
        image=way[at],
        rms=float(np.sqrt((change**2).mean())),
        largest=int(np.abs(change).max()),
        pixels=int(change.any(axis=-1).sum()),
    )


def _whole(probabilities: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> np.ndarray:
    """What the model says of pictures in whole numbers."""
    return probabilities(np.rint(images).astype(np.uint8))
