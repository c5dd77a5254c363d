"""The network for accuracy: 78 thousand parameters, 99.6 % on MNIST after four augmented epochs, 99.7 % after more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def compact(
    shape: tuple[int, int, int],
    num_classes: int,
    filters: int = 24,
    kernel_size: int = 5,
    pool_size: int = 2,
    activation: str = "relu",
    dense_units: int = 0,
    dense_activation: str = "relu",
    dropout: float = 0.0,
) -> keras.Model:
    """Four convolutions with batch normalisation, one pool between, global maximum and mean, no dense layer."""
    import keras
    from keras import layers

    def block(x: Any, width: int, size: int, name: str, strides: int = 1) -> Any:
        x = layers.Conv2D(width, size, strides=strides, use_bias=False, name=name)(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
        return layers.Activation(activation, name=f"{name}_activation")(x)

    images = keras.Input(shape, dtype="uint8", name="images")
    x = layers.Rescaling(1 / 255, name="rescale")(images)
    x = block(x, filters, kernel_size, "convolution_1", strides=2)
    x = block(x, filters * 2, 3, "convolution_2")
    x = layers.MaxPooling2D(pool_size, name="pool")(x)
    x = layers.ZeroPadding2D(1, name="pad")(x)
    x = block(x, filters * 8 // 3, 3, "convolution_3")
    x = block(x, filters * 8 // 3, 3, "convolution_4")
    x = layers.Concatenate(name="features")(
        [layers.GlobalMaxPooling2D(name="maximum")(x), layers.GlobalAveragePooling2D(name="mean")(x)]
    )
    if dense_units:
        x = layers.Dense(dense_units, activation=dense_activation, name="dense")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(images, layers.Softmax(name="probabilities")(logits), name="compact")
