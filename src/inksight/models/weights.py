"""First weights, drawn by NumPy, and weights that were kept.

Two reasons for NumPy: JAX compiles every Keras initialiser on its own (1–2 s before the first step), and a seed then
means the same weights on every backend.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inksight.errors import RunError

if TYPE_CHECKING:
    import keras


def load_network(path: Path) -> keras.Model:
    """A network out of a `.keras` file, not compiled.

    Raises:
        RunError: the file is damaged.
    """
    import keras

    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # zip, HDF5 and JSON each raise their own
        raise RunError(f"{path} is damaged: no model that Keras can open. Copy the run folder again.") from error


def seed_dropout(model: keras.Model, seed: int) -> None:
    """Gives every dropout layer masks of its own, by the seed: a `.keras` file keeps none, and Keras draws others."""
    for index, variable in enumerate(model.variables):
        if variable.path.endswith("seed_generator_state"):
            variable.assign(np.array([seed, index], variable.dtype))


@contextmanager
def drawn_from(seed: int) -> Iterator[Callable[[Any], Any]]:
    """Inside this block Keras variables wait for their values; leaving it fills those of every object given to `draw`.

    Args:
        seed: enters here, for all weights and all dropout masks.
    """
    import keras

    generator = np.random.default_rng([seed, 0])
    numbers = count()  # of variables; dropout draws by it, each layer of each network its own masks
    with keras.StatelessScope():

        def draw(owner: Any) -> Any:
            for index, variable in zip(numbers, owner.variables, strict=False):
                if variable._initializer is not None:
                    variable._initializer = _numpy_twin(variable, generator, index, seed)
            return owner

        yield draw


def _numpy_twin(
    variable: keras.Variable, generator: np.random.Generator, index: int, seed: int
) -> Callable[..., np.ndarray]:
    """A callable like the variable's own initialiser, without the compile."""
    import keras

    initializer = variable._initializer
    if variable.path.endswith("seed_generator_state"):
        return lambda shape, dtype=None: np.array([seed, index], dtype)
    if isinstance(initializer, keras.initializers.GlorotUniform):
        return lambda shape, dtype=None: _glorot_uniform(shape, generator).astype(dtype)
    if isinstance(initializer, keras.initializers.Zeros):
        return lambda shape, dtype=None: np.zeros(shape, dtype)
    if isinstance(initializer, keras.initializers.Ones):
        return lambda shape, dtype=None: np.ones(shape, dtype)
    return initializer  # type: ignore[no-any-return]


def _glorot_uniform(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Glorot & Bengio 2010: uniform within ±√(6 / (fan in + fan out))."""
    field = math.prod(shape[:-2])
    limit = math.sqrt(6 / (field * (shape[-2] + shape[-1])))
    return generator.uniform(-limit, limit, shape)
