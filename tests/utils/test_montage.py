"""Sheets of pictures: size, place and captions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inksight.errors import StorageError
from inksight.utils.montage import GAP_PX, PAPER, enlarge, save_png, sheet

IMAGES = np.random.default_rng(0).integers(0, 200, (5, 8, 8), np.uint8)


def test_each_pixel_becomes_a_square() -> None:
    large = enlarge(IMAGES[0], 4)
    assert large.shape == (32, 32)
    np.testing.assert_array_equal(large[1::4, 3::4], IMAGES[0])


@pytest.mark.parametrize("images", [IMAGES, np.stack([IMAGES, IMAGES // 2, IMAGES], -1)], ids=["grey", "colour"])
def test_pictures_lie_in_rows(images: np.ndarray) -> None:
    laid = sheet(images, [""] * 5, columns=3, scale=2)
    step = 16 + 2 + GAP_PX
    assert laid.dtype == np.uint8 and laid.shape == (2 * step + GAP_PX, 3 * step + GAP_PX, *images.shape[3:])
    for position, image in enumerate(images):
        top, left = (GAP_PX + 1 + step * place for place in divmod(position, 3))
        np.testing.assert_array_equal(laid[top : top + 16 : 2, left : left + 16 : 2], image)
    assert (laid[-step:, -step:] == PAPER).all()


def test_captions_stand_below_and_long_ones_are_cut() -> None:
    bare = sheet(IMAGES, [""] * 5, 5, 4)
    short = sheet(IMAGES, ["4 → 9"] * 5, 5, 4)
    long = sheet(IMAGES, ["a name that is far too long for so small a picture", "x\ny", "", "", ""], 5, 4)
    assert bare.shape[0] < short.shape[0] < long.shape[0] and bare.shape[1] == short.shape[1] == long.shape[1]
    assert (short[GAP_PX + 34 :] < 128).any()
    assert (long[:, : GAP_PX // 2 - 1] == PAPER).all()


def test_no_pictures_make_an_empty_sheet() -> None:
    assert (sheet(IMAGES[:0], [], 10, 3) == PAPER).all()


def test_a_png_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = save_png(tmp_path / "new" / "x.png", IMAGES[0])
    np.testing.assert_array_equal(np.asarray(Image.open(path)), IMAGES[0])
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="could not be written"):
        save_png(tmp_path / "file" / "x.png", IMAGES[0])
