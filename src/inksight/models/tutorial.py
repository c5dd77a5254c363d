"""The ten-minute tutorial's network: 0.6 million parameters, about 98.5 % on MNIST after 10 epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def tutorial(
    shape: tuple[int, int, int],
    num_classes: int,
    filters: int = 28,
    kernel_size: int = 3,
    pool_size: int = 2,
    activation: str = "linear",
    dense_units: int = 128,
    dense_activation: str = "relu",
    dropout: float = 0.2,
) -> keras.Model:
    """Convolution without activation, max-pooling, one dense layer, dropout: exactly the article's layers."""
    import keras
    from keras import layers

    images = keras.Input(shape, dtype="uint8", name="images")
    x = layers.Rescaling(1 / 255, name="rescale")(images)
    x = layers.Conv2D(filters, kernel_size, activation=activation, name="convolution")(x)
    x = layers.MaxPooling2D(pool_size, name="pool")(x)
    x = layers.Flatten(name="flatten")(x)
    if dense_units:
        x = layers.Dense(dense_units, activation=dense_activation, name="dense")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(images, layers.Softmax(name="probabilities")(logits), name="tutorial")
