"""Planted label errors are found, in digits and in folders of one's own; what cannot be judged is said."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import inksight
from inksight.data.dataset import Split
from inksight.errors import DataError, UsageError
from inksight.search.label_issues import FOLDS, RECIPES, Doubts, find_doubts, stratified_folds

PLANTED = 40


@pytest.fixture(scope="module")
def planted(small_mnist):
    """The small part of MNIST, 40 of its 2,000 training labels swapped for another: (the set, bool (2000,))."""
    generator = np.random.default_rng(1)
    bad = generator.permutation(len(small_mnist.train))[:PLANTED]
    labels = small_mnist.train.labels.copy()
    labels[bad] = (labels[bad] + generator.integers(1, 10, PLANTED)) % 10
    wrong = np.zeros(len(labels), bool)
    wrong[bad] = True
    return replace(small_mnist, train=Split(small_mnist.train.images, labels)), wrong


@pytest.mark.slow
def test_planted_errors_are_found(planted):
    """Measured, on four: 36 to 38 of the first 40 are planted, all 40 among the first 100, 42 to 51 estimated."""
    data, wrong = planted
    told = []
    found = find_doubts(data, "train", "quick", progress=lambda *step: told.append(step))
    ranked = [row.index for row in found.ranked()]
    assert sorted(ranked) == list(range(2000))
    assert wrong[ranked[:PLANTED]].sum() >= 30
    assert wrong[ranked[:100]].sum() >= 37
    assert 30 <= found.estimated_errors <= 65
    assert sum(row.error for row in found.ranked()) == found.estimated_errors
    first = found.ranked(1)[0]
    assert (first.split, first.file) == ("train", None)
    assert first.given == data.classes[data.train.labels[first.index]] != first.suggested
    assert first.margin < first.confidence < 0.1 and first.margin < -0.5
    assert found.networks == 8 and told[-1][0] == told[-1][1] and told[-1][2] == "training 8 networks"


def test_the_test_part_is_judged_by_the_training_part(small_mnist, monkeypatch):
    monkeypatch.setitem(RECIPES, "quick", replace(RECIPES["quick"], rounds_whole=2))
    labels = small_mnist.test.labels.copy()
    labels[:5] = (labels[:5] + 1) % 10
    data = replace(small_mnist, test=Split(small_mnist.test.images, labels))
    found = find_doubts(data, "test", "quick")
    assert found.networks == 2
    assert {row.index for row in found.ranked(50)} >= set(range(5))


def test_a_short_time_limit_makes_fewer_networks(small_mnist):
    """What they know by then is a matter of the machine: one step, where compiling takes the time."""
    found = find_doubts(small_mnist, "test", "quick", time_limit_s=0.5)
    assert 1 <= found.networks < 8
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)


@pytest.fixture
def folder(tmp_path):
    """Colour squares in a folder: few, not as many of each, odd names; one of 9 lies in the wrong folder."""
    generator = np.random.default_rng(0)
    for name, channel, count in (("red & <hot>", 0, 25), ("green", 1, 12), ("ブルー", 2, 9)):
        (tmp_path / "own" / name).mkdir(parents=True)
        for index in range(count):
            pixels = generator.integers(0, 90, (12, 12, 3), np.uint8)
            pixels[..., 0 if (name, index) == ("ブルー", 4) else channel] += 120
            Image.fromarray(pixels).save(tmp_path / "own" / name / f"{index}.png")
    return tmp_path


@pytest.mark.slow
def test_a_folder_by_the_command(folder, command):
    arguments = ["--preset", "quick", "--size", "12", "--limit", "3", "--out", "sheet.png"]
    done = command(folder, "data", "doubt", "own", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    first = answer["doubts"][0]
    assert (first["given"], first["suggested"], first["file"]) == ("ブルー", "red & <hot>", "ブルー/4.png")
    assert first["error"] and first["confidence"] < 0.3
    assert (answer["images"], answer["split"], answer["estimated_errors"]) == (46, "all", 1)
    data = inksight.load(folder / "own", size_px=12)
    assert data.parts[first["split"]].files[first["index"]] == "ブルー/4.png"
    image = data.parts[first["split"]].images[first["index"]]
    assert image[..., 0].mean() > image[..., 2].mean(), "the index is that of the part as it is loaded"
    with Image.open(folder / "sheet.png") as sheet:
        assert sheet.mode == "RGB" and sheet.width > 3 * 84


def test_equal_doubts_keep_the_order_of_the_set():
    split = Split(np.zeros((4, 8, 8), np.uint8), np.array([0, 0, 1, 0]))
    rows = np.array([[0.5, 0.5], [0.2, 0.8], [0.8, 0.2], [0.5, 0.5]], np.float32)
    found = Doubts(("a", "b"), split, rows, [("train", index) for index in range(4)], "", 1, 0.0)
    assert [row.index for row in found.ranked()] == [1, 2, 0, 3]
    assert [row.suggested for row in found.ranked()] == ["b", "a", "b", "b"]


@pytest.mark.parametrize("counts", [(4, 4), (2, 50), (3, 7, 100)])
def test_every_class_is_learned_beside_every_fold(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    folds = stratified_folds(labels, seed=0)
    for fold in np.unique(folds):
        assert set(labels[folds != fold]) == set(range(len(counts)))
    for label, count in enumerate(counts):
        sizes = np.bincount(folds[labels == label], minlength=FOLDS)
        assert sizes.sum() == count and sizes.max() - sizes.min() <= 1
    assert (folds != stratified_folds(labels, seed=1)).any()


def test_what_cannot_be_judged_is_said(small_mnist):
    with pytest.raises(UsageError, match='no split "tset". Did you mean test'):
        find_doubts(small_mnist, "tset")
    whole = replace(small_mnist, validation=None)
    with pytest.raises(UsageError, match='no preset "thorough". Known: quick, standard.'):
        find_doubts(small_mnist, "test", "thorough")
    with pytest.raises(UsageError, match="small has no validation part; it has train, test."):
        find_doubts(whole, "validation")
    with pytest.raises(UsageError, match="the time limit is 0 seconds"):
        find_doubts(whole, time_limit_s=0)
    train = small_mnist.train
    lone = np.r_[np.flatnonzero(train.labels != 7), np.flatnonzero(train.labels == 7)[:1]]
    with pytest.raises(DataError, match=r"small has too few pictures of 7 \(1\) to judge .* at least 2 of each"):
        find_doubts(replace(whole, train=Split(train.images[lone], train.labels[lone])), "train")
    none = np.flatnonzero(train.labels != 7)
    with pytest.raises(DataError, match=r"too few pictures of 7 \(0\) to judge .* at least 1 of each"):
        find_doubts(replace(whole, train=Split(train.images[none], train.labels[none])), "test")
    with pytest.raises(DataError, match="one class only"):
        find_doubts(replace(whole, classes=("0",)))
    with pytest.raises(UsageError, match='no data set "mnits"'):
        find_doubts("mnits")
