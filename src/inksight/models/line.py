"""The network that finds digits in a row of them: 0.3 million parameters, as wide as the row is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

STRIDE_PX = 2
"""Columns of the strip in one column of what it gives."""


def line(height_px: int, num_classes: int, filters: int = 16) -> keras.Model:
    """Convolutions down to one row, then along it; for each column what is there.

    Args:
        height_px: of the strip, a multiple of 8.
        num_classes: of single digits.
        filters: of the first convolution; later ones have two to eight times as many.
    Returns:
        an uncompiled model: uint8 (n, height_px, width, 1), any width, to probabilities float32
        (n, width / STRIDE_PX, 1 + num_classes); index 0 means that no digit's place is here.
    Source:
        Graves et al. 2006, Connectionist temporal classification, for how it is read and trained.
    """
    import keras
    from keras import layers

    def convolved(x: Any, name: str, filters: int, kernel: tuple[int, int], pad: tuple[int, int]) -> Any:
        if any(pad):
            x = layers.ZeroPadding2D(pad, name=f"{name}_pad")(x)
        x = layers.Conv2D(filters, kernel, use_bias=False, name=name)(x)
        x = layers.BatchNormalization(momentum=0.95, name=f"{name}_norm")(x)
        return layers.Activation("relu", name=f"{name}_activation")(x)

    images = keras.Input((height_px, None, 1), dtype="uint8", name="images")
    x = layers.Rescaling(1 / 255, name="rescale")(images)
    x = layers.Conv2D(filters, 5, strides=STRIDE_PX, padding="same", activation="relu", name="convolution_1")(x)
    x = convolved(x, "convolution_2", 2 * filters, (3, 3), (1, 1))
    x = layers.MaxPooling2D((2, 1), name="pool_1")(x)
    x = convolved(x, "convolution_3", 3 * filters, (3, 3), (1, 1))
    x = convolved(x, "convolution_4", 4 * filters, (3, 3), (1, 1))
    x = layers.MaxPooling2D((2, 1), name="pool_2")(x)
    x = convolved(x, "down", 8 * filters, (height_px // 8, 1), (0, 0))
    x = convolved(x, "along_1", 8 * filters, (1, 5), (0, 2))
    x = convolved(x, "along_2", 8 * filters, (1, 9), (0, 4))
    x = layers.Conv2D(1 + num_classes, 1, name="logits_row")(x)
    logits = layers.Reshape((-1, 1 + num_classes), name="logits")(x)
    return keras.Model(images, layers.Softmax(name="probabilities")(logits), name="line")
