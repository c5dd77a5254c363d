"""The architectures: one a file, each a function that returns an uncompiled Keras model.

`build(name, shape, num_classes, knobs, seed)` is the only door. Every network takes uint8 pictures (n, size, size,
channels), rescales them itself, and ends in a layer `logits` followed by a layer `probabilities` (softmax), so that
training can read the one and serving the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from inksight.errors import UsageError, unknown
from inksight.models.compact import compact
from inksight.models.ensemble import ensemble
from inksight.models.strided import strided
from inksight.models.tutorial import tutorial
from inksight.models.windows import require_fit

if TYPE_CHECKING:
    import keras

NETS: dict[str, Callable[..., keras.Model]] = {"tutorial": tutorial, "strided": strided, "compact": compact}
ACTIVATIONS = ("elu", "gelu", "leaky_relu", "linear", "relu", "selu", "sigmoid", "silu", "softplus", "tanh")


def build(
    name: str, shape: tuple[int, int, int], num_classes: int, knobs: dict[str, Any], seed: int, members: int = 1
) -> keras.Model:
    """Builds the network `name`, its weights drawn from `seed`: the same on every backend.

    Args:
        name: a key of NETS.
        shape: (height, width, channels) of one picture.
        num_classes: number of outputs.
        knobs: keyword arguments of the network's function; what is not named keeps the network's own value.
        members: how many of it, each with weights of its own, are averaged into one model.
    Raises:
        UsageError: no such network, or pictures too small for its windows.
    """
    from inksight.models.weights import drawn_from

    if name not in NETS:
        raise UsageError(unknown("network", name, NETS))
    require_fit(name, shape[0], NETS[name], knobs)
    with drawn_from(seed) as draw:
        networks = [draw(NETS[name](shape, num_classes, **knobs)) for _ in range(members)]
    return ensemble(networks) if members > 1 else networks[0]
