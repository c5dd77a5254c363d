"""The story of a picture that needs no ink to be found."""

import numpy as np

import inksight


def test_a_framed_picture_is_taken_as_it_is(mnist):
    story = inksight.Predictor.shipped().story_of(mnist.test.images[0])
    assert list(story.stages) == ["picture", "input"]
    assert (story.stages["input"] == mnist.test.images[0]).all()
    assert story.corrections == ("taken as it is: 28 × 28 px, light ink on dark, framed as MNIST's digits are",)
    assert story.box is None


def test_other_things_are_only_scaled(colour_run):
    picture = np.random.default_rng(0).integers(0, 256, (20, 40, 3)).astype(np.uint8)
    reader = inksight.Predictor.load(colour_run)
    story = reader.story_of(picture)
    assert story.corrections == ("scaled: 40 × 20 px became a square of 16 px, with its proportions kept",)
    assert (story.stages["input"] == reader.input_of(picture).pixels).all()
