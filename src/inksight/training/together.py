"""Who trains a network: one process, or several that each take their part of every batch.

The state is whole in each of them, the pictures are divided, and XLA adds the gradients up over the network: the same
mathematics as one process with the whole batch, down to batch normalisation and dropout.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np


class Processes(Protocol):
    """count: how many there are."""

    count: int

    def agree(self, now: float, stop: bool) -> tuple[float, bool]:
        """The clock of process 0, and whether anybody wants to stop: the same in all, so that all do the same."""

    def whole(self, array: Any) -> Any:
        """An array that every process has, on the device."""

    def share(self, count: int) -> slice:
        """Which of so many rows, a multiple of the processes, are this process's."""

    def part(self, array: np.ndarray) -> np.ndarray:
        """This process's rows of an array, whose last one is repeated until they can be divided evenly."""

    def joined(self, part: np.ndarray) -> Any:
        """The parts of all processes as one array, on the devices."""

    def compiled(self, function: Any, **options: Any) -> Any:
        """`function` compiled for all of them together; what it gives is whole."""


class Alone:
    """One process."""

    count = 1

    def agree(self, now: float, stop: bool) -> tuple[float, bool]:
        """See Processes."""
        return now, stop

    def whole(self, array: Any) -> Any:
        """See Processes."""
        import jax.numpy as jnp

        return jnp.array(array)

    def share(self, count: int) -> slice:
        """See Processes."""
        return slice(None)

    def part(self, array: np.ndarray) -> np.ndarray:
        """See Processes."""
        return array

    def joined(self, part: np.ndarray) -> Any:
        """See Processes."""
        return part

    def compiled(self, function: Any, **options: Any) -> Any:
        """See Processes."""
        import jax

        return jax.jit(function, **options)


ALONE = Alone()


class Together:
    """Several processes under jax.distributed, with Keras's data-parallel distribution over all their devices."""

    def __init__(self, address: str, rank: int, count: int) -> None:
        """Joins the others, and waits for them.

        Args:
            address: HOST:PORT where process 0 listens.
        """
        import keras

        keras.utils.set_random_seed(0)  # Keras would agree on one by a compile of its own; ours are drawn by NumPy
        keras.distribution.initialize(address, count, rank)
        self._rank, self.count = rank, count
        mesh = keras.distribution.DataParallel().device_mesh
        layout = keras.distribution.TensorLayout
        self._whole, self._divided = layout([], mesh).backend_layout, layout(["batch"], mesh).backend_layout

    def agree(self, now: float, stop: bool) -> tuple[float, bool]:
        """See Processes."""
        from jax.experimental import multihost_utils

        told = multihost_utils.process_allgather(np.array([now, stop], np.float32))
        return float(told[0, 0]), bool(told[:, 1].any())

    def whole(self, array: Any) -> Any:
        """See Processes."""
        import jax

        return jax.make_array_from_process_local_data(self._whole, np.asarray(array))

    def share(self, count: int) -> slice:
        """See Processes."""
        each = count // self.count
        return slice(self._rank * each, (self._rank + 1) * each)

    def part(self, array: np.ndarray) -> np.ndarray:
        """See Processes."""
        if missing := -len(array) % self.count:
            array = np.concatenate([array, array[-1:].repeat(missing, axis=0)])
        return array[self.share(len(array))]

    def joined(self, part: np.ndarray) -> Any:
        """See Processes."""
        import jax

        return jax.make_array_from_process_local_data(self._divided, part)

    def compiled(self, function: Any, **options: Any) -> Any:
        """See Processes."""
        import jax

        return jax.jit(function, out_shardings=self._whole, **options)
