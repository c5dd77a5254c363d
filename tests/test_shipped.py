"""The model that comes with the package: small, made by the project's own command, and right about real digits."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageFilter

import inksight
from inksight import runs


@pytest.fixture(scope="module")
def reader() -> inksight.Predictor:
    return inksight.Predictor.shipped()


def test_it_is_small_and_says_where_it_comes_from(reader):
    assert sum(file.stat().st_size for file in runs.SHIPPED.iterdir()) < 3_500_000
    provenance = reader.card.provenance
    assert provenance["command"].startswith("inksight train hands.npz ")
    assert "MNIST" in provenance["data"]["license"] and "Open Font License" in provenance["data"]["license"]
    assert reader.card.preprocessing == "digits"


def test_it_is_as_good_as_it_says(reader, mnist):
    answers = reader.probabilities(mnist.test.images).argmax(1)
    right = int((answers == mnist.test.labels).sum())
    assert 10_000 - right == reader.card.provenance["test"]["errors"]
    assert right / 10_000 >= 0.996


def photographed(digit: np.ndarray, seed: int) -> Image.Image:
    """A digit as on a photo of paper: dark pen, a shadow across, grain, out of centre, JPEG later."""
    generator = np.random.default_rng(seed)
    side, height, width = 90, 320, 260
    ink = np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC), float) / 255
    top, left = generator.integers(20, height - side - 20), generator.integers(20, width - side - 20)
    cover = np.zeros((height, width))
    cover[top : top + side, left : left + side] = ink
    shadow = np.linspace(1, generator.uniform(0.6, 0.8), width)[None, :] * np.linspace(1, 0.9, height)[:, None]
    paper = np.array([225, 218, 205]) * shadow[..., None]
    pen = np.array([35, 40, 110])
    picture = paper * (1 - cover[..., None]) + pen * cover[..., None] + generator.normal(0, 3, (height, width, 1))
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.7))


@pytest.mark.slow
def test_it_reads_photographed_digits(reader, mnist, tmp_path):
    """200 test digits that it gets right as they are, put on paper: at least 98 in 100 stay right."""
    images, labels = mnist.test.images[:200], mnist.test.labels[:200]
    files = []
    for index, image in enumerate(images):
        files.append(tmp_path / f"{index}.jpg")
        photographed(image, index).save(files[-1], quality=80)
    found = np.array([int(answer.label) for answer in reader.predict_many(files)])
    assert (found == labels).mean() >= 0.98


def test_answering_needs_neither_keras_nor_jax(mnist, tmp_path):
    Image.fromarray(mnist.test.images[0]).save(tmp_path / "seven.png")
    program = (
        "import sys; sys.argv = ['inksight', 'predict', 'seven.png', '--json']\n"
        "from inksight.cli import main\n"
        "try:\n    main()\n"
        "finally:\n"
        "    heavy = {'keras', 'jax', 'tensorflow', 'torch', 'matplotlib', 'onnx', 'pooch'} & set(sys.modules)\n"
        "    print('heavy:', sorted(heavy), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert '"label": "7"' in done.stdout
    assert "heavy: []" in done.stderr
