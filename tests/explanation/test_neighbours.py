"""The nearest training pictures: the features are the network's own, and the cache never tells an untruth."""

import numpy as np
import pytest

import inksight
from inksight.explanation import neighbours
from inksight.explanation.neighbours import FOLDER, FeatureReader, kept_features, nearest
from inksight.export.lowering import plan_of
from inksight.export.onnx import to_onnx
from inksight.export.replay import walk
from inksight.models import build
from inksight.utils.atomic import cache_folder


@pytest.fixture(scope="module")
def content():
    return inksight.Predictor.shipped().content


@pytest.fixture(scope="module")
def reader(content):
    return FeatureReader(content)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("INKSIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def before_the_last_dense(content, images):
    """The same values by the plan in NumPy, of each member whose ten scores come of a dense layer; rows of length 1."""
    plan = plan_of(content)
    values = walk(plan, images)
    last = [each for each in plan.operations if each["operator"] == "dense" and each["shape"] == [10]]
    found = np.concatenate([values[each["inputs"][0]] for each in last], axis=1)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.mark.parametrize("members", [1, 3])
def test_features_are_what_the_last_dense_layer_of_each_member_reads(mnist, members):
    content = to_onnx(build("strided", (28, 28, 1), 10, {}, seed=0, members=members), {}).SerializeToString()
    images = mnist.train.images[:5, ..., None]
    features = FeatureReader(content).features(images)
    assert features.shape == (5, members * 256)
    assert np.abs(features - before_the_last_dense(content, images)).max() < 1e-5


def test_features_of_the_bundled_model(content, reader, mnist):
    images = mnist.train.images[:50, ..., None]
    assert np.abs(reader.features(images) - before_the_last_dense(content, images)).max() < 1e-5


def test_the_nearest_have_the_same_class(reader, mnist):
    """2,000 pictures are asked about 200 others; the picture itself is the nearest to itself."""
    known = reader.features(mnist.train.images[:2000, ..., None])
    wanted = reader.features(mnist.train.images[2000:2200, ..., None])
    found = np.array([mnist.train.labels[nearest(known, row, 5)[0]] for row in wanted])
    assert (found == mnist.train.labels[2000:2200, None]).mean() > 0.97
    order, likeness = nearest(known, known[77], 3)
    assert order[0] == 77 and likeness[0] == pytest.approx(1, abs=1e-5) and (np.diff(likeness) <= 0).all()


def test_features_are_kept_and_a_damaged_file_is_made_again(content, reader, mnist, cache):
    images = mnist.train.images[:300, ..., None]
    told = []
    first = kept_features(content, images, reader, lambda *news: told.append(news))
    (path,) = (cache / FOLDER).iterdir()
    assert told[0][:2] == (0, 300) and told[-1][:2] == (300, 300)
    told.clear()
    assert np.array_equal(kept_features(content, images, reader, lambda *news: told.append(news)), first)
    assert told == []
    whole = path.read_bytes()
    for damaged in (whole[:-100], whole[:5000] + bytes(500) + whole[5500:], b""):
        path.write_bytes(damaged)
        assert np.array_equal(kept_features(content, images, reader), first)
        assert path.read_bytes() == whole
    kept_features(content, images[:100], reader)
    assert len(list((cache / FOLDER).iterdir())) == 2


def test_only_what_was_used_last_is_kept(content, reader, mnist, cache, monkeypatch):
    monkeypatch.setattr(neighbours, "KEPT_BYTES", 20_000)
    images = mnist.train.images[:20, ..., None]
    for count in range(1, 8):
        kept_features(content, images[:count], reader)
    sizes = [file.stat().st_size for file in (cache_folder() / FOLDER).iterdir()]
    assert 1 <= len(sizes) < 7
    assert sum(sizes) <= 20_000


def test_a_cache_that_cannot_be_written_is_done_without(content, reader, mnist, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("INKSIGHT_CACHE", str(tmp_path / "file"))
    images = mnist.train.images[:5, ..., None]
    assert np.allclose(kept_features(content, images, reader), reader.features(images), atol=1e-3)  # float16
