"""Our ways to compute layers against JAX's own: same values, same gradients."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from inksight.models import NETS, build
from inksight.training.gradients import convolution, max_pooling, normalization, use_fast_gradients

REPLACED = {
    "tutorial": {"convolution", "pool"},
    "strided": {"convolution_2", "pool"},
    "compact": {f"convolution_{n}" for n in (2, 3, 4)} | {f"convolution_{n}_norm" for n in (2, 3, 4)} | {"pool"},
}
RANDOM = np.random.default_rng(0)


def normal(*shape):
    return jnp.asarray(RANDOM.standard_normal(shape, dtype=np.float32))


def same_gradients(ours, plain, *operands, atol=1e-4):
    """Values and the gradients of a random projection with respect to every operand."""
    shape = jax.eval_shape(plain, *operands).shape
    weights = normal(*shape)
    results = [
        jax.jit(jax.value_and_grad(lambda *x, f=f: (f(*x) * weights).sum(), argnums=tuple(range(len(operands)))))(
            *operands
        )
        for f in (ours, plain)
    ]
    np.testing.assert_allclose(jax.jit(ours)(*operands), jax.jit(plain)(*operands), atol=1e-5)
    for a, b in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(a, b, atol=atol * float(jnp.abs(b).max()))


@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 4), (5, 3)])
def test_convolution(kernel):
    def plain(x, k):
        return jax.lax.conv_general_dilated(x, k, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    same_gradients(convolution, plain, normal(4, 9, 7, 3), normal(*kernel, 3, 5))


def test_normalization():
    def plain(x, gamma, beta):
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        return (x - mean) / jnp.sqrt(variance + 1e-3) * gamma + beta

    def ours(x, gamma, beta):
        return normalization(x, gamma, beta, 1e-3)[0]

    same_gradients(ours, plain, normal(6, 5, 4, 3) * 2 + 1, normal(3), normal(3), atol=1e-3)
    _, mean, variance = normalization(x := normal(6, 5, 4, 3), normal(3), normal(3), 1e-3)
    np.testing.assert_allclose(mean, x.mean((0, 1, 2)), atol=1e-6)
    np.testing.assert_allclose(variance, x.var((0, 1, 2)), atol=1e-5)


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (3, 2)])
def test_max_pooling(size):
    def plain(x):
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    same_gradients(max_pooling, plain, normal(5, *size, 3))


def test_a_tie_has_one_winner():
    gradient = jax.grad(lambda x: max_pooling(x).sum())(jnp.ones((1, 4, 4, 1)))
    np.testing.assert_array_equal(gradient[0, :, :, 0], np.tile([[1, 0], [0, 0]], (2, 2)))


@pytest.mark.parametrize(
    "net", [net if net == "strided" else pytest.param(net, marks=pytest.mark.slow) for net in NETS]
)
@pytest.mark.parametrize("training", [pytest.param(False, marks=pytest.mark.slow), True])
@pytest.mark.slow
def test_a_whole_network_gives_the_same(net, training):
    """Keras's own layers are the oracle; an activation without kinks, so that rounding decides nothing."""
    images = RANDOM.integers(0, 256, (16, 28, 28, 1), np.uint8)
    results = []
    for fast in (False, True):
        model = build(net, (28, 28, 1), 10, {"activation": "tanh", "dropout": 0.0}, seed=3)
        if fast:
            use_fast_gradients(model)
            assert {layer.name for layer in model.layers if "call" in vars(layer)} == REPLACED[net]
        trainable = [variable.value for variable in model.trainable_variables]
        fixed = [variable.value for variable in model.non_trainable_variables]

        def loss(trainable, model=model, fixed=fixed):
            answers, updated = model.stateless_call(trainable, fixed, images, training=training)
            return (answers[:, 3] ** 2).sum(), (answers, updated)

        (_, (answers, updated)), gradients = jax.value_and_grad(loss, has_aux=True)(trainable)
        results.append((answers, *updated, *gradients))
    for a, b in zip(*results, strict=True):
        if "float" in str(b.dtype):
            np.testing.assert_allclose(a, b, atol=2e-4 * max(1.0, float(jnp.abs(b).max())))


def test_other_layers_are_left_alone():
    inputs = keras.Input((9, 9, 2))
    x = keras.layers.Conv2D(4, 3, padding="same", name="padded")(inputs)
    x = keras.layers.Conv2D(4, 3, strides=2, name="strided")(x)
    x = keras.layers.MaxPooling2D(3, name="wide")(x)
    model = keras.Model(inputs, x)
    use_fast_gradients(model)
    assert not any("call" in vars(layer) for layer in model.layers)
