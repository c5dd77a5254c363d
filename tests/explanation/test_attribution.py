"""Attribution in one pass over many pictures: it is about the ink, and deletion shows that it is true."""

import numpy as np
import pytest

import inksight
from inksight.explanation.attribution import attribution, ground_of
from inksight.explanation.deletion import SHARES, deletion
from inksight.explanation.occlusion import occlusion
from inksight.export.lowering import plan_of


@pytest.fixture(scope="module")
def reader():
    return inksight.Predictor.shipped()


@pytest.fixture(scope="module")
def plan(reader):
    return plan_of(reader.content)


@pytest.mark.slow
def test_deleting_what_matters_hurts_more_than_chance(reader, plan, mnist):
    """500 training digits, the shipped model; what is deleted is judged by ONNX Runtime, not by the plan."""
    images = mnist.train.images[-500:, ..., None]
    labels = reader.probabilities(images).argmax(axis=1)
    heat = attribution(plan, images, labels)
    found = deletion(reader.probabilities, images, labels, heat, ground_of(images))
    assert found.by_importance[0] == found.by_chance[0] == found.by_chance_in_ink[0] > 0.99
    at_a_fifth = SHARES.index(0.2)
    assert found.by_importance[at_a_fifth] < found.by_chance_in_ink[at_a_fifth] - 0.2
    assert found.areas["by_importance"] < found.areas["by_chance_in_ink"] - 0.3 < found.areas["by_chance"] - 0.3


def test_the_order_turned_round_keeps_the_confidence(reader, plan, mnist):
    """What speaks against the class, or not at all, can go without harm: the sign means something."""
    images = mnist.train.images[:60, ..., None]
    labels = reader.probabilities(images).argmax(axis=1)
    heat = attribution(plan, images, labels)
    there = deletion(reader.probabilities, images, labels, heat, ground_of(images))
    back = deletion(reader.probabilities, images, labels, -heat, ground_of(images))
    assert back.areas["by_importance"] > there.areas["by_chance_in_ink"] > there.areas["by_importance"]


def test_it_agrees_with_occlusion_about_where(reader, plan, mnist):
    images = mnist.train.images[:20]
    labels = reader.probabilities(images).argmax(axis=1)
    fast = attribution(plan, images[..., None], labels)
    slow = [
        occlusion(reader.probabilities, image, label, 0) * image for image, label in zip(images, labels, strict=True)
    ]
    alike = [np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in zip(fast, slow, strict=True)]
    assert np.mean(alike) > 0.4


def test_a_picture_does_not_depend_on_its_neighbours(plan, mnist):
    images, labels = mnist.train.images[:70, ..., None], mnist.train.labels[:70]
    heat = attribution(plan, images, labels)
    assert heat.shape == (70, 28, 28) and heat.dtype == np.float32
    assert np.allclose(attribution(plan, images[66:67], labels[66:67])[0], heat[66], atol=1e-5)
    assert (heat[images[..., 0] == 0] == 0).all() and np.abs(heat).max() > 0
    assert attribution(plan, images[:0], labels[:0]).shape == (0, 28, 28)


def test_colours_and_a_bright_ground(colour_run):
    reader = inksight.Predictor.load(colour_run)
    image = np.full((1, 16, 16, 3), 240, np.uint8)
    image[0, 4:12, 4:12] = (250, 30, 30)
    assert ground_of(image).tolist() == [[[[240, 240, 240]]]]
    heat = attribution(plan_of(reader.content), image, np.array([0]))[0]
    assert heat[5:11, 5:11].mean() > 0 and (heat[:3] == 0).all()
