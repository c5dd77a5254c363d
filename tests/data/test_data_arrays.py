"""Sets that come as arrays: MNIST itself, .npz, IDX folders."""

from __future__ import annotations

import gzip
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inksight.data import load, sample
from inksight.errors import DataError, PictureError, UsageError
from inksight.imaging import digit_input

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
LABELS = np.arange(20) % 2


def save(tmp_path: Path, **arrays: Any) -> Path:
    """An npz with the arrays given, and good ones where none is."""
    good = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:6], "y_test": LABELS[:6]}
    path = tmp_path / "set.npz"
    np.savez(path, **{name: value for name, value in (good | arrays).items() if value is not None})
    return path


def test_mnist_comes_with_the_package() -> None:
    data = load("mnist")
    assert (data.train.images.shape, data.test.images.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert (str(data.train.images.dtype), str(data.train.labels.dtype)) == ("uint8", "int64")
    assert (data.name, data.classes, data.preprocessing) == ("mnist", tuple("0123456789"), "digits")
    assert data.train.labels[7777] == 8 and data.test.labels[4444] == 9
    assert data.license.startswith("CC BY-SA 3.0")
    assert data.sha256 == "1e35582d42a90940c55b956deb61875c020b567ed20e3c5b174f52bf7809ed9b"


def test_a_sample_of_mnist() -> None:
    image, label, classes, file = sample("mnist", 4444)
    assert (image.shape, classes[label], file) == ((28, 28), "9", None)
    assert sample("mnist", 7777, "train").label == 8
    assert sample("mnist", 0, size_px=14)[0].shape == (14, 14)
    with pytest.raises(
        UsageError, match=r"no picture mnist:test/10000: the split test .* has 10,000 pictures, 0 to 9,999\."
    ):
        sample("mnist", 10_000)
    with pytest.raises(UsageError, match="no picture mnist:train/-1: the split train of mnist has 60,000 pictures"):
        sample("mnist", -1, "train")
    with pytest.raises(UsageError, match='no picture mnist:trian/0: no split "trian". Did you mean train'):
        sample("mnist", 0, "trian")


def test_a_sample_imports_nothing_heavy() -> None:
    code = (
        "import sys; from inksight.data import sample; sample('mnist', 0);"
        "heavy = {'keras', 'jax', 'onnxruntime', 'cv2', 'PIL', 'pooch', 'requests'}; print(heavy & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_an_npz_comes_back(tmp_path: Path) -> None:
    data = load(save(tmp_path, x_val=IMAGES[:4], y_val=LABELS[:4].reshape(-1, 1), classes=np.array(["cat", "dog"])))
    np.testing.assert_array_equal(data.train.images, IMAGES)
    np.testing.assert_array_equal(data.test.labels, LABELS[:6])
    assert data.validation is not None and len(data.validation) == 4
    assert (data.name, data.classes) == ("set", ("cat", "dog"))


def test_an_npz_may_bring_pictures_of_no_class_and_a_license(tmp_path: Path) -> None:
    images, labels = np.zeros((8, 28, 28)), np.arange(8) % 2
    parts = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    data = load(save(tmp_path, **parts, x_outliers=np.ones((3, 28, 28)), license="CC BY 4.0"))
    assert data.outliers is not None and data.outliers.dtype == np.uint8 and data.outliers.min() == 255
    assert data.license == "CC BY 4.0"
    assert data.sha256 != load(save(tmp_path, **parts)).sha256
    with pytest.raises(DataError, match=r"the outliers of .* have the shape \(20, 20\), the train part \(28, 28\)"):
        load(save(tmp_path, **parts, x_outliers=np.ones((3, 20, 20))))


def test_an_npz_without_a_test_part_is_split(tmp_path: Path) -> None:
    path = save(tmp_path, x_test=None, y_test=None)
    data = load(path, seed=3)
    assert (len(data.train), len(data.test)) == (16, 4) and data.classes == ("0", "1")
    assert load(path, seed=3).sha256 == data.sha256 != load(path, seed=4).sha256


@pytest.mark.parametrize(
    "x_train",
    [IMAGES[..., None], IMAGES / 255, IMAGES.astype(np.float32), IMAGES.astype(np.int64), np.stack([IMAGES] * 3, -1)],
    ids=["channel", "0 to 1", "0 to 255", "int64", "needless colour"],
)
def test_pixels_of_any_kind_become_bytes(tmp_path: Path, x_train: np.ndarray) -> None:
    scale = 255 if x_train.max() <= 1 else 1
    data = load(save(tmp_path, x_train=x_train, x_test=IMAGES[:6] / scale))
    assert data.train.images.dtype == np.uint8
    np.testing.assert_array_equal(data.train.images, IMAGES)
    np.testing.assert_array_equal(data.test.images, IMAGES[:6])


def test_the_scale_is_that_of_the_whole_set(tmp_path: Path) -> None:
    dark = np.zeros((6, 28, 28), np.float32)
    dark[:, 3, 3] = 1
    assert load(save(tmp_path, x_train=IMAGES.astype(np.float32), x_test=dark)).test.images.max() == 1


def test_colour_stays_and_grey_is_stacked(tmp_path: Path) -> None:
    colour = np.random.default_rng(1).integers(0, 256, (20, 32, 32, 3), np.uint8)
    data = load(save(tmp_path, x_train=colour))
    assert data.train.images.shape == (20, 28, 28, 3) and data.test.images.shape == (6, 28, 28, 3)
    np.testing.assert_array_equal(data.test.images[..., 1], IMAGES[:6])
    np.testing.assert_array_equal(load(save(tmp_path, x_train=colour), size_px=32).train.images, colour)


def framed(colour: bool) -> tuple[np.ndarray, np.ndarray]:
    """Eight digits of MNIST and the same on white paper twice as large, grey or RGB."""
    digits = load("mnist").test.images[:8]
    paper = 255 - np.pad(digits, ((0, 0), (14, 14), (14, 14)))
    return digits, np.stack([paper // 2, paper, paper], -1) if colour else paper


@pytest.mark.parametrize("colour", [False, True])
def test_arrays_go_through_prepare(tmp_path: Path, colour: bool) -> None:
    _, paper = framed(colour)
    images = {"x_train": paper, "x_val": paper[:2], "x_test": paper[2:6]}
    path = save(tmp_path, **images, y_train=LABELS[:8], y_val=LABELS[:2], y_test=LABELS[2:6])
    data = load(path, prepare=digit_input)
    assert data.train.images.shape == (8, 28, 28) and data.validation is not None
    for part, pictures in ((data.train, paper), (data.validation, paper[:2]), (data.test, paper[2:6])):
        np.testing.assert_array_equal(part.images, [digit_input(picture) for picture in pictures])
    image, label, *_ = sample(path, 3, prepare=digit_input)
    np.testing.assert_array_equal(image, data.test.images[3])
    assert label == data.test.labels[3] and not np.array_equal(image, sample(path, 3)[0])


def test_framed_arrays_pass_through_prepare(tmp_path: Path) -> None:
    digits, _ = framed(colour=False)
    path = save(tmp_path, x_train=digits, y_train=LABELS[:8], x_test=digits, y_test=LABELS[:8])
    assert load(path, prepare=digit_input).sha256 == load(path).sha256


def test_one_coloured_answer_of_prepare_makes_all_parts_coloured(tmp_path: Path) -> None:
    def prepare(picture: np.ndarray) -> np.ndarray:
        return np.stack([picture] * 3, -1) if np.array_equal(picture, IMAGES[7]) else picture

    data = load(save(tmp_path, x_test=IMAGES[:6]), prepare=prepare)
    assert data.train.images.shape == (20, 28, 28, 3) and data.test.images.shape == (6, 28, 28, 3)
    np.testing.assert_array_equal(data.train.images, np.stack([IMAGES] * 3, -1))


def test_preparing_arrays_tells_how_far_it_is(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    load(save(tmp_path), size_px=14, progress=lambda *step: told.append(step))
    assert told == [(0, 26, "preparing pictures"), (26, 26, "preparing pictures")]


def test_a_refused_array_picture_is_named(tmp_path: Path) -> None:
    blank = np.concatenate([IMAGES[:3], np.full((3, 28, 28), 9, np.uint8)])
    path = save(tmp_path, x_test=blank)

    def prepare(picture: np.ndarray) -> np.ndarray:
        if np.ptp(picture) == 0:
            raise PictureError("the picture is blank.")
        return picture

    for ask in (lambda: load(path, prepare=prepare), lambda: sample(path, 3, prepare=prepare)):
        with pytest.raises(DataError, match=r"^.*set\.npz:test/3: the picture is blank\. `inksight data check"):
            ask()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x_train": None}, "holds x_test, y_test, y_train; x_train and y_train were wanted"),
        ({"y_test": None}, "x_test and y_test were wanted"),
        ({"x_train": np.array([None, {}])}, "holds Python objects; they are never unpickled"),
        ({"y_train": np.array(["0"] * 20, object)}, "holds Python objects"),
        ({"x_train": IMAGES[0]}, r"x_train in .* has the shape \(28, 28\); \(n, height, width\) or"),
        ({"x_train": np.zeros((20, 28, 28, 4), np.uint8)}, r"has the shape \(20, 28, 28, 4\)"),
        (
            {"x_test": IMAGES[:0], "y_test": LABELS[:0]},
            r"has the shape \(0, 28, 28\); .* was wanted, and none of them 0",
        ),
        ({"x_train": IMAGES.astype(complex)}, "of the type complex128; numbers were wanted"),
        ({"x_train": np.where(IMAGES == 7, np.nan, IMAGES)}, "x_train in .* pixels that are not numbers"),
        ({"x_train": np.where(IMAGES == 7, np.inf, IMAGES)}, "not numbers"),
        ({"x_train": IMAGES / 127.5 - 1}, "pixels from -1 to 1; 0 to 1 or 0 to 255 were wanted"),
        ({"x_train": IMAGES.astype(np.uint16) * 257}, "pixels from 0 to 65535"),
        ({"y_train": LABELS - 1}, "y_train in .* has labels from -1 to 0"),
        ({"y_train": LABELS + 0.5}, "not whole numbers"),
        ({"y_train": np.where(LABELS, np.nan, 0)}, "not whole numbers"),
        ({"y_train": LABELS * 10**9}, "labels from 0 to 1e\\+09; 0 to 9,999 at most"),
        ({"y_train": np.eye(2)[LABELS]}, r"y_train in .* has the shape \(20, 2\); one class number a picture"),
        ({"y_train": LABELS.astype(str)}, "class numbers were wanted"),
        ({"y_test": LABELS[:6] + 1}, "the test part of .* has the labels 2, which the training part does not have"),
        ({"y_train": LABELS[:19]}, "the train part of .* has 20 images but 19 labels"),
        ({"y_train": LABELS * 0, "y_test": LABELS[:6] * 0}, r"has one class only \(0\)"),
        ({"classes": np.array(["cat"])}, r"has one class only \(cat\)"),
        (
            {"y_train": LABELS * 2, "y_test": None, "x_test": None, "classes": np.array(["a", "b"])},
            "labels from 0 to 2",
        ),
    ],
)
def test_a_bad_npz_is_explained(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(save(tmp_path, **arrays))


def test_other_bytes_are_no_npz(tmp_path: Path) -> None:
    good = save(tmp_path).read_bytes()
    broken = bytearray(good)
    broken[200:4000] = bytes(3800)
    for content, message in (
        (good[: len(good) // 2], "not an npz .* or it is cut short"),
        (pickle.dumps([1, 2]), "not an npz"),
        (b"", "not an npz"),
        (bytes(broken), "not an npz that can be read"),
    ):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(DataError, match=message):
            load(tmp_path / "bad.npz")


@pytest.fixture
def idx_folder(tmp_path: Path, server: Any) -> Path:
    """The four packed files of a small set."""
    folder = tmp_path / "idx"
    folder.mkdir()
    for name, content in server.files.items():
        (folder / name).write_bytes(content)
    return folder


def test_an_idx_folder_comes_back(idx_folder: Path) -> None:
    data = load(idx_folder)
    assert (len(data.train), len(data.test), data.classes, data.preprocessing) == (20, 10, ("0", "1"), "resize")
    for name in ("train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        packed = idx_folder / f"{name}.gz"
        (idx_folder / name.replace("-idx", ".idx")).write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    assert load(idx_folder).sha256 == data.sha256
    assert load(idx_folder / "t10k-images-idx3-ubyte.gz").sha256 == data.sha256
    assert load(idx_folder, size_px=10).size_px == 10
    np.testing.assert_array_equal(sample(idx_folder, 3)[0], data.test.images[3])


def test_a_bad_idx_folder_is_explained(idx_folder: Path) -> None:
    (idx_folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"has IDX files, but not t10k-labels-idx1-ubyte\.gz; put it there too"):
        load(idx_folder)
    (idx_folder / "t10k-images-idx3-ubyte.gz").unlink()
    assert len(load(idx_folder).test) == 4
    images = idx_folder / "train-images-idx3-ubyte.gz"
    images.write_bytes(images.read_bytes()[:5000])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz is cut short inside its gzip stream"):
        load(idx_folder)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("t10k-images-idx3-ubyte.gz", IMAGES[:0], r"t10k-images-idx3-ubyte\.gz in .*idx has the shape \(0, 28, 28\)"),
        ("train-images-idx3-ubyte.gz", IMAGES[:, :0], r"has the shape \(20, 0, 28\); .* and none of them 0"),
        ("train-labels-idx1-ubyte.gz", LABELS[:0], r"train-labels-idx1-ubyte\.gz in .*idx is .* 0 long"),
        ("train-labels-idx1-ubyte.gz", LABELS[:7], "the train part of .* has 20 images but 7 labels"),
    ],
)
def test_idx_files_pass_the_checks_of_arrays(idx_folder: Path, name: str, array: np.ndarray, message: str) -> None:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    (idx_folder / name).write_bytes(header + array.astype(np.uint8).tobytes())
    with pytest.raises(DataError, match=message):
        load(idx_folder)


def test_labels_that_do_not_occur_are_no_classes(tmp_path: Path, idx_folder: Path) -> None:
    letters = np.where(LABELS, 26, 1)
    data = load(save(tmp_path, y_train=letters, y_test=letters[:6]))
    assert data.classes == ("1", "26") and data.train.labels.dtype == np.int64
    np.testing.assert_array_equal(data.train.labels, LABELS)
    np.testing.assert_array_equal(data.test.labels, LABELS[:6])
    far = load(save(tmp_path, y_train=LABELS * 9999, y_test=LABELS[:6] * 9999))
    assert far.classes == ("0", "9999") and far.test.labels.max() == 1
    for name, labels in (("train-labels-idx1-ubyte", letters), ("t10k-labels-idx1-ubyte", letters[:10])):
        content = bytes([0, 0, 8, 1]) + np.array(labels.shape, ">u4").tobytes() + labels.astype(np.uint8).tobytes()
        (idx_folder / f"{name}.gz").write_bytes(gzip.compress(content))
    assert load(idx_folder).classes == ("1", "26")
