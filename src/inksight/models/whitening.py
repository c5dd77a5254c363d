"""A first convolution that need not be learned: the principal directions of the pictures' own patches, whitened.

Frozen, it saves its own gradient and that of all before the second convolution, and reaches the same accuracy
(docs/log.md). Source: the first layer of tuomaso/train_mnist_fast and of Keller Jordan's airbench.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from inksight.errors import UsageError

if TYPE_CHECKING:
    import keras

_MOST_VALUES = 8_000_000  # of all patches together
_FLOOR = 0.03  # added to each direction's variance: rare directions are noise, and stay small


def whiten_first_layer(model: keras.Model, images: np.ndarray) -> None:
    """Sets the first convolution of `model`, and freezes it where pictures are grey.

    Colour has three times as many directions, more than there are filters: there they are where learning starts.

    Args:
        images: uint8 (n, height, width, channels), the training pictures; about 2,000 of 28 px, fewer of larger ones,
            evenly taken, are looked at.
    Raises:
        UsageError: the layer has more filters than there are directions, or an odd number of them.
    """
    layer = next(layer for layer in model.layers if type(layer).__name__ == "Conv2D")
    values_each = math.prod((*layer.output.shape[1:3], *layer.kernel.shape[:-1]))
    most = max(2, _MOST_VALUES // values_each)
    chosen = images[np.linspace(0, len(images) - 1, min(len(images), most)).astype(int)]
    kernel = whitened_kernel(chosen, layer.kernel_size[0], layer.filters, layer.strides[0])
    layer.set_weights([kernel, *(np.zeros(layer.filters, np.float32) for _ in range(layer.use_bias))])
    layer.trainable = images.shape[3] > 1


def whitened_kernel(images: np.ndarray, kernel_size: int, filters: int, stride: int) -> np.ndarray:
    """Half of the filters are directions, the most varied first, the other half their negatives, as a ReLU wants.

    Args:
        images: uint8 (n, height, width, channels).
    Returns:
        float32 (kernel_size, kernel_size, channels, filters).
    """
    channels = images.shape[3]
    most = 2 * kernel_size**2 * channels
    if filters % 2 or filters > most:
        raise UsageError(
            f"a whitened first layer has pairs of filters, at most {most} for {kernel_size}×{kernel_size} patches of "
            f"{channels} channel(s); {filters} came. Take another number of filters, or first_layer=learned."
        )
    windows = np.lib.stride_tricks.sliding_window_view(images, (kernel_size, kernel_size), axis=(1, 2))
    patches = windows[:, ::stride, ::stride].transpose(0, 1, 2, 4, 5, 3).reshape(-1, kernel_size**2 * channels)
    varied = patches[np.ptp(patches, axis=1) > 0]  # plain ground says nothing, unless there is nothing else
    values = (varied if len(varied) > 1 else patches).astype(np.float32) / 255
    values -= values.mean(0)
    variances, directions = np.linalg.eigh(values.T @ values / len(values))
    strongest = np.argsort(variances)[::-1][: filters // 2]
    half = directions[:, strongest] / np.sqrt(np.maximum(variances[strongest], 0) + _FLOOR)
    return np.concatenate([half, -half], axis=1).reshape(kernel_size, kernel_size, channels, filters).astype(np.float32)
