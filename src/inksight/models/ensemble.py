"""Several networks side by side as one model: their logits averaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def ensemble(members: Sequence[keras.Model]) -> keras.Model:
    """One model of the same input and output as each of `members`, which become its layers `member_1`, `member_2`, ….

    Averaged networks err less often than each of them. Source: Lakshminarayanan et al. 2017.
    """
    import keras
    from keras import layers

    images = keras.Input(members[0].input.shape[1:], dtype="uint8", name="images")
    answers = []
    for number, member in enumerate(members, 1):
        inner = keras.Model(member.input, member.get_layer("logits").output, name=f"member_{number}")
        answers.append(inner(images))
    logits = layers.Average(name="logits")(answers)
    return keras.Model(images, layers.Softmax(name="probabilities")(logits), name=f"{members[0].name}_ensemble")


def members_of(model: keras.Model) -> list[keras.Model]:
    """The networks that make up `model`: its members, or itself."""
    import keras

    return [layer for layer in model.layers if isinstance(layer, keras.Model)] or [model]
