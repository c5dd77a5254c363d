"""What was done to a picture on its way to the network, in pictures and in words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inksight.imaging.course import Course, course_of
from inksight.imaging.digit import MNIST_BOX_PX, MNIST_PX, ink_box
from inksight.imaging.paper import light_on, quantile
from inksight.imaging.strokes import is_hairline, marks_on, stroke_width

COLOURS = ("red", "green", "blue")
UNEVEN = 1.15  # how much brighter light has to be in one place than in another to be worth a word
LEAST_PX = 1.0
FEW = 20

Box = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Story:
    """What became of a picture.

    stages: uint8 arrays by what they show, from the picture to the input, in order.
    corrections: what was put right, a sentence each. box: where the digit is on the picture, left, top, width, height
    in its pixels; None where nobody looked for it.
    """

    stages: dict[str, np.ndarray]
    corrections: tuple[str, ...]
    box: Box | None = None


def story_of(picture: np.ndarray, input: np.ndarray) -> Story:
    """The story of a picture that `digit_input` brought to `input`, by walking the same course.

    Raises:
        PictureError: as `digit_input`.
    """
    course = course_of(picture)
    size_px = len(input)
    facts = [*(each(course) for each in FACTS), _place(picture, course), _size(course, size_px)]
    stages = {"picture": picture, "paper": 255 - course.first.plane, "ink": course.ink, "input": input}
    return Story(stages, tuple(fact for fact in facts if fact), _box(course))


def _frame(course: Course) -> str | None:
    """Something drawn round the picture."""
    top, left = course.inside[0].start, course.inside[1].start
    return f"frame cut off: {max(top, left)} px round the picture" if top or left else None


def _colour(course: Course) -> str | None:
    """A colour in place of grey."""
    channel = course.paper.channel
    return None if channel is None else f"only its {COLOURS[channel]} was looked at: the ink stands out best in it"


def _polarity(course: Course) -> str | None:
    """Light and dark."""
    return "inverted: the ink was lighter than its ground" if course.paper.inverted else None


def _shadow(course: Course) -> str | None:
    """Light that is not the same everywhere."""
    light = light_on(course.first.paper)
    times = quantile(light, 0.98) / max(quantile(light, 0.02), 1)
    if times <= UNEVEN:
        return None
    return f"shadow divided out: the paper is {times:.1f} times as bright in one place as in another"


def _rules(course: Course) -> str | None:
    """Lines of the paper."""
    taken = (course.first.unruled != course.first.plane).any()
    return "the paper's own lines taken away" if taken else None


def _others(course: Course) -> str | None:
    """Marks that are no part of the digit."""
    marks = marks_on(course.first.unruled)
    count = int((marks.weights > 0).sum() - marks.of_substance()[marks.weights > 0].sum())
    if not count:
        return None
    return f"{count if count <= FEW else 'many'} other {'mark' if count == 1 else 'marks'} left out"


def _strokes(course: Course) -> str | None:
    """Hairlines."""
    top, left, height, width = ink_box(course.ink)
    digit = course.ink[top : top + height, left : left + width]
    if not is_hairline(digit, max(digit.shape)):
        return None
    return f"strokes thickened: they are {stroke_width(digit):.1f} px wide on a digit of {max(height, width)} px"


FACTS: tuple[Callable[[Course], str | None], ...] = (_frame, _colour, _polarity, _shadow, _rules, _others, _strokes)


def _box(course: Course) -> Box:
    """Where the digit is on the picture."""
    top, left, height, width = ink_box(course.ink)
    rows, columns = course.part
    down = (rows.stop - rows.start) / course.ink.shape[0]
    across = (columns.stop - columns.start) / course.ink.shape[1]
    return (
        round(course.inside[1].start + columns.start + left * across),
        round(course.inside[0].start + rows.start + top * down),
        max(1, round(width * across)),
        max(1, round(height * down)),
    )


def _place(picture: np.ndarray, course: Course) -> str | None:
    """How far the digit is from the middle."""
    left, top, width, height = _box(course)
    away = math.hypot(left + width / 2 - picture.shape[1] / 2, top + height / 2 - picture.shape[0] / 2)
    return f"off-centre by {away:.0f} px: moved to the middle by its centre of mass" if away >= LEAST_PX else None


def _size(course: Course, size_px: int) -> str:
    """What was large or small."""
    _, _, width, height = _box(course)
    side = round(size_px * MNIST_BOX_PX / MNIST_PX)
    return f"scaled: {width} × {height} px became {side} px on its longer side, in a frame of {size_px} px"
