"""The network for accuracy: 0.16 million parameters; `thorough` averages several of it."""

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
    """Four convolutions, a pool and from there on batch normalisation, global maximum and mean, no dense layer."""
    import keras
    from keras import layers

    def normalized(x: Any, name: str) -> Any:
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
        return layers.Activation(activation, name=f"{name}_activation")(x)

    images = keras.Input(shape, dtype="uint8", name="images")
    x = layers.Rescaling(1 / 255, name="rescale")(images)
    x = layers.Conv2D(filters, kernel_size, strides=2, activation=activation, name="convolution_1")(x)
    x = layers.Conv2D(max(8, 8 * round(filters / 3)), 3, use_bias=False, name="convolution_2")(x)  # eights suit vectors
    x = normalized(layers.MaxPooling2D(pool_size, name="pool")(x), "convolution_2")  # pooled first: a quarter of it
    x = layers.ZeroPadding2D(1, name="pad")(x)
    for name in ("convolution_3", "convolution_4"):
        x = normalized(layers.Conv2D(4 * filters, 3, use_bias=False, name=name)(x), name)
    x = layers.Concatenate(name="features")(
        [layers.GlobalMaxPooling2D(name="maximum")(x), layers.GlobalAveragePooling2D(name="mean")(x)]
    )
    if dense_units:
        x = layers.Dense(dense_units, activation=dense_activation, name="dense")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(images, layers.Softmax(name="probabilities")(logits), name="compact")
