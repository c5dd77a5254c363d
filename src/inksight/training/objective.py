"""What is minimised and how: losses and optimizers by name, written for any Keras backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from inksight.errors import UsageError
from inksight.training.config import TrainConfig

if TYPE_CHECKING:
    import keras

# What each optimizer calls its momentum; those that are not here have none to set.
_MOMENTUM = {"sgd": "momentum", "rmsprop": "momentum"} | dict.fromkeys(
    ("adam", "adamax", "adamw", "lion", "nadam"), "beta_1"
)
_HAS_BETA_2 = ("adam", "adamax", "adamw", "lion", "nadam")


def build_loss(config: TrainConfig) -> Callable[[Any, Any], Any]:
    """A function (targets, logits), both float32 (n, classes), -> loss of each picture, float32 (n,).

    Targets are one-hot. The entropies read the logits; the other losses see the softmax.
    """
    import keras

    smoothing = config.label_smoothing
    if config.loss == "sparse_categorical_crossentropy":
        return lambda targets, logits: keras.losses.categorical_crossentropy(
            targets, logits, from_logits=True, label_smoothing=smoothing
        )
    if config.loss == "categorical_focal_crossentropy":
        return lambda targets, logits: keras.losses.categorical_focal_crossentropy(
            targets, logits, from_logits=True, label_smoothing=smoothing
        )
    loss = keras.losses.get(config.loss)

    def on_probabilities(targets: Any, logits: Any) -> Any:
        smooth = targets * (1 - smoothing) + smoothing / targets.shape[-1]
        return loss(smooth, keras.ops.softmax(logits))

    return on_probabilities


def build_optimizer(config: TrainConfig) -> keras.Optimizer:
    """The Keras optimizer of `config`; its learning rate is set anew at every step.

    Raises:
        UsageError: a momentum or β₂ for an optimizer that has none.
    """
    import keras

    options: dict[str, Any] = {"learning_rate": config.learning_rate}
    if config.weight_decay or config.optimizer == "adamw":  # Keras's AdamW would take 0.004 of its own accord
        options["weight_decay"] = config.weight_decay
    if config.momentum is not None:
        if config.optimizer not in _MOMENTUM:
            raise UsageError(f"the optimizer {config.optimizer} has no momentum; leave it out or take sgd or adam.")
        options[_MOMENTUM[config.optimizer]] = config.momentum
    if config.beta_2 is not None:
        if config.optimizer not in _HAS_BETA_2:
            raise UsageError(f"the optimizer {config.optimizer} has no beta_2; leave it out or take one of the Adams.")
        options["beta_2"] = config.beta_2
    return keras.optimizers.get({"class_name": config.optimizer, "config": options})
