"""What would flip an answer: each is a real picture that the model itself answers so, and near to the first."""

import numpy as np
import pytest

import inksight
from inksight.explanation.flip import flips
from inksight.export.lowering import plan_of
from inksight.export.plan import Plan


@pytest.fixture(scope="module")
def reader():
    return inksight.Predictor.shipped()


def test_every_flip_is_what_it_says(reader, mnist):
    image = mnist.test.images[115][..., None]
    label = int(reader.probabilities(image[None]).argmax())
    found = flips(plan_of(reader.content), reader.probabilities, image, label)
    reached = [each.label for each in found]
    assert len(set(reached)) == len(reached) >= 7 and label not in reached
    assert [each.rms for each in found] == sorted(each.rms for each in found)
    for each in found:
        row = reader.probabilities(each.image[None])[0]
        change = each.image.astype(float) - image
        assert each.image.dtype == np.uint8 and row.argmax() == each.label
        assert each.confidence == pytest.approx(float(row.max()))
        assert each.rms == pytest.approx(np.sqrt((change**2).mean())) and each.largest == np.abs(change).max()
        assert each.pixels == np.count_nonzero(change)


def test_it_is_smaller_than_other_ways_there(reader, mnist):
    """Against the straight way to the nearest training picture of another class, and against noise of that size."""
    image = mnist.train.images[5][..., None].astype(float)
    answers = reader.probabilities(mnist.train.images[:3000]).argmax(axis=1)
    label = answers[5]
    (first, *_) = flips(plan_of(reader.content), reader.probabilities, mnist.train.images[5][..., None], int(label))
    others = mnist.train.images[:3000][answers != label][..., None]
    target = others[((others - image) ** 2).sum(axis=(1, 2, 3)).argmin()]
    way = np.stack([image + share * (target - image) for share in np.linspace(0, 1, 51)])
    at = np.flatnonzero(reader.probabilities(np.rint(way).astype(np.uint8)).argmax(axis=1) != label)[0]
    assert first.rms < 0.7 * np.sqrt(((way[at] - image) ** 2).mean())
    noise = np.random.default_rng(0).normal(0, 2 * first.rms, (50, 28, 28, 1))
    noisy = np.rint(np.clip(image + noise, 0, 255)).astype(np.uint8)
    assert (reader.probabilities(noisy).argmax(axis=1) == label).mean() > 0.9


def test_a_linear_model_is_flipped_at_its_border():
    """Where the nearest border is known, and that class 2 can never be ahead of both others."""
    weights = np.zeros((16, 3), np.float32)
    weights[:8, 0], weights[8:, 1], weights[::2, 2] = 0.02, 0.02, 0.01
    operations = [
        {"operator": "flatten", "inputs": [0], "shape": [16]},
        {
            "operator": "dense",
            "inputs": [1],
            "shape": [3],
            "kernel": {"offset": 0, "shape": [16, 3]},
            "bias": {"offset": 48, "shape": [3]},
        },
        {"operator": "softmax", "inputs": [2], "shape": [3]},
    ]
    plan = Plan(operations, np.concatenate([weights.ravel(), np.zeros(3, np.float32)]))

    def probabilities(images):
        powers = np.exp(images.reshape(-1, 16) @ weights)
        return powers / powers.sum(axis=1, keepdims=True)

    image = np.full((4, 4, 1), 100, np.uint8)
    image[:2] += 20
    found = {each.label: each for each in flips(plan, probabilities, image, 0)}
    assert found[1].rms == pytest.approx(10, abs=1.1)
    assert found.keys() == {1}
