"""The training part as a stream of batches, prepared one or two ahead of the step that eats them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np

from inksight.data.dataset import Split
from inksight.training.augment import augment
from inksight.training.config import TrainConfig
from inksight.training.pruning import Pruning

_AHEAD = 3


@dataclass(frozen=True, eq=False)
class Batch:
    """images: uint8 (n, height, width, channels). targets: float32 (n, classes), one-hot. weights: float32 (n,)."""

    images: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


class Batches:
    """An endless stream over a Split; `augmenting` and `pruning` may be switched off on the way.

    Each batch draws from a generator of its own, made of the seed and the batch's number: threads cannot change it.
    """

    def __init__(
        self, split: Split, num_classes: int, config: TrainConfig, losses: Callable[[], np.ndarray] | None = None
    ) -> None:
        """losses: asked once an epoch for the loss of each picture given since, in that order; pruning needs it."""
        self._images = split.batch
        self._labels = split.labels
        self._targets = np.eye(num_classes, dtype=np.float32)
        self._class_weights = class_weights(split.labels, num_classes, config.class_weight)
        self._config = config
        self.batch_size = min(config.batch_size, len(split))
        self.per_epoch = len(split) // self.batch_size
        self.augmenting = config.augments
        self.pruning = config.skip_easy > 0 and losses is not None
        self._losses_given = losses or (lambda: np.empty(0, np.float32))
        self._pruning = Pruning(len(split), config.skip_easy)
        self._given: list[np.ndarray] = []

    def __iter__(self) -> Iterator[Batch]:
        with ThreadPoolExecutor(1, thread_name_prefix="batches") as worker:
            waiting: deque[tuple[np.ndarray, Future[Batch]]] = deque()
            numbered = enumerate(self._orders())
            try:
                while True:
                    for number, (indices, weights) in islice(numbered, _AHEAD - len(waiting)):
                        future = worker.submit(self._make, number, indices, weights, self.augmenting)
                        waiting.append((indices, future))
                    indices, future = waiting.popleft()
                    self._given.append(indices)
                    yield future.result()
            finally:
                for _, future in waiting:
                    future.cancel()

    def _orders(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Indices and weights, batch by batch, a new order each epoch; the few left over change with it."""
        generator = np.random.default_rng([self._config.seed, 2])
        everything = np.arange(len(self._labels)), np.ones(len(self._labels), np.float32)
        while True:
            shown, weights = self._pruned(generator) if self.pruning else everything
            order = generator.permutation(shown)[: len(shown) // self.batch_size * self.batch_size]
            for indices in order.reshape(-1, self.batch_size):
                yield indices, weights[indices]

    def _pruned(self, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The pictures of an epoch after what was learned of them, and the weights of all."""
        if self._given:
            self._pruning.learn(np.concatenate(self._given), self._losses_given())
            self._given = []
        return self._pruning.choose(generator, self.batch_size)

    def _make(self, number: int, indices: np.ndarray, weights: np.ndarray, augmenting: bool) -> Batch:
        labels, images = self._labels[indices], self._images[indices]
        if augmenting:
            images = augment(images, self._config, np.random.default_rng([self._config.seed, 3, number]))
        return Batch(images, self._targets[labels], self._class_weights[labels] * weights)


def class_weights(labels: np.ndarray, num_classes: int, kind: str) -> np.ndarray:
    """Weight of each class's pictures in the loss, float32 (classes,): "none" 1, "balanced" n / (classes · count)."""
    if kind == "none":
        return np.ones(num_classes, np.float32)
    counts = np.bincount(labels, minlength=num_classes)
    return (len(labels) / (num_classes * np.maximum(counts, 1))).astype(np.float32)
