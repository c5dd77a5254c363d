import numpy as np
import pytest

from inksight.errors import UsageError
from inksight.models import ACTIVATIONS, NETS, build
from inksight.models.table import layer_table
from inksight.models.windows import smallest_px

SHAPE = (28, 28, 1)


def test_the_tutorials_network_is_the_articles():
    model = build("tutorial", SHAPE, 10, {}, seed=0)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == [
        "InputLayer",
        "Rescaling",
        "Conv2D",
        "MaxPooling2D",
        "Flatten",
        "Dense",
        "Dropout",
        "Dense",
        "Softmax",
    ]
    convolution, pool, dense, dropout = (model.get_layer(n) for n in ("convolution", "pool", "dense", "dropout"))
    assert (convolution.filters, convolution.kernel_size, convolution.activation.__name__) == (28, (3, 3), "linear")
    assert pool.pool_size == (2, 2)
    assert (dense.units, dense.activation.__name__, dropout.rate) == (128, "relu", 0.2)


def test_the_layer_table_agrees_with_paper():
    rows = {row.name: row for row in layer_table(build("tutorial", SHAPE, 10, {}, seed=0))}
    assert rows["convolution"].shape == (26, 26, 28)
    assert rows["convolution"].parameters == 3 * 3 * 28 + 28
    assert rows["convolution"].multiply_adds == 26 * 26 * 28 * 9
    assert rows["dense"].parameters == 13 * 13 * 28 * 128 + 128
    assert rows["dense"].multiply_adds == 13 * 13 * 28 * 128
    assert rows["dropout"].multiply_adds == 0


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize(
    "knobs",
    [
        {"filters": 8, "kernel_size": 5, "pool_size": 2, "activation": "tanh", "dropout": 0.5},
        {"dense_units": 0},
        {"dense_units": 16, "dense_activation": "gelu"},
    ],
    ids=lambda knobs: next(iter(knobs)),
)
def test_every_network_takes_every_knob(net, knobs):
    model = build(net, (28, 28, 3), 7, knobs, seed=1)
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 3), np.uint8)
    probabilities = np.asarray(model(images))
    assert probabilities.shape == (3, 7)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    if "dense_units" in knobs:
        assert any(layer.name == "dense" for layer in model.layers) == bool(knobs["dense_units"])


def test_a_seed_means_the_same_weights_and_another_seed_others():
    first, again, other = (build("strided", SHAPE, 10, {}, seed).get_weights() for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_first_weights_spread_as_keras_spreads_them():
    """Keras's own GlorotUniform is the oracle: same limits, same standard deviation."""
    import keras

    kernel = build("tutorial", SHAPE, 10, {}, seed=0).get_layer("dense").get_weights()[0]
    expected = np.asarray(keras.initializers.GlorotUniform(seed=1)(kernel.shape))
    assert abs(kernel).max() == pytest.approx(abs(expected).max(), rel=1e-3)
    assert kernel.std() == pytest.approx(expected.std(), rel=0.01)


@pytest.mark.parametrize(
    ("net", "size_px", "knobs", "text"),
    [
        (
            "strided",
            28,
            {"kernel_size": 30},
            "kernel_size 30 is too large for pictures of 28×28 px: the network strided takes at most 22. "
            "Take a smaller kernel_size, or larger pictures: --size 36.",
        ),
        (
            "tutorial",
            28,
            {"pool_size": 27},
            "pool_size 27 is too large for pictures of 28×28 px: the network tutorial takes at most 26. Take a smaller "
            "pool_size, or larger pictures: --size 29.",
        ),
        (
            "compact",
            8,
            {},
            "pictures of 8×8 px are too small for the network compact with kernel_size 5 and pool_size 2: at least "
            "19×19 px are needed. Take larger pictures: --size 19.",
        ),
        (
            "tutorial",
            28,
            {"kernel_size": 30, "pool_size": 29},
            "pictures of 28×28 px are too small for the network tutorial with kernel_size 30 and pool_size 29: at "
            "least 58×58 px are needed. Take larger pictures: --size 58.",
        ),
    ],
)
def test_what_does_not_fit_a_picture_is_named_with_its_limit(net, size_px, knobs, text):
    with pytest.raises(UsageError) as caught:
        build(net, (size_px, size_px, 1), 10, knobs, seed=0)
    assert str(caught.value) == text


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize(("kernel_size", "pool_size"), [pytest.param(5, 2, marks=pytest.mark.slow), (8, 3)])
def test_the_smallest_picture_that_is_taken_is_the_smallest_that_keras_builds(net, kernel_size, pool_size):
    size_px = smallest_px(net, kernel_size, pool_size)
    knobs = {"kernel_size": kernel_size, "pool_size": pool_size}
    build(net, (size_px, size_px, 1), 10, knobs, seed=0)
    with pytest.raises(ValueError, match="zero or negative|MaxPooling2D"):
        NETS[net]((size_px - 1, size_px - 1, 1), 10, **knobs)


def test_an_unknown_network_gets_the_nearest():
    with pytest.raises(UsageError, match='no network "tutorail". Did you mean tutorial'):
        build("tutorail", SHAPE, 10, {}, seed=0)


def test_every_activation_is_one_of_keras():
    import keras

    assert all(callable(keras.activations.get(name)) for name in ACTIVATIONS)
