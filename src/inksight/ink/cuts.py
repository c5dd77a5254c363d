"""Where digits that touch may be cut apart: paths from top to bottom that cross as little ink as they can."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from inksight.ink.segment import Piece, tight

BAND_SHARE = 0.16  # of a digit's height, to either side of where a path is looked for
SPACING_SHARE = 0.08
CUTS_A_HEIGHT = 5  # at most, for each height of a digit in the piece's width
SIDEWAYS = 0.02  # what a step to the side costs, in pixels of full ink
INK_AT_MOST = 0.8  # of a digit's height: a path that crosses more of it is no way to cut


def cut(piece: Piece, height: float) -> tuple[list[Piece], list[float]]:
    """Cuts a piece into atoms of which digits can be put together again.

    Args:
        piece: ink that may be several digits.
        height: of a digit, in pixels.
    Returns:
        the atoms from left to right, and for each gap between two of them how much ink its path crosses, as a share
        of `height`.
    """
    paths, costs = _paths(piece.ink, height)
    order: list[int] = np.argsort(paths.mean(axis=1)).tolist() if len(paths) else []
    edges = [np.zeros(piece.height, int), *(paths[index] for index in order), np.full(piece.height, piece.width)]
    columns = np.arange(piece.width)
    atoms: list[Piece] = []
    crossed: list[float] = []
    cost = 0.0
    for number, (start, end) in enumerate(pairwise(edges)):
        inside = (columns >= start[:, None]) & (columns < end[:, None])
        atom = tight(Piece(piece.left, piece.top, np.where(inside, piece.ink, 0)))
        if number:
            cost = max(cost, float(costs[order[number - 1]]) / height)
        if atom is not None:
            if atoms:
                crossed.append(cost)
            atoms.append(atom)
            cost = 0.0
    return atoms, crossed


def _paths(ink: np.ndarray, height: float) -> tuple[np.ndarray, np.ndarray]:
    """The best paths, int (paths, rows): the first column right of each; and the ink each crosses, in pixels."""
    width = ink.shape[1]
    reach = max(2, round(BAND_SHARE * height))
    middles = np.arange(reach, width - reach + 1, max(1, round(SPACING_SHARE * height)))
    if not len(middles):
        return np.empty((0, len(ink)), int), np.empty(0)
    bands = middles[:, None] + np.arange(-reach, reach)
    found, costs = _cheapest(ink.astype(np.float32)[:, bands].transpose(1, 0, 2) / 255)
    found += middles[:, None] - reach
    kept: list[int] = []
    for index in np.argsort(costs):
        apart = all(np.abs(found[index] - found[other]).mean() > SPACING_SHARE * height for other in kept)
        if costs[index] <= INK_AT_MOST * height and apart and len(kept) < CUTS_A_HEIGHT * width / height:
            kept.append(int(index))
    return found[kept], costs[kept]


def _cheapest(bands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The path of least ink down each band, float (bands, rows, columns): its columns (bands, rows), and the ink."""
    count, rows, _ = bands.shape
    total = bands[:, 0]
    steps = np.zeros(bands.shape, np.int8)
    for row in range(1, rows):
        sides = np.pad(total, ((0, 0), (1, 1)), constant_values=np.inf)
        ways = np.stack([total, sides[:, :-2] + SIDEWAYS, sides[:, 2:] + SIDEWAYS])
        best = ways.argmin(axis=0)
        steps[:, row] = np.array([0, -1, 1], np.int8)[best]
        total = np.take_along_axis(ways, best[None], 0)[0] + bands[:, row]
    path = np.empty((count, rows), int)
    everyone = np.arange(count)
    path[:, -1] = total.argmin(axis=1)
    for row in range(rows - 1, 0, -1):
        path[:, row - 1] = path[:, row] + steps[everyone, row, path[:, row]]
    return path, bands[everyone[:, None], np.arange(rows), path].sum(axis=1)
