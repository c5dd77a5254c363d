"""What is minimised and how: losses and optimizers by name, written for any Keras backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from inksight.config import TrainConfig
from inksight.errors import UsageError

if TYPE_CHECKING:
    import keras

# What each optimizer calls its momentum and its β₂; those that are not here have none to set.
_ADAMS = ("adam", "adamax", "adamw", "lion", "nadam")
MOMENTUM = dict.fromkeys(("muon", "rmsprop", "sgd"), "momentum") | dict.fromkeys(_ADAMS, "beta_1")
BETA_2 = dict.fromkeys(_ADAMS, "beta_2") | {"muon": "adam_beta_2"}
TAKEN = {"momentum": MOMENTUM, "beta_2": BETA_2}  # by field: the optimizers that have it
_DECAYS = ("adamw", "muon")  # Keras would let their weights decay by 0.004 of its own accord


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

    require_taken(config)
    options: dict[str, Any] = {"learning_rate": config.learning_rate}
    if config.weight_decay or config.optimizer in _DECAYS:
        options["weight_decay"] = config.weight_decay
    if config.momentum is not None:
        options[MOMENTUM[config.optimizer]] = config.momentum
    if config.beta_2 is not None:
        options[BETA_2[config.optimizer]] = config.beta_2
    if config.optimizer == "muon":
        return _muon(adam_weight_decay=config.weight_decay, **options)
    return keras.optimizers.get({"class_name": config.optimizer, "config": options})


def require_taken(config: TrainConfig) -> None:
    """Raises UsageError for a momentum or β₂ that the optimizer does not have."""
    if config.momentum is not None and config.optimizer not in MOMENTUM:
        raise UsageError(f"the optimizer {config.optimizer} has no momentum; leave it out or take sgd or adam.")
    if config.beta_2 is not None and config.optimizer not in BETA_2:
        raise UsageError(f"the optimizer {config.optimizer} has no beta_2; leave it out or take one of the Adams.")


def _muon(**options: Any) -> keras.Optimizer:
    """Keras's Muon, and its steps for convolution kernels too, seen as one row for each place of the window.

    The last layer, biases and scales are left to AdamW. Source: Jordan et al. 2024, Muon; its airbench for the shape.
    """
    import keras

    class KernelMuon(keras.optimizers.Muon):  # type: ignore[misc]  # made here: Keras is imported late
        def _should_use_adamw(self, variable: Any) -> bool:
            return len(variable.shape) < 2 or "logits" in variable.path

        def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
            self.assign(m, m * self.momentum + gradient)
            matrix = keras.ops.reshape(gradient + m * self.momentum, (-1, variable.shape[-1]))
            step = self.lr_adjust(lr * self.zeropower_via_newtonschulz5(matrix, self.ns_steps))
            self.assign_sub(variable, keras.ops.reshape(step, variable.shape))

    return KernelMuon(**options)
