"""The course of a picture from paper to the ink of its digit, with all that was found on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inksight.ink.paper import Paper, ink_plane, light_paper, shrunk
from inksight.ink.rules import within_frame, without_rules
from inksight.ink.strokes import around, digit_strokes, grown_to

WORKING_PX = 1024

Part = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Look:
    """One look at paper; all uint8 of one shape.

    paper: dark ink on light paper. plane: bright ink, the light divided out. unruled: without the paper's own lines.
    ink: the digit's strokes alone.
    """

    paper: np.ndarray
    plane: np.ndarray
    unruled: np.ndarray
    ink: np.ndarray


@dataclass(frozen=True, eq=False)
class Course:
    """How the ink was found.

    inside: rows and columns of the picture within its frame. paper: that part. first: the look at all of it, made
    small. part: rows and columns of the paper where the digit is. second: the look at them alone.
    """

    inside: Part
    paper: Paper
    first: Look
    part: Part
    second: Look

    @property
    def ink(self) -> np.ndarray:
        """The digit, uint8 of the second look's shape, bright on 0."""
        return self.second.ink


def course_of(picture: np.ndarray) -> Course:
    """Looks twice: at the whole picture made small, to find the digit, then at the digit in full sharpness.

    Args:
        picture: uint8 (height, width) grey or (height, width, 3) RGB.
    Raises:
        PictureError: the picture is blank, or nothing on it stands out from the paper.
    """
    inside = within_frame(picture)
    paper = light_paper(picture[inside])
    first = _look(paper.grey)
    part = around(first.ink, paper.grey.shape)
    second = _look(paper.grey[part], lambda shape: grown_to(first.ink, paper.grey.shape, part, shape))
    return Course(inside, paper, first, part, second)


def _look(paper: np.ndarray, near: Callable[[tuple[int, ...]], np.ndarray] | None = None) -> Look:
    """Paper -> ink -> strokes; near: where they can be on a copy of a shape."""
    small = shrunk(paper, WORKING_PX)
    plane = ink_plane(small)
    unruled, rules = without_rules(plane)
    return Look(small, plane, unruled, digit_strokes(unruled, rules, near and near(small.shape)))
