"""What mattered, for many pictures at once: which ink speaks for a class and which against it.

Integrated gradients of the class's log-odds in four steps, blurred and weighed with the ink. It was chosen by the
deletion check (explanation/deletion.py) on training digits among Grad-CAM, LayerCAM, plain gradients and occlusion;
the figures are in docs/log.md.
Source: M. Sundararajan, A. Taly, Q. Yan, Axiomatic Attribution for Deep Networks, 2017.
"""

from __future__ import annotations

import cv2
import numpy as np

from inksight.explanation.gradient import backward, log_odds, logits_place
from inksight.export.plan import Plan
from inksight.export.replay import walk

STEPS = 4  # 32 give no better order of the pixels
BLUR = 1.5 / 28  # of a picture's side: single pixels are noise, strokes are what is asked about
VALUES_AT_ONCE = 64 * 28 * 28  # pixels walked at a time; more would not stay near the processor


def attribution(plan: Plan, images: np.ndarray, labels: np.ndarray, ground: np.ndarray | None = None) -> np.ndarray:
    """How much each pixel speaks for a class: what its ink adds to the class's log-odds, in places not sharper than a
    stroke.

    Args:
        plan: of `export.lowering.plan_of(predictor.content)`; its last operation is a softmax.
        images: uint8 (n, height, width, channels), as the network takes them. n may be 0.
        labels: int64 (n,), the class asked about for each picture: its answer, or another.
        ground: the level that stands for nothing, as `ground_of` gives it and unless given.
    Returns:
        float32 (n, height, width): above 0 for the class, below 0 against it, 0 where there is no ink. Compare the
        pixels of one picture; there is no unit.
    """
    height, width = images.shape[1:3]
    heat = np.empty(images.shape[:3], np.float32)
    ground = ground_of(images) if ground is None else ground
    step = max(1, VALUES_AT_ONCE // (height * width))
    for start in range(0, len(images), step):
        part = slice(start, start + step)
        ink = images[part].astype(np.float32) - ground[part]
        heat[part] = _smoothed((_mean_gradient(plan, ink, ground[part], labels[part]) * ink).sum(axis=-1), height)
        heat[part] *= np.abs(ink).max(axis=-1) / 255
    return heat


def ground_of(images: np.ndarray) -> np.ndarray:
    """The level of each picture that stands for nothing: the median of its border, 0 for digits.

    Args:
        images: uint8 (n, height, width, channels).
    Returns:
        float32 (n, 1, 1, channels).
    """
    sides = (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1])
    return np.asarray(np.median(np.concatenate(sides, axis=1), axis=1)[:, None, None], np.float32)


def _mean_gradient(plan: Plan, ink: np.ndarray, ground: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The gradient by the picture, on average over its way from the ground to itself."""
    place = logits_place(plan)
    total = np.zeros_like(ink)
    for share in (np.arange(STEPS, dtype=np.float32) + 0.5) / STEPS:
        values = walk(plan, ground + share * ink)
        by_picture = backward(plan, values, log_odds(values[place], labels)[1], place)[0]
        if by_picture is not None:
            total += by_picture
    return total / STEPS


def _smoothed(heat: np.ndarray, side_px: int) -> np.ndarray:
    """Each map (n, height, width) blurred; nothing comes in from outside."""
    sigma = BLUR * side_px
    return np.stack([cv2.GaussianBlur(each, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT) for each in heat])
