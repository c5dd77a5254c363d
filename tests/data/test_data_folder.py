"""Folders and CSVs of pictures: which picture is what, in which part, and what is refused."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inksight.data import Split, load, load_labelled, sample
from inksight.data.dataset import joined
from inksight.errors import DataError, PictureError, UsageError
from inksight.imaging.decode import load_picture

Write = Callable[..., Path]


@pytest.fixture
def two_classes(tmp_path: Path, write_picture: Write) -> Path:
    """Ten pictures of each of two classes; the value tells the class."""
    root = tmp_path / "set"
    for number in range(10):
        write_picture(root / "cat" / f"{number}.png", 50 + number)
        write_picture(root / "dog" / f"{number}.png", 150 + number)
    return root


def values(images: np.ndarray) -> list[int]:
    """The ground value of each picture, as `write_picture` made it."""
    return [int(value) for value in images[:, 14, 14]]


def test_a_folder_of_class_folders_is_split(two_classes: Path) -> None:
    data = load(two_classes)
    assert (data.name, data.classes, data.preprocessing) == ("set", ("cat", "dog"), "resize")
    assert data.train.images.shape == (16, 28, 28) and data.train.images.dtype == np.uint8
    assert np.bincount(data.test.labels).tolist() == [2, 2] and data.test.labels.dtype == np.int64
    for part in (data.train, data.test):
        assert [value >= 150 for value in values(part.images)] == part.labels.astype(bool).tolist()
    together = sorted(values(data.train.images) + values(data.test.images))
    assert together == [*range(50, 60), *range(150, 160)]


def test_the_split_follows_the_seed(two_classes: Path) -> None:
    again = [load(two_classes, seed=seed).sha256 for seed in (0, 0, 1)]
    assert again[0] == again[1] != again[2]


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("testing", "valid", "Training"), ("dev", "TEST", "train")]
)
def test_parts_are_found_by_name(tmp_path: Path, write_picture: Write, names: tuple[str, ...]) -> None:
    kinds = {"t": 2, "v": 1, "d": 1}
    for name in names:
        number = 3 if name.lower().startswith("train") else kinds[name[0].lower()]
        for label in ("a", "b"):
            for index in range(number):
                write_picture(tmp_path / name / label / f"{index}.png", 10 * number)
    data = load(tmp_path)
    assert data.validation is not None
    assert (len(data.train), len(data.validation), len(data.test)) == (6, 2, 4)
    assert set(values(data.validation.images)) == {10} and set(values(data.test.images)) == {20}


def test_numbers_are_sorted_as_numbers(tmp_path: Path, write_picture: Write) -> None:
    for name in ("10", "9", "2"):
        for index in range(2):
            write_picture(tmp_path / name / f"{index}.png")
    assert load(tmp_path).classes == ("2", "9", "10")


def test_a_class_called_train_is_a_class(tmp_path: Path, write_picture: Write) -> None:
    for name in ("train", "bus"):
        for index in range(2):
            write_picture(tmp_path / name / f"{index}.png")
    assert load(tmp_path).classes == ("bus", "train")


def test_a_missing_test_part_comes_from_the_training_part(tmp_path: Path, write_picture: Write) -> None:
    for label in ("a", "b"):
        for index in range(10):
            write_picture(tmp_path / "train" / label / f"{index}.png")
        write_picture(tmp_path / "val" / label / "x.png")
    data = load(tmp_path)
    assert data.validation is not None
    assert (len(data.train), len(data.validation), len(data.test)) == (16, 2, 4)


def test_other_files_are_left_aside(two_classes: Path, write_picture: Write) -> None:
    (two_classes / "cat" / "notes.txt").write_text("not a picture")
    (two_classes / "cat" / ".hidden.png").write_text("not a picture")
    (two_classes / ".git").mkdir()
    (two_classes / "__MACOSX").mkdir()
    write_picture(two_classes / "cat" / "deeper" / "more.png", 99)
    data = load(two_classes)
    assert len(data.train) + len(data.test) == 21


def test_links_that_lead_back_are_not_followed(two_classes: Path) -> None:
    (two_classes / "loop").symlink_to(two_classes)
    (two_classes / "cat" / "up").symlink_to(two_classes)
    data = load(two_classes)
    assert data.classes == ("cat", "dog") and len(data.train) + len(data.test) == 20


def test_a_linked_class_folder_is_one(two_classes: Path, tmp_path: Path) -> None:
    (two_classes / "dog").rename(tmp_path / "elsewhere")
    (two_classes / "dog").symlink_to(tmp_path / "elsewhere")
    assert load(two_classes).classes == ("cat", "dog")


def test_any_size_is_brought_to_one(two_classes: Path, write_picture: Write) -> None:
    write_picture(two_classes / "cat" / "wide.png", 77, size=(20, 90))
    assert load(two_classes).size_px == 28
    data = load(two_classes, size_px=16)
    assert data.train.images.shape[1:] == (16, 16)
    assert 77 in values(np.concatenate([data.train.images, data.test.images])[:, 4:, 4:].repeat(2, 1).repeat(2, 2))


def test_prepare_brings_every_picture_to_size(two_classes: Path, write_picture: Write) -> None:
    write_picture(two_classes / "cat" / "big.png", 1, size=(60, 60))
    seen: list[tuple[int, ...]] = []

    def prepare(picture: np.ndarray) -> np.ndarray:
        seen.append(picture.shape)
        return np.full((28, 28), 201, np.uint8)

    data = load(two_classes, prepare=prepare, preprocessing="digits")
    assert len(seen) == len(data.train) + len(data.test) and (60, 60) in seen
    assert data.preprocessing == "digits"
    assert set(values(data.train.images) + values(data.test.images)) == {201}

    def refuse(picture: np.ndarray) -> np.ndarray:
        raise PictureError("the picture is blank.")

    with pytest.raises(DataError, match=r"\w+\.png: the picture is blank\. `inksight data check"):
        load(two_classes, prepare=refuse)


def test_one_coloured_picture_makes_the_set_coloured(two_classes: Path) -> None:
    colour = np.zeros((28, 28, 3), np.uint8)
    colour[..., 0] = 200
    Image.fromarray(colour).save(two_classes / "dog" / "zz.png")
    data = load(two_classes)
    assert data.channels == 3 and data.train.images.shape[1:] == data.test.images.shape[1:] == (28, 28, 3)
    images = np.concatenate([data.train.images, data.test.images])
    assert sorted(images[:, 14, 14].sum(axis=1).tolist())[0] == 150  # 3 × 50: the grey ones are stacked
    assert [200, 0, 0] in images[:, 14, 14].tolist()


def test_progress_reaches_the_end(two_classes: Path) -> None:
    told: list[tuple[int, int, str]] = []
    load(two_classes, progress=lambda *step: told.append(step))
    assert told[0][0] == 0 and told[-1] == (20, 20, "reading pictures")


def test_a_sample_is_what_load_has_there(two_classes: Path) -> None:
    data = load(two_classes)
    for split, index in (("train", 0), ("train", 15), ("test", 2)):
        image, label, classes, file = sample(two_classes, index, split)
        part = getattr(data, split)
        np.testing.assert_array_equal(image, part.images[index])
        assert (label, classes, file) == (part.labels[index], data.classes, part.files[index])
    with pytest.raises(UsageError, match=r"no picture .*set:test/4: the split test of .*set has 4 pictures, 0 to 3\."):
        sample(two_classes, 4)
    with pytest.raises(UsageError, match=r'no picture .*set:validation/0: no split "validation"\. Known: test, train'):
        sample(two_classes, 0, "validation")


def test_pictures_keep_the_names_of_their_files(two_classes: Path, write_picture: Write) -> None:
    """Relative to the set, in a folder as in a CSV; taking some, joining parts and holding some out keep them."""
    write_picture(two_classes / "cat" / "più bella" / "猫 1.png", 60)
    data = load(two_classes)
    for part in data.parts.values():
        for file, image in zip(part.files, part.images, strict=True):
            np.testing.assert_array_equal(load_picture(two_classes / file).pixels, image)
    assert {"cat/0.png", "dog/9.png", "cat/più bella/猫 1.png"} <= {*data.train.files, *data.test.files}
    held = data.held_out(0.25, seed=3)
    assert held.validation is not None and len(held.validation) == 4
    assert joined([held.train, held.validation]).files == held.train.files + held.validation.files
    for file, image in zip(held.validation.files, held.validation.images, strict=True):
        np.testing.assert_array_equal(load_picture(two_classes / file).pixels, image)
    assert joined([held.train, Split(held.train.images, held.train.labels)]).files is None

    (two_classes / "list.csv").write_text("image,label\ncat/0.png,a\ncat/1.png,a\ndog/0.png,b\ndog/1.png,b\n")
    assert sorted(load_labelled(two_classes / "list.csv", size_px=28, prepare=lambda each: each)[0].files) == [
        "cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png"
    ]  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_a_file_name_that_is_no_text_is_told_as_far_as_it_is(two_classes: Path) -> None:
    os.rename(two_classes / "cat" / "0.png", os.fsencode(two_classes / "cat") + b"/\xff.png")
    data = load(two_classes)
    assert "cat/\ufffd.png" in data.train.files + data.test.files


def test_a_sample_is_prepared_and_alone_is_decoded(two_classes: Path) -> None:
    seen: list[tuple[int, ...]] = []

    def prepare(picture: np.ndarray) -> np.ndarray:
        seen.append(picture.shape)
        return 255 - picture

    data = load(two_classes, prepare=prepare)
    seen.clear()
    image, label, *_ = sample(two_classes, 2, prepare=prepare)
    np.testing.assert_array_equal(image, data.test.images[2])
    assert (label, seen) == (data.test.labels[2], [(28, 28)])


def spoil_cut(root: Path) -> None:
    path = root / "dog" / "3.png"
    path.write_bytes(path.read_bytes()[:60])


def spoil_text(root: Path) -> None:
    (root / "dog" / "3.png").write_text("this is no picture")


def spoil_link(root: Path) -> None:
    (root / "dog" / "3.png").unlink()
    (root / "dog" / "3.png").symlink_to(root / "gone.png")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [(spoil_cut, "damaged or cut short"), (spoil_text, "not a picture"), (spoil_link, "no such file")],
)
def test_a_bad_picture_is_named(two_classes: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(two_classes)
    with pytest.raises(DataError, match=rf"dog/3\.png.*{message}.*`inksight data check .*` lists every bad file"):
        load(two_classes)


def test_folders_that_are_no_set(tmp_path: Path, write_picture: Write) -> None:
    with pytest.raises(DataError, match="is empty; wanted: a folder for each class"):
        load(tmp_path)
    write_picture(tmp_path / "1.png")
    with pytest.raises(DataError, match="holds 1 pictures but no class folders"):
        load(tmp_path)
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match="holds no pictures; put some in"):
        load(tmp_path)
    for index in range(3):
        write_picture(tmp_path / "a" / f"{index}.png")
    with pytest.raises(DataError, match=r"has one class only \(a\); at least two are needed"):
        load(tmp_path)
    (tmp_path / "b").mkdir()
    with pytest.raises(DataError, match='the class "b" has no pictures; put some in, or remove its folder'):
        load(tmp_path)


def test_one_picture_a_class_is_too_few(tmp_path: Path, write_picture: Write) -> None:
    for label in ("a", "b"):
        write_picture(tmp_path / label / "1.png")
    with pytest.raises(DataError, match=r"each class of .* has one picture; at least two are needed, one of them to"):
        load(tmp_path)


def test_no_folder_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(DataError, match="holds no class folders; wanted: a folder for each class"):
            load(tmp_path)
        gc.collect()
    assert [str(warning.message) for warning in told] == []


def test_parts_that_do_not_fit(tmp_path: Path, write_picture: Write) -> None:
    for part, label in (("train", "a"), ("train", "b"), ("test", "a"), ("test", "c")):
        write_picture(tmp_path / part / label / "1.png")
    with pytest.raises(DataError, match='class "c" is in the test part but not in the training part'):
        load(tmp_path)
    write_picture(tmp_path / "extra" / "1.png")
    with pytest.raises(DataError, match="has the folder extra beside test, train; only train, val and test"):
        load(tmp_path)
    (tmp_path / "extra").rename(tmp_path / "training")
    with pytest.raises(DataError, match="has two train folders, train and training; keep one"):
        load(tmp_path)
    os.rename(tmp_path / "training", tmp_path / "val")
    os.rename(tmp_path / "train", tmp_path / "dev")
    with pytest.raises(DataError, match="has two validation folders"):
        load(tmp_path)


def test_a_folder_without_train(tmp_path: Path, write_picture: Write) -> None:
    for label in ("a", "b"):
        write_picture(tmp_path / "test" / label / "1.png")
    with pytest.raises(DataError, match="pictures to test with but none to train on; add a train part"):
        load(tmp_path)


def test_a_table_names_pictures_and_parts(two_classes: Path) -> None:
    lines = ["Image,Label,Split"]
    lines += [f'cat/{number}.png,"a cat, really",{"test" if number < 2 else "train"}' for number in range(5)]
    lines += ["", *(f"dog/{number}.png,dog,{'val' if number < 2 else 'training'}" for number in range(5))]
    table = two_classes / "labels.csv"
    table.write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    data = load(table)
    assert (data.name, data.classes) == ("labels", ("a cat, really", "dog")) and data.validation is not None
    assert (values(data.test.images), values(data.validation.images)) == ([50, 51], [150, 151])
    assert values(data.train.images) == [52, 53, 54, 152, 153, 154]


def test_a_table_without_parts_is_split(two_classes: Path) -> None:
    table = two_classes / "labels.csv"
    table.write_text(
        "label,image\n" + "".join(f"{name},{name}/{n}.png\n" for name in ("cat", "dog") for n in range(10))
    )
    assert (len(load(table).train), len(load(table).test)) == (16, 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a.png,3\n", r'starts with the line "a\.png,3"; "image,label" or "image,label,split" was wanted'),
        ("", 'starts with the line ""'),
        ("image,label\n", "names no pictures"),
        ("image,label\na.png\n", r'line 2: an image and a label were wanted, "a\.png" came'),
        ("image,label,split\na.png,x,train\nb.png,y,maybe\n", 'line 3: the split is "maybe"; train, val or test'),
        (
            "image,label\nnowhere.png,x\nnowhere.png,y\nnowhere.png,x\nnowhere.png,y\n",
            r"nowhere\.png: there is no such file",
        ),
        ("image,label\n\xff\n", "not UTF-8 text"),
        ('image,label\n"a.png,x\n', "not a CSV that can be read"),
    ],
)
def test_a_bad_table_is_explained(tmp_path: Path, content: str, message: str) -> None:
    table = tmp_path / "labels.csv"
    table.write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match=message):
        load(table)


def test_what_is_no_set_at_all(tmp_path: Path, write_picture: Write) -> None:
    with pytest.raises(DataError, match="one picture; a data set is a folder"):
        load(write_picture(tmp_path / "1.png"))
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match="of no known kind; a data set is a folder"):
        load(tmp_path / "notes.txt")
    with pytest.raises(DataError, match=r"no data at .*gone: there is no such file or folder"):
        load(tmp_path / "gone")
    with pytest.raises(DataError, match=r"no data at \./mnits"):
        load("./mnits")
    with pytest.raises(
        UsageError, match=r'^no data set "mnits"\. Did you mean mnist\? Known: fashion-mnist, kmnist, mnist, '
    ):
        load("mnits")


@pytest.mark.parametrize("source", ["", "  "])
def test_no_name_is_no_set(source: str) -> None:
    with pytest.raises(UsageError, match=r"an empty name came; a data set's name .* or a path was wanted"):
        load(source)


def test_values_out_of_range() -> None:
    with pytest.raises(UsageError, match="the size is 4 px; 8 to 512 px were wanted"):
        load("mnist", size_px=4)
    with pytest.raises(UsageError, match=r'no preprocessing "digit"\. Did you mean digits'):
        load("mnist", preprocessing="digit")
