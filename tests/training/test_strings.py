"""Strips of digits to learn from."""

import cv2
import numpy as np

from inksight.data.synthetic.strings import MOST_DIGITS, WIDTH_PX, strings
from inksight.imaging.strip import DIGIT_PX, STRIP_PX


def drawn(mnist, count, seed=0):
    return strings(mnist.train.images[:2000], mnist.train.labels[:2000], count, np.random.default_rng(seed))


def test_strips_and_their_texts(mnist, monkeypatch):
    monkeypatch.setattr("inksight.data.synthetic.strings._SURROUNDED", 0.0)
    strips, texts = drawn(mnist, 200)
    assert strips.shape == (200, STRIP_PX, WIDTH_PX) and strips.dtype == np.uint8
    assert texts.shape == (200, MOST_DIGITS) and texts.min() == -1 and texts.max() == 9
    lengths = (texts >= 0).sum(axis=1)
    assert set(lengths) == set(range(1, MOST_DIGITS + 1))
    for text, length in zip(texts, lengths, strict=True):
        assert (text[:length] >= 0).all() and (text[length:] == -1).all()
    ink = np.array([(strip > 60).sum() for strip in strips])
    assert ink.min() > 10
    assert np.corrcoef(ink, lengths)[0, 1] > 0.5
    heights = [np.ptp(np.flatnonzero((strip > 60).any(axis=1))) + 1 for strip in strips[lengths == 1]]
    assert abs(np.median(heights) - DIGIT_PX) <= 3


def test_some_touch_and_some_do_not(mnist):
    strips, texts = drawn(mnist, 300, seed=1)
    fewer = []
    for strip, text in zip(strips, texts, strict=True):
        parts = cv2.connectedComponents((strip > 100).astype(np.uint8))[0] - 1
        fewer.append(parts < (text >= 0).sum())
    assert 0.25 < np.mean(fewer) < 0.75


def test_the_seed_decides(mnist):
    first, again, other = drawn(mnist, 8), drawn(mnist, 8), drawn(mnist, 8, seed=3)
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_what_surrounds_a_row_adds_ink_and_no_digit(mnist, monkeypatch):
    letters = np.zeros((4, 28, 28), np.uint8)
    letters[:, 4:24, 10:14] = 255
    images, labels = mnist.train.images[:500], mnist.train.labels[:500]
    ink = {}
    for share in (0.0, 1.0):
        monkeypatch.setattr("inksight.data.synthetic.strings._SURROUNDED", share)
        strips, texts = strings(images, labels, 100, np.random.default_rng(0), letters)
        assert strips.shape == (100, STRIP_PX, WIDTH_PX) and ((texts >= 0).sum(axis=1) >= 1).all()
        ink[share] = np.mean(
            [(strip > 60).mean() / (text >= 0).sum() for strip, text in zip(strips, texts, strict=True)]
        )
    assert ink[1.0] > 1.2 * ink[0.0]
