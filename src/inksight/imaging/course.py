"""The course of a picture from paper to the ink of its digit, with all that was found on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inksight.imaging.digit import ink_box
from inksight.imaging.paper import Paper, ink_plane, light_paper, shrunk
from inksight.imaging.rules import within_frame, without_rules
from inksight.imaging.strokes import around, digit_strokes, grown_to

LOOK_PX = 240  # the longer side of what is looked at
MOST_OF_IT, SHARP_PX = 0.4, 96  # a digit that covers so much of its picture, and is as sharp, is not looked at again

Part = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class InkStages:
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
    first: InkStages
    part: Part
    second: InkStages

    @property
    def ink(self) -> np.ndarray:
        """The digit, uint8 of the second look's shape, bright on 0."""
        return self.second.ink


def course_of(picture: np.ndarray) -> Course:
    """Looks twice: at the whole picture made small, to find the digit, then at the digit alone.

    Args:
        picture: uint8 (height, width) grey or (height, width, 3) RGB.
    Raises:
        PictureError: the picture is blank, or nothing on it stands out from the paper.
    """
    inside = within_frame(picture)
    paper = light_paper(picture[inside])
    first = _look(shrunk(paper.grey, LOOK_PX))
    part = around(first.ink, paper.grey.shape)
    unshrunk, sharp = first.paper.shape == paper.grey.shape, max(ink_box(first.ink)[2:]) >= SHARP_PX
    if (unshrunk or sharp) and paper.grey[part].size >= MOST_OF_IT * paper.grey.size:
        return Course(inside, paper, first, (slice(0, paper.grey.shape[0]), slice(0, paper.grey.shape[1])), first)
    closer = shrunk(paper.grey[part], LOOK_PX)
    second = _look(closer, grown_to(first.ink, paper.grey.shape, part, closer.shape))
    return Course(inside, paper, first, part, second)


def _look(paper: np.ndarray, near: np.ndarray | None = None) -> InkStages:
    """Paper -> ink -> strokes; near: bool of its shape, where they can be."""
    plane = ink_plane(paper)
    unruled, rules = without_rules(plane)
    return InkStages(paper, plane, unruled, digit_strokes(unruled, rules, near))
