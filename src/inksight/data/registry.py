"""The data sets known by name. This is data: a set is one row, and nothing here runs."""

from __future__ import annotations

from dataclasses import dataclass

IDX_FILES = {
    ("train", "images"): "train-images-idx3-ubyte.gz",
    ("train", "labels"): "train-labels-idx1-ubyte.gz",
    ("test", "images"): "t10k-images-idx3-ubyte.gz",
    ("test", "labels"): "t10k-labels-idx1-ubyte.gz",
}


@dataclass(frozen=True)
class KnownSet:
    """One row: four IDX files that come with the package or from one of several mirrors.

    hashes: (part, kind) -> "sha256:…" or "md5:…", of the packed file as it is fetched; of the unpacked bytes when the
    set is embedded. mirrors: folders on the network, tried in turn. count: pictures in (train, test).
    """

    name: str
    title: str
    classes: tuple[str, ...]
    license: str
    homepage: str
    hashes: dict[tuple[str, str], str]
    packed_bytes: int
    mirrors: tuple[str, ...] = ()
    embedded: bool = False
    preprocessing: str = "resize"
    size_px: int = 28
    count: tuple[int, int] = (60_000, 10_000)


MNIST = KnownSet(
    name="mnist",
    title="handwritten digits",
    classes=tuple("0123456789"),
    license="CC BY-SA 3.0, Yann LeCun and Corinna Cortes",
    homepage="http://yann.lecun.com/exdb/mnist/",
    hashes={
        ("train", "images"): "sha256:ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ("train", "labels"): "sha256:65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ("test", "images"): "sha256:0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ("test", "labels"): "sha256:ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    packed_bytes=11_369_320,
    embedded=True,
    preprocessing="digits",
)

# MD5 as published in the set's own README; SHA-256 is not published there.
FASHION_MNIST = KnownSet(
    name="fashion-mnist",
    title="clothing",
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    license="MIT, Zalando SE",
    homepage="https://github.com/zalandoresearch/fashion-mnist",
    hashes={
        ("train", "images"): "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        ("train", "labels"): "md5:25c81989df183df01b3e8a0aad5dffbe",
        ("test", "images"): "md5:bef4ecab320f06d8554ea6380940ec79",
        ("test", "labels"): "md5:bb300cfdad3c16e7a12a480ee83cd310",
    },
    packed_bytes=30_878_645,
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
)

# SHA-256 as TensorFlow Datasets (url_checksums/kmnist.txt) and torchvision-ruby both hold them.
KMNIST = KnownSet(
    name="kmnist",
    title="cursive Japanese",
    classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    license="CC BY-SA 4.0, ROIS-DS Center for Open Data in the Humanities",
    homepage="https://github.com/rois-codh/kmnist",
    hashes={
        ("train", "images"): "sha256:51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        ("train", "labels"): "sha256:e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        ("test", "images"): "sha256:edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        ("test", "labels"): "sha256:20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
    },
    packed_bytes=21_240_888,
    mirrors=(
        "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    ),
)

SETS: dict[str, KnownSet] = {row.name: row for row in (MNIST, FASHION_MNIST, KMNIST)}
