"""What mattered, by covering it: found where it is known to be."""

import numpy as np

import inksight
from inksight.explanation.occlusion import occlusion


def test_only_what_counts_is_found():
    """A model that looks at one corner for its class, and at another against it."""

    def probabilities(images: np.ndarray) -> np.ndarray:
        sums = images.reshape(-1, 28, 28).astype(float) / 255
        odds = sums[:, 2:8, 2:8].mean((1, 2)) - sums[:, 20:26, 20:26].mean((1, 2))
        rate = 1 / (1 + np.exp(-odds))
        return np.stack([rate, 1 - rate], axis=1).astype(np.float32)

    image = np.full((28, 28), 255, np.uint8)
    heat = occlusion(probabilities, image, 0, 0)
    assert heat.shape == (28, 28)
    assert heat[3:7, 3:7].min() > 0 and heat[21:25, 21:25].max() < 0
    assert np.abs(heat[12:16, 12:16]).max() < 1e-6
    assert np.allclose(heat, -occlusion(probabilities, image, 1, 0), atol=1e-5)


def test_the_ink_of_a_seven_speaks_for_it(mnist):
    reader = inksight.Predictor.shipped()
    image = mnist.test.images[0]
    heat = occlusion(reader.probabilities, image, 7, 0)
    assert heat[image > 128].mean() > 5 * np.abs(heat[image == 0]).mean()


def test_colours_are_covered_together():
    image = np.full((16, 16, 3), 200, np.uint8)
    heat = occlusion(lambda images: images.reshape(len(images), -1, 3).mean(1) / 1000, image, 1, 0)
    assert heat.shape == (16, 16) and (heat > 0).all()
