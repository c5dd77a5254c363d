"""Many small pictures on one sheet, with captions: what `data show`, `train` and the report lay before the eyes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from inksight.utils.atomic import whole_file

GAP_PX = 10
FONT_PX = 12
PAPER, FRAME, TEXT = 255, 205, 45
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def sheet(images: np.ndarray, captions: Sequence[str], columns: int = 10, scale: int = 3) -> np.ndarray:
    """Lays pictures out in rows on white, each framed and with its caption below.

    Args:
        images: uint8 (k, height, width) grey or (k, height, width, 3) RGB.
        captions: k texts; a text may hold several lines, a line too long for its picture is cut with "…".
        columns: pictures in a row; fewer pictures make a narrower sheet.
        scale: each pixel becomes a square of scale × scale.
    Returns:
        uint8 (H, W) grey or (H, W, 3) RGB, as the pictures are.
    """
    count, height, width = len(images), images.shape[1] * scale, images.shape[2] * scale
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    lines = max((caption.count("\n") + 1 for caption in captions if caption), default=0)
    cell_height = height + 2 + (lines * _line_px() + 3 if lines else 0) + GAP_PX
    cell_width = width + 2 + GAP_PX
    canvas = Image.new(
        "L" if images.ndim == 3 else "RGB",
        (columns * cell_width + GAP_PX, rows * cell_height + GAP_PX),
        (PAPER,) * (1 if images.ndim == 3 else 3),
    )
    draw = ImageDraw.Draw(canvas)
    draw.fontmode = "L"
    for position, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left = GAP_PX + position % columns * cell_width
        top = GAP_PX + position // columns * cell_height
        draw.rectangle((left, top, left + width + 1, top + height + 1), outline=_ink(canvas, FRAME))
        canvas.paste(Image.fromarray(enlarge(image, scale)), (left + 1, top + 1))
        for number, line in enumerate(caption.split("\n")):
            draw.text(
                (left + 1 + width / 2, top + height + 5 + number * _line_px()),
                shortened(line, width + GAP_PX - 2, font()),
                font=font(),
                fill=_ink(canvas, TEXT),
                anchor="ma",
            )
    return np.asarray(canvas)


def enlarge(image: np.ndarray, scale: int) -> np.ndarray:
    """Makes each pixel a square of scale × scale: nothing is smoothed away.

    Args:
        image: uint8 (height, width) or (height, width, 3).
    """
    return image.repeat(scale, axis=0).repeat(scale, axis=1)


def save_png(path: Path | str, image: np.ndarray) -> Path:
    """Writes a picture as PNG, whole or not at all.

    Args:
        image: uint8 (height, width) or (height, width, 3).
    Raises:
        StorageError: the place cannot be written, or the disk is full.
    """
    path = Path(path)
    with whole_file(path) as temporary:
        Image.fromarray(image).save(temporary, format="PNG")
    return path


def _ink(canvas: Image.Image, grey: int) -> int | tuple[int, int, int]:
    """A grey in the words of the canvas."""
    return grey if canvas.mode == "L" else (grey, grey, grey)


def shortened(line: str, room_px: float, written: Font) -> str:
    """The line, cut with "…" until it fits when it is written in a font."""
    if written.getlength(line) <= room_px:
        return line
    while line and written.getlength(line + "…") > room_px:
        line = line[:-1]
    return line.rstrip() + "…"


def _line_px() -> int:
    """The height of a line of caption."""
    return FONT_PX + 3


@cache
def font(size_px: int = FONT_PX, bold: bool = False) -> Font:
    """DejaVu Sans as Matplotlib ships it (it knows arrows and most alphabets); found without importing Matplotlib."""
    matplotlib = find_spec("matplotlib")
    if matplotlib and matplotlib.origin:
        name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
        path = Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf" / name
        if path.is_file():
            return ImageFont.truetype(path, size_px)
    return ImageFont.load_default(size_px)
