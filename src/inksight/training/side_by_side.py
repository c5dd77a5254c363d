"""One step of an ensemble: a step of each of its members."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from inksight.training.config import TrainConfig
from inksight.training.objective import build_loss

if TYPE_CHECKING:
    from inksight.training.stepper import Stepper, Weights


class SideBySide:
    """The members of an ensemble, each with a stepper of its own, on the same batches.

    Some are worked on at once, each in a thread: XLA spreads the operations of one small network badly over the cores,
    but two networks fill them.
    """

    def __init__(self, steppers: Sequence[Stepper], config: TrainConfig, at_once: int) -> None:
        self._steppers = list(steppers)
        self._loss = build_loss(config)
        self._at_once = at_once
        self._workers: list[ThreadPoolExecutor] = []
        self._running: list[Future[None]] = []

    def step(self, images: np.ndarray, targets: np.ndarray, weights: np.ndarray, learning_rate: float) -> None:
        """See Stepper. Returns while the members still work."""
        self._wait()

        def take(steppers: Sequence[Stepper]) -> None:
            for stepper in steppers:
                stepper.step(images, targets, weights, learning_rate)

        if self._at_once == 1:
            take(self._steppers)
        elif not self._workers:  # the first step compiles: one after the other, so that it is done once
            take(self._steppers)
            self._workers = [ThreadPoolExecutor(1, thread_name_prefix="members") for _ in range(self._at_once)]
        else:
            shares = [self._steppers[number :: self._at_once] for number in range(self._at_once)]
            self._running = [worker.submit(take, share) for worker, share in zip(self._workers, shares, strict=True)]

    def totals(self, reset: bool = True) -> np.ndarray:
        """See Stepper; the mean over the members."""
        self._wait()
        totals: np.ndarray = np.mean([stepper.totals(reset) for stepper in self._steppers], axis=0)
        return totals

    def weights(self) -> Weights:
        """See Stepper."""
        self._wait()
        return [weight for stepper in self._steppers for weight in stepper.weights()]

    def measure(self, images: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See Stepper; of the members together, their logits averaged."""
        import keras

        self._wait()
        tiny = np.finfo(np.float32).tiny
        logs = [np.log(np.maximum(stepper.measure(images, targets)[0], tiny)) for stepper in self._steppers]
        logits = keras.ops.convert_to_tensor(np.mean(logs, axis=0))
        losses = self._loss(keras.ops.convert_to_tensor(targets), logits)
        return keras.ops.convert_to_numpy(keras.ops.softmax(logits)), keras.ops.convert_to_numpy(losses)

    def state(self) -> list[np.ndarray]:
        """See Stepper; one member's after the other."""
        self._wait()
        return [value for stepper in self._steppers for value in stepper.state()]

    def restore(self, state: list[np.ndarray]) -> None:
        """See Stepper; every member has the same share of it."""
        each = len(state) // len(self._steppers)
        for number, stepper in enumerate(self._steppers):
            stepper.restore(state[number * each : (number + 1) * each])

    def _wait(self) -> None:
        """Until the step at hand is done; its errors come out here."""
        for future in self._running:
            future.result()
        self._running = []
