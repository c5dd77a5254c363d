"""A data set made by hand: what it gives, and what is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from inksight.data import Dataset, Split
from inksight.data.dataset import require_usable
from inksight.data.square import to_rgb
from inksight.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 10, 10), np.uint8)
LABELS = np.arange(6) % 2
GOOD = Dataset("mine", ("a", "b"), Split(IMAGES, LABELS), Split(IMAGES[:4], LABELS[:4]))


def test_a_good_one_is_let_through() -> None:
    assert require_usable(GOOD) is GOOD
    coloured = replace(GOOD, train=Split(to_rgb(IMAGES), LABELS.astype(np.int32)), test=Split(to_rgb(IMAGES), LABELS))
    assert require_usable(coloured).channels == 3


def test_the_parts_are_those_that_it_has() -> None:
    assert list(GOOD.parts) == ["train", "test"]
    assert list(replace(GOOD, validation=GOOD.test).parts) == ["train", "validation", "test"]


def test_a_batch_has_channels() -> None:
    assert GOOD.train.batch.shape == (6, 10, 10, 1) and GOOD.train.batch.base is not None
    np.testing.assert_array_equal(GOOD.train.batch[..., 0], IMAGES)
    coloured = Split(to_rgb(IMAGES), LABELS)
    assert coloured.batch is coloured.images and coloured.batch.shape == (6, 10, 10, 3)


def test_grey_becomes_colour() -> None:
    np.testing.assert_array_equal(to_rgb(IMAGES), np.stack([IMAGES] * 3, -1))
    assert to_rgb(IMAGES[0]).shape == (10, 10, 3)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES / 255, LABELS, r"images of the test part of mine are of the type float64; uint8 was wanted.*0–255"),
        (list(IMAGES), LABELS, "images of the test part of mine are a list; np.asarray makes them an array"),
        (IMAGES, LABELS.tolist(), "labels of the test part of mine are a list"),
        (
            IMAGES[0],
            LABELS,
            r"have the shape \(10, 10\); \(n, size, size\) grey or \(n, size, size, 3\) RGB was wanted",
        ),
        (IMAGES[..., None], LABELS, r"shape \(6, 10, 10, 1\);.* take images\[\.\.\., 0\] of a single channel"),
        (IMAGES[:, :7], LABELS, r"shape \(6, 7, 10\);.* Make them square"),
        (
            IMAGES,
            np.eye(2)[LABELS],
            r"labels of the test part of mine are float64 of the shape \(6, 2\); whole numbers",
        ),
        (IMAGES, LABELS.astype(float), r"are float64 of the shape \(6,\)"),
        (IMAGES, LABELS[:, None], r"are int64 of the shape \(6, 1\)"),
        (IMAGES, LABELS[:5], "the test part of mine has 6 images but 5 labels; expected as many of both"),
        (IMAGES, LABELS + 1, "the test part of mine has labels from 1 to 2; with 2 classes 0 to 1 were wanted"),
        (IMAGES[:0], LABELS[:0], "the test part of mine is empty; give it pictures"),
        (IMAGES[:, 1:, 1:], LABELS, r"has images of shape \(9, 9\), the train part \(10, 10\); they must agree"),
    ],
)
def test_a_bad_part_is_explained(images: Any, labels: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        require_usable(replace(GOOD, test=Split(images, labels)))
    if "the train part" not in message:
        with pytest.raises(DataError, match=message.replace("test part", "train part")):
            require_usable(replace(GOOD, train=Split(images, labels)))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ((), r"mine has one class only \(none\); at least two"),
        (("a", "a"), 'mine has two classes named "a"; give each class a name of its own'),
        ((0, 1), "the class names of mine hold 0; texts were wanted"),
        (("a", "caf\udce9"), r"mine has the class 'caf\\udce9', whose name is not UTF-8 .* Rename the folder"),
    ],
)
def test_bad_class_names_are_explained(classes: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        require_usable(replace(GOOD, classes=classes))


def test_files_are_as_many_as_labels() -> None:
    with pytest.raises(DataError, match="the test part of mine has 5 files but 6 labels; expected as many of both"):
        require_usable(replace(GOOD, test=Split(IMAGES, LABELS, tuple("abcde"))))


def test_one_picture_a_class_leaves_none_to_test_with() -> None:
    alone = replace(GOOD, train=Split(IMAGES[:2], LABELS[:2]), test=Split(IMAGES[:0], LABELS[:0]))
    with pytest.raises(DataError, match="each class of mine has one picture; at least two are needed, one of them to"):
        require_usable(alone)
