"""Digits drawn by rule and by typefaces."""

from pathlib import Path

import numpy as np
import pytest

import inksight
from inksight.data.synthetic.digits import TILE_PX, draw_digit
from inksight.data.synthetic.typefaces import glyph, varied
from inksight.imaging import digit_of_ink


@pytest.fixture(scope="module")
def face() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"


def test_digits_by_rule_are_read_as_what_they_are():
    generator = np.random.default_rng(5)
    labels = np.arange(500) % 10
    images = np.stack([digit_of_ink(draw_digit(label, generator)) for label in labels])
    right = inksight.Predictor.shipped().probabilities(images).argmax(1) == labels
    assert right.mean() >= 0.98


@pytest.mark.parametrize("label", range(10))
def test_each_digit_by_rule_is_cut_to_its_ink_and_has_many_shapes(label):
    generator = np.random.default_rng(label)
    tiles = [draw_digit(label, generator) for _ in range(20)]
    for tile in tiles:
        assert tile.dtype == np.uint8 and tile.max() == 255
        assert tile[0].any() and tile[-1].any() and tile[:, 0].any() and tile[:, -1].any()
        assert 0.7 * TILE_PX < len(tile) < 1.6 * TILE_PX
    assert len({tile.shape for tile in tiles}) > 10


def test_the_seed_decides():
    first, again, other = (draw_digit(4, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_a_typeface_gives_its_signs_and_says_what_it_lacks(face):
    generator = np.random.default_rng(0)
    for sign in "0123456789K?":
        tile = glyph(face, sign)
        assert max(tile.shape) == TILE_PX
        drawn = varied(tile, generator)
        assert drawn.max() > 127 and drawn[0].any() and drawn[-1].any()
    assert glyph(face, "\U0001f9ea") is None and glyph(face, " ") is None
