"""What every command shares: where results go, how errors look, a picture in the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inksight.cli.completion import among
from inksight.errors import InksightError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console
    from rich.text import Text

SHADES = " .:-=+*#%@"
RayAddress = Annotated[
    str | None,
    typer.Option(
        help="auto for the Ray cluster that this machine is a node of, or HOST:PORT of its head. Default: RAY_ADDRESS, "
        "else this machine alone."
    ),
]
Preprocessing = Annotated[
    str | None,
    typer.Option(
        help="How foreign pictures become inputs: digits or resize. Default: by data set.",
        autocompletion=among(("digits", "resize")),
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object a line on stdout, nothing else.")]


def percent(rate: float | None, decimals: int = 2) -> str:
    """A rate of 0–1 for people: 0.9918 -> "99.18 %", None -> "–"."""
    return "–" if rate is None else f"{100 * rate:.{decimals}f} %"


def emit(record: dict[str, Any]) -> None:
    """One JSON object on one line of stdout."""
    print(json.dumps(record, ensure_ascii=False), flush=True)


def note(text: str) -> None:
    """A line for the person, on stderr."""
    print(text, file=sys.stderr, flush=True)


def fail(error: InksightError) -> int:
    """Prints an error's text without a traceback; gives the exit code that belongs to it."""
    note(f"Error: {error}")
    return 2 if isinstance(error, UsageError) else 1


@contextmanager
def progress_bar() -> Iterator[Callable[[int, int, str], None]]:
    """A callable (done, total, what) that draws a bar on stderr; it does nothing where that is not a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total, what: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    tasks: dict[str, Any] = {}
    with Progress(*columns, console=Console(stderr=True)) as bar:

        def show(done: int, total: int, what: str) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what)
            bar.update(tasks[what], completed=done, total=total or None)

        yield show


def print_picture(image: np.ndarray) -> None:
    """Shows a picture on stdout: two pixels a character in colour, shades of characters where there is no colour.

    Args:
        image: uint8 (height, width) or (height, width, 3); shrunk if the terminal is too narrow for it.
    """
    from rich.console import Console

    console = Console(highlight=False)
    coloured = shows_colour(console)
    image = _narrowed(image, console.width if coloured else console.width // 2)
    if coloured:
        console.print(_half_blocks(image))
        return
    grey = image if image.ndim == 2 else image.mean(axis=2).astype("uint8")
    for row in grey:
        print("".join(SHADES[int(value) * len(SHADES) // 256] * 2 for value in row).rstrip())


def shows_colour(console: Console) -> bool:
    """Whether pictures can be shown in colour there. NO_COLOR, a pipe and old encodings say no."""
    return bool(console.color_system) and not console.no_color and console.encoding.startswith("utf")


def _half_blocks(image: np.ndarray) -> Text:
    """Two pixels above one another in each character: the upper is the ink of "▀", the lower its ground."""
    import numpy as np
    from rich.text import Text

    height, width = image.shape[:2]
    rgb = np.zeros((height + height % 2, width, 3), np.uint8)
    rgb[:height] = image if image.ndim == 3 else image[..., None]
    lines = []
    for upper, lower in zip(rgb[0::2], rgb[1::2], strict=True):
        line = Text(no_wrap=True)
        for ink, ground in zip(upper, lower, strict=True):
            line.append("▀", f"rgb({ink[0]},{ink[1]},{ink[2]}) on rgb({ground[0]},{ground[1]},{ground[2]})")
        lines.append(line)
    return Text("\n").join(lines)


def _narrowed(image: np.ndarray, columns: int) -> np.ndarray:
    """The picture, made smaller if it is wider than `columns`."""
    height, width = image.shape[:2]
    if width <= columns:
        return image
    import cv2
    import numpy as np

    return np.asarray(
        cv2.resize(image, (columns, max(1, round(height * columns / width))), interpolation=cv2.INTER_AREA)
    )
