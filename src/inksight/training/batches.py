"""The training part as a stream of batches, prepared one or two ahead of the step that eats them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from inksight.config import MOVES, TrainConfig
from inksight.data.augment import augment
from inksight.data.dataset import Split
from inksight.data.synthetic.no_class import outliers
from inksight.training.together import ALONE, Processes

OFTEN = 4  # seen so often, pictures are learned by heart
SMALL = 11_264  # pictures; larger sets show enough of what there is
_AHEAD = 3


@dataclass(frozen=True, eq=False)
class Batch:
    """images: uint8 (n, height, width, channels), or int64 (n,), their rows in the Split. targets: float32 (n,
    classes), one-hot, or even for pictures of no class. weights: float32 (n,)."""

    images: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


class Batches:
    """An endless stream over a Split, from the batch number `first` on; augmentation may be ended on the way.
    Of several processes each is given its part of every batch.

    Each batch is made of the seed and its own number alone, and is plain from the number `plain_from` on: threads
    cannot change it, and a training that is taken up again gets the very same.

    as_rows: pictures that are as they stand in the Split come as their rows there: the stepper holds it.
    others: pictures of no class, as Dataset.outliers; half of those that are made are taken from them.
    """

    def __init__(
        self,
        split: Split,
        num_classes: int,
        config: TrainConfig,
        processes: Processes = ALONE,
        as_rows: bool = False,
        others: np.ndarray | None = None,
    ) -> None:
        self._as_rows = as_rows
        self._others = others[..., None] if others is not None and others.ndim == 3 else others
        self._images = split.batch
        self._labels = split.labels
        self._targets = np.eye(num_classes, dtype=np.float32)
        self._class_weights = class_weights(split.labels, num_classes, config.class_weight)
        self.batch_size = min(config.batch_size, len(split))
        self.per_epoch = steps_per_epoch(config, len(split))
        self._config, self._processes = with_moves(config, len(split)), processes
        self.first = 0
        self.plain_from = math.inf if self._config.augments else 0
        self._asked = 0  # the next number that nobody works on yet

    def end_augmentation(self) -> None:
        """Batches that nobody works on yet come plain."""
        self.plain_from = min(self.plain_from, self._asked)

    def __iter__(self) -> Iterator[Batch]:
        with ThreadPoolExecutor(1, thread_name_prefix="batches") as worker:
            waiting: deque[Future[Batch]] = deque()
            numbered = enumerate(self._orders(), self.first)
            try:
                while True:
                    for number, indices in islice(numbered, _AHEAD - len(waiting)):
                        waiting.append(worker.submit(self._make, number, indices, number < self.plain_from))
                        self._asked = number + 1
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _orders(self) -> Iterator[np.ndarray]:
        """Indices of one batch after the other, a new order each epoch; the few left over change with it."""
        generator = np.random.default_rng([self._config.seed, 2])
        epochs, skipped = divmod(self.first, self.per_epoch)
        for _ in range(epochs):
            generator.permutation(len(self._labels))
        while True:
            order = generator.permutation(len(self._labels))
            yield from order[: self.per_epoch * self.batch_size].reshape(self.per_epoch, self.batch_size)[skipped:]
            skipped = 0

    def _make(self, number: int, indices: np.ndarray, augmenting: bool) -> Batch:
        labels = self._labels[indices]
        targets, weights = self._targets[labels], self._class_weights[labels]
        strange = round(self._config.outliers * len(indices))
        if self._as_rows and not (strange or augmenting):
            return Batch(indices, targets, weights)
        images = self._images[indices]
        if strange:
            generator = np.random.default_rng([self._config.seed, 4, number])
            images[:strange] = outliers(images[:strange], generator)
            if self._others is not None:
                images[: strange // 2] = self._others[generator.integers(0, len(self._others), strange // 2)]
            targets[:strange], weights[:strange] = 1 / targets.shape[1], 1.0
        wanted = self._processes.share(len(images))
        if augmenting:
            images = augment(images, self._config, np.random.default_rng([self._config.seed, 3, number]), wanted)
        else:
            images = images[wanted]
        return Batch(images, targets[wanted], weights[wanted])


def class_weights(labels: np.ndarray, num_classes: int, kind: str) -> np.ndarray:
    """Weight of each class's pictures in the loss, float32 (classes,): "none" 1, "balanced" n / (classes · count)."""
    if kind == "none":
        return np.ones(num_classes, np.float32)
    counts = np.bincount(labels, minlength=num_classes)
    return (len(labels) / (num_classes * np.maximum(counts, 1))).astype(np.float32)


def steps_per_epoch(config: TrainConfig, num_pictures: int) -> int:
    """Whole batches in the training part; a set smaller than a batch is one."""
    return num_pictures // min(config.batch_size, num_pictures)


def planned_epochs(config: TrainConfig, num_pictures: int) -> int:
    """The epochs of a training without a time limit: a small set is repeated until `least_steps` are done."""
    return max(config.epochs, math.ceil(config.least_steps / steps_per_epoch(config, num_pictures)))


def with_moves(config: TrainConfig, num_pictures: int) -> TrainConfig:
    """The config with MOVES on, where it wants them: for a small set whose pictures are seen OFTEN or more."""
    per_epoch = steps_per_epoch(config, num_pictures)
    often = max(config.epochs, config.least_steps / per_epoch) >= OFTEN
    if config.small_sets == "moved" and often and num_pictures < SMALL and not config.augments:
        return replace(config, **MOVES)
    return config
