"""Cuts between things that touch, and that nothing is lost by them."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from inksight.ink.cuts import cut
from inksight.ink.segment import Piece, composite, tight


def piece_of(plane, left=0, top=0):
    piece = tight(Piece(left, top, plane))
    assert piece is not None
    return piece


def discs(bridge, apart=0, radius=40):
    """Two discs, `apart` pixels between them, joined by a bridge `bridge` thick."""
    plane = np.zeros((120, 60 + 4 * radius + apart), np.uint8)
    middles = 30 + radius, 30 + 3 * radius + apart
    for middle in middles:
        cv2.circle(plane, (middle, 60), radius, 255, -1)
    if bridge:
        plane[60 - bridge // 2 : 60 - bridge // 2 + bridge, middles[0] : middles[1]] = 255
    return piece_of(plane, 7, 11)


def touching(left, right, overlap):
    """Two digits of MNIST five times as big, moved so far together: planes of the left one and of the right one."""
    sides = []
    for image in (left, right):
        ink = cv2.resize(image, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
        sides.append(piece_of(np.where(ink > 60, ink, 0)).ink)
    height, width = max(len(side) for side in sides), sum(side.shape[1] for side in sides) - overlap
    planes = np.zeros((2, height, width), np.uint8)
    for plane, side, start in zip(planes, sides, (0, width - sides[1].shape[1]), strict=True):
        plane[height - len(side) :, start : start + side.shape[1]] = side
    return planes


def whole_again(atoms, piece):
    again = composite(atoms)
    return (again.left, again.top) == (piece.left, piece.top) and np.array_equal(again.ink, piece.ink)


@pytest.mark.parametrize("bridge", [1, 4, 9])
@pytest.mark.parametrize("apart", [-10, 0, 20])
def test_a_thin_bridge_is_where_to_cut(bridge, apart):
    piece = discs(bridge, apart)
    atoms, crossed = cut(piece, 80)
    assert len(crossed) == len(atoms) - 1 >= 1
    best = int(np.argmin(crossed))
    waist = bridge if apart > 0 else max(bridge, 2 * round((40**2 - (40 + apart / 2) ** 2) ** 0.5))
    assert crossed[best] == pytest.approx(waist / 80, abs=0.1)
    middle = piece.left + piece.width / 2
    assert atoms[best].right == pytest.approx(middle, abs=14) and atoms[best + 1].left == pytest.approx(middle, abs=14)


def test_a_cut_through_paper_costs_nothing():
    atoms, crossed = cut(discs(0, 20), 80)
    assert min(crossed) == 0
    best = int(np.argmin(crossed))
    assert composite(atoms[: best + 1]).width == composite(atoms[best + 1 :]).width == 81


@pytest.mark.parametrize("overlap", [0, 5, 10])
def test_digits_that_touch_can_be_told_apart(mnist, overlap):
    """One of the cuts is cheap and leaves nearly all of each digit on its own side."""
    images = mnist.test.images
    shares, costs = [], []
    for left, right in zip(images[:40], images[40:80], strict=True):
        planes = touching(left, right, overlap)
        piece = piece_of(planes.max(axis=0))
        atoms, crossed = cut(piece, 100)
        assert whole_again(atoms, piece)
        owner = (planes[1] > planes[0]) & (piece.ink > 0)
        found = []
        for number, cost in enumerate(crossed):
            one = composite(atoms[: number + 1])
            ours = np.zeros(piece.ink.shape, bool)
            ours[one.top : one.bottom, one.left : one.right] = one.ink > 0
            found.append((float((ours != owner)[piece.ink > 0].mean()), cost))
        share, cost = max(found)
        shares.append(share)
        costs.append(cost)
    assert np.mean(np.array(shares) > 0.85) >= 0.9, sorted(shares)[:8]
    assert np.median(costs) < 0.3


@pytest.mark.parametrize("seed", range(4))
def test_atoms_put_together_give_the_ink_back(mnist, seed):
    generator = np.random.default_rng(seed)
    row = np.concatenate(list(mnist.test.images[generator.integers(0, 10000, 5)]), axis=1)
    row = cv2.resize(row, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    piece = piece_of(row, 30, 50)
    atoms, crossed = cut(piece, 60)
    assert len(atoms) > 5 and len(crossed) == len(atoms) - 1
    assert whole_again(atoms, piece)
    assert sum(int((atom.ink > 0).sum()) for atom in atoms) == int((piece.ink > 0).sum()), "every pixel in one atom"
    assert all(atom.ink[0].any() and atom.ink[-1].any() and atom.ink[:, 0].any() for atom in atoms)
    middles = [atom.left + np.average(np.arange(atom.width), weights=atom.ink.sum(axis=0)) for atom in atoms]
    assert all(one < other for one, other in pairwise(middles))
    assert min(crossed) >= 0 and max(crossed) <= 0.8


@pytest.mark.parametrize("shape", [(1, 1), (80, 1), (80, 5), (80, 25), (1, 300)])
def test_a_piece_too_narrow_or_flat_gives_what_it_was(shape):
    piece = Piece(3, 4, np.full(shape, 200, np.uint8))
    atoms, crossed = cut(piece, 80)
    assert whole_again(atoms, piece)
    if shape[1] < 26:
        assert len(atoms) == 1 and crossed == []


def test_a_solid_block_is_not_cut():
    block = Piece(0, 0, np.full((100, 150), 255, np.uint8))
    atoms, crossed = cut(block, 100)
    assert len(atoms) == 1 and crossed == []


def test_a_path_goes_round_ink():
    """Between two slanted strokes: no straight cut is free, a slanted one is."""
    plane = np.zeros((100, 120), np.uint8)
    for left in (45, 75):
        cv2.line(plane, (left, 5), (left - 35, 95), 255, 8)
    atoms, crossed = cut(piece_of(plane), 90)
    assert min(crossed) == 0
    best = int(np.argmin(crossed))
    assert composite(atoms[: best + 1]).ink.sum() == pytest.approx(composite(atoms[best + 1 :]).ink.sum(), rel=0.02)
