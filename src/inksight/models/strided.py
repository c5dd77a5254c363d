"""The network for seconds: 0.2 million parameters, 99 % on MNIST after one epoch.

Its first convolution strides over every other pixel, so that everything behind it works on a quarter of the area;
channel counts are multiples of 8, which is what the CPU's vector units want.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def strided(
    shape: tuple[int, int, int],
    num_classes: int,
    filters: int = 16,
    kernel_size: int = 5,
    pool_size: int = 2,
    activation: str = "relu",
    dense_units: int = 256,
    dense_activation: str = "relu",
    dropout: float = 0.0,
) -> keras.Model:
    """A strided convolution, a plain one of twice the filters, max-pooling, activation, one dense layer."""
    import keras
    from keras import layers

    images = keras.Input(shape, dtype="uint8", name="images")
    x = layers.Rescaling(1 / 255, name="rescale")(images)
    x = layers.Conv2D(filters, kernel_size, strides=2, activation=activation, name="convolution_1")(x)
    x = layers.Conv2D(filters * 2, 3, use_bias=False, name="convolution_2")(x)
    x = layers.MaxPooling2D(pool_size, name="pool")(x)
    x = layers.Activation(activation, name="convolution_2_activation")(x)  # after the pool: on a quarter of the values
    x = layers.Flatten(name="flatten")(x)
    if dense_units:
        x = layers.Dense(dense_units, activation=dense_activation, name="dense")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(images, layers.Softmax(name="probabilities")(logits), name="strided")
