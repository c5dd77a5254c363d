"""Layers computed another way under JAX on a CPU: the same values, gradients up to twice as fast.

XLA differentiates a convolution into one over a padded gradient, and a mean over pictures into a tree of windows; both
are far from what the processor can do. Here the same gradients are written as matrix products and plain sums. Only how
a layer computes changes, and only in the model at hand: what is saved is the same Keras layer.
docs/log.md has the figures.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import keras
from jax import lax

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_SHARES = 2**26  # numbers held at once for an input's gradient; larger pictures go XLA's way
_CHANNELS_LAST = ("NHWC", "HWIO", "NHWC")


def use_fast_gradients(model: keras.Model) -> None:
    """Gives each layer of `model` that has a faster way its new `call`."""
    for layer in model.layers:
        for kind, faster in _FASTER.items():
            if type(layer) is kind and (call := faster(layer)) is not None:
                layer.call = call


def _faster_convolution(layer: keras.layers.Conv2D) -> Callable[..., Any] | None:
    """Of a plain convolution: stride 1, no padding, no dilation, one group."""
    if (layer.strides, layer.padding, layer.dilation_rate, layer.groups) != ((1, 1), "valid", (1, 1), 1):
        return None

    def call(x: Any) -> Any:
        y = convolution(x, jnp.asarray(layer.kernel))
        return layer.activation(y + jnp.asarray(layer.bias) if layer.use_bias else y)

    return call


def _faster_normalization(layer: keras.layers.BatchNormalization) -> Callable[..., Any]:
    """Of batch normalisation over the last axis."""

    def call(x: Any, training: bool | None = None, mask: Any = None) -> Any:
        if not training:
            return keras.layers.BatchNormalization.call(layer, x, training=False)
        y, mean, variance = normalization(x, jnp.asarray(layer.gamma), jnp.asarray(layer.beta), layer.epsilon)
        for moving, value in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            moving.assign(moving * layer.momentum + value * (1.0 - layer.momentum))
        return y

    return call


def _faster_pooling(layer: keras.layers.MaxPooling2D) -> Callable[..., Any] | None:
    """Of 2×2 max-pooling."""
    return max_pooling if (layer.pool_size, layer.padding) == ((2, 2), "valid") == (layer.strides, "valid") else None


_FASTER: dict[Any, Callable[[Any], Callable[..., Any] | None]] = {
    keras.layers.Conv2D: _faster_convolution,
    keras.layers.BatchNormalization: _faster_normalization,
    keras.layers.MaxPooling2D: _faster_pooling,
}


def _convolve(x: Any, kernel: Any) -> Any:
    return lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=_CHANNELS_LAST)


@jax.custom_vjp  # type: ignore[untyped-decorator]
def convolution(x: Any, kernel: Any) -> Any:
    """x: float32 (n, height, width, in); kernel: float32 (rows, columns, in, out)."""
    return _convolve(x, kernel)


def _convolution_forward(x: Any, kernel: Any) -> tuple[Any, Any]:
    return _convolve(x, kernel), (x, kernel)


def _convolution_backward(kept: Any, gradient: Any) -> tuple[Any, Any]:
    """The input's gradient: one matrix product gives every tap's share, and the shares are added where they belong."""
    x, kernel = kept
    rows, columns, inner, out = kernel.shape
    if gradient.size // out * rows * columns * inner > _MOST_SHARES:
        return jax.vjp(_convolve, x, kernel)[1](gradient)  # type: ignore[no-any-return]
    (kernel_gradient,) = jax.vjp(partial(_convolve, x), kernel)[1](gradient)
    shares = gradient.reshape(-1, out) @ kernel.transpose(3, 0, 1, 2).reshape(out, -1)
    shares = shares.reshape(*gradient.shape[:3], *kernel.shape[:3])
    x_gradient = sum(
        jnp.pad(shares[:, :, :, i, j], ((0, 0), (i, rows - 1 - i), (j, columns - 1 - j), (0, 0)))
        for i in range(rows)
        for j in range(columns)
    )
    return x_gradient, kernel_gradient


convolution.defvjp(_convolution_forward, _convolution_backward)


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def normalization(x: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    """Batch normalisation over all axes but the last: (output, mean, variance); the last two carry no gradient."""
    return _normalization_forward(x, gamma, beta, epsilon)[0]


def _normalization_forward(x: Any, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Any]:
    count = x.size // x.shape[-1]
    mean = _sum_by_channel(x) / count
    variance = jnp.maximum(_sum_by_channel(x * x) / count - mean * mean, 0)
    inverse = lax.rsqrt(variance + epsilon)
    scale = gamma * inverse
    return (x * scale + (beta - mean * scale), mean, variance), (x, mean, inverse, gamma)


def _normalization_backward(epsilon: float, kept: Any, gradients: Any) -> tuple[Any, Any, Any]:
    """Ioffe & Szegedy 2015, gathered so that each array is read once: slope · gradient + tilt · x + offset."""
    x, mean, inverse, gamma = kept
    gradient = gradients[0]
    count = x.size // x.shape[-1]
    beta_gradient = _sum_by_channel(gradient)
    gamma_gradient = (_sum_by_channel(gradient * x) - mean * beta_gradient) * inverse
    slope = gamma * inverse
    tilt = -slope * inverse * gamma_gradient / count
    offset = -slope * beta_gradient / count - tilt * mean
    return slope * gradient + tilt * x + offset, gamma_gradient, beta_gradient


normalization.defvjp(_normalization_forward, _normalization_backward)


def _sum_by_channel(x: Any) -> Any:
    return x.reshape(-1, x.shape[-1]).sum(0)


@jax.custom_vjp  # type: ignore[untyped-decorator]
def max_pooling(x: Any) -> Any:
    """2×2 max-pooling of float32 (n, height, width, channels); an odd last row or column is left out."""
    return _pooling_forward(x)[0]


def _pooling_forward(x: Any) -> tuple[Any, Any]:
    """Remembers which of the four won, the first where several did: a later comparison of rounded values may fail."""
    height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    a, b, c, d = (x[:, i:height:2, j:width:2] for i in (0, 1) for j in (0, 1))
    upper, lower = jnp.maximum(a, b), jnp.maximum(c, d)
    winner = jnp.where(upper >= lower, jnp.where(a >= b, 0, 1), jnp.where(c >= d, 2, 3)).astype(jnp.int8)
    return jnp.maximum(upper, lower), (winner, jnp.empty((x.shape[1], x.shape[2], 0)))


def _pooling_backward(kept: Any, gradient: Any) -> tuple[Any]:
    winner, whole = kept

    def spread(each: Any) -> Any:
        return jnp.repeat(jnp.repeat(each, 2, axis=1), 2, axis=2)

    height, width = 2 * winner.shape[1], 2 * winner.shape[2]
    place = (2 * (jnp.arange(height) % 2)[:, None] + (jnp.arange(width) % 2)[None]).astype(jnp.int8)
    chosen = jnp.where(spread(winner) == place[None, :, :, None], spread(gradient), 0)
    return (jnp.pad(chosen, ((0, 0), (0, whole.shape[0] - height), (0, whole.shape[1] - width), (0, 0))),)


max_pooling.defvjp(_pooling_forward, _pooling_backward)
