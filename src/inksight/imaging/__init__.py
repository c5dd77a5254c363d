"""Any picture of a digit -> the input a digit network was trained on.

The way of a picture: `paper` finds the ink on it, whatever the light, the pen and the polarity; `strokes` keeps
what belongs to the digit and thickens hairlines; `digit` then treats that ink exactly as MNIST's makers did.
"""

from __future__ import annotations

import numpy as np

from inksight.imaging.course import course_of
from inksight.imaging.digit import normalise
from inksight.imaging.strokes import thicken


def digit_input(picture: np.ndarray, size_px: int = 28, channels: int = 1) -> np.ndarray:
    """One handwritten digit on anything -> bright ink on 0, framed as MNIST frames it.

    A picture that is framed already, as those of MNIST are, is taken as it is: grey, of that size, on a dark ground.
    Any other is looked at twice: once at the whole picture made small, to find the digit, then at the digit alone,
    sharper. So a small digit on a large photo keeps its detail, and time and memory stay bounded.

    Args:
        picture: uint8 (height, width) grey or (height, width, 3) RGB, as `picture.parse_picture` gives it.
        size_px: the side of the result; 28 is MNIST's own frame, others keep its proportions.
        channels: 1, or 3 to repeat the grey for a colour network.
    Returns:
        uint8 (size_px, size_px), or (size_px, size_px, 3) when channels is 3.
    Raises:
        PictureError: the picture is blank, or nothing on it stands out from the paper.
    """
    framed = picture if is_framed(picture, size_px) else digit_of_ink(course_of(picture).ink, size_px)
    return framed if channels == 1 else np.repeat(framed[..., None], channels, axis=-1)


def digit_of_ink(ink: np.ndarray, size_px: int = 28) -> np.ndarray:
    """The ink of one digit -> the frame: uint8 (height, width), bright on 0, not all 0, -> uint8 (size_px, size_px)."""
    return normalise(thicken(ink), size_px)


def is_framed(picture: np.ndarray, size_px: int = 28) -> bool:
    """Whether a picture is grey, size_px × size_px, with ink on a dark ground."""
    if picture.shape != (size_px, size_px):
        return False
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    return bool((border < 128).mean() > 0.5) and int(np.ptp(picture)) > 128
