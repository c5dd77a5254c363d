"""Workers that train one network: placed on the nodes of a cluster, listened to, and begun anew when one is lost."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from inksight.callbacks import Callback
from inksight.cluster import LOCAL, Cluster, connected
from inksight.config import TrainConfig
from inksight.data.dataset import Dataset
from inksight.errors import EngineError, InksightError, StorageError, UsageError
from inksight.training.checkpoint import Checkpoint
from inksight.training.checkpoint_dir import CheckpointDir
from inksight.training.fit import Fitted
from inksight.training.workers.worker import Call, Task, Worker
from inksight.utils.signals import interruptible

if TYPE_CHECKING:
    import keras

_PLACED_S = 60.0
_PATIENCE_S = 30.0  # for the others to end, once one has
_LOSSES = 3  # in a row, without a checkpoint between them


@dataclass(frozen=True)
class Workers:
    """Several processes that train one network together, on JAX; give it to `train` or `resume` as `on`.

    Each takes its part of every batch, and the gradients are added up: the same as one process with the whole batch,
    but for the rounding of sums. One that is lost costs the steps since the last checkpoint.

    count: how many. ray_address: "auto" for the cluster that this machine is a node of, or HOST:PORT of its head;
    None for RAY_ADDRESS, else for this machine alone.
    """

    count: int
    ray_address: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, int) or self.count < 1:
            raise UsageError(f"workers is {self.count!r}; a whole number from 1 was wanted.")

    @contextmanager
    def gathered(self) -> Iterator[WorkerGroup]:
        """The group for one training: before JAX is there, for Ray makes processes of its own.

        Raises:
            EngineError: Ray cannot be had.
        """
        with connected(self.ray_address) as cluster:
            if cluster.gpus:  # this process builds the network too, and shall leave the memory to a worker
                os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
            yield WorkerGroup(self.count, cluster)


class WorkerGroup:
    """Workers that are there to train."""

    def __init__(self, count: int, cluster: Cluster) -> None:
        self.count, self._cluster = count, cluster

    def require(self, dataset: Dataset, config: TrainConfig) -> None:
        """Raises UsageError where these workers cannot share that work."""
        if config.backend not in (None, "jax"):
            raise UsageError(f"workers train together on jax only, not on {config.backend}. Leave --backend out.")
        size = min(config.batch_size, len(dataset.train))
        if size % self.count:
            raise UsageError(
                f"a batch of {size:,} pictures cannot be divided evenly among {self.count} workers. Give a batch_size "
                f"that can: {max(size // self.count, 1) * self.count:,} for instance."
            )

    def resolve_device(self, config: TrainConfig) -> TrainConfig:
        """`config` with what these workers take in place of "auto": a GPU each, where there are enough of them.

        Raises:
            EngineError: GPUs are wanted, and there are too few.
        """
        device = config.device
        if device == "auto":
            device = "gpu" if self._cluster.gpus >= self.count else "cpu"
        if device == "gpu" and self._cluster.gpus < self.count:
            raise EngineError(
                f"{self.count} workers need a GPU each, and there are {self._cluster.gpus} on {self._cluster.where}. "
                "Give fewer --workers, or leave --device out."
            )
        return replace(config, device=device, precision="float32" if config.precision == "auto" else config.precision)

    def fit(
        self,
        model: keras.Model,
        dataset: Dataset,
        config: TrainConfig,
        backend: str,
        ends_at: float | None,
        callback: Callback | None,
        place: CheckpointDir,
    ) -> Fitted:
        """Trains `model`; arguments and errors as for `fit` of the room training.

        Raises:
            EngineError: besides, there is no room for all, or too many workers were lost.
        """
        callback = callback or Callback()
        place.tell = callback.noted
        for text in place.notes:
            callback.noted(text)
        callback.noted(f"{self.count} workers on {self._cluster.where}.")
        training = _Training(self.count, self._cluster, dataset, config, backend, ends_at, callback, place)
        with interruptible(training.stop):
            fitted, weights = training.run()
        model.set_weights(weights)
        return fitted


class _LostError(Exception):
    """A worker, or what it computed on, is gone."""


class _Training:
    """One training, through all its beginnings."""

    def __init__(
        self,
        count: int,
        cluster: Cluster,
        dataset: Dataset,
        config: TrainConfig,
        backend: str,
        ends_at: float | None,
        callback: Callback,
        place: CheckpointDir,
    ) -> None:
        import ray

        self._count, self._cluster, self._config, self._backend = count, cluster, config, backend
        self._gpus = int(config.device == "gpu")  # of each worker
        self._data = ray.put(dataset)
        self._ends_at, self._callback, self._place = ends_at, callback, place
        self._newest = place.newest
        self._kept = False  # a checkpoint since the last loss
        self._stopping = threading.Event()
        self._actors: list[Any] = []

    def stop(self) -> None:
        """Lets the workers end after the step at hand."""
        self._stopping.set()
        for actor in self._actors:
            actor.stop.remote()

    def run(self) -> tuple[Fitted, list[Any]]:
        """Trains to the end, with as many beginnings as it takes."""
        losses = 0
        while True:
            try:
                return self._run_once()
            except _LostError as error:
                losses = 1 if self._kept else losses + 1
                self._kept = False
                if losses >= _LOSSES:
                    raise EngineError(
                        f"a worker was lost {losses} times without a checkpoint between ({error}). See whether its "
                        "node has memory enough."
                    ) from error
                step = self._newest.step if self._newest is not None else 0
                self._callback.noted(f"A worker was lost ({error}). All begin again after step {step:,}.")

    def _run_once(self) -> tuple[Fitted, list[Any]]:
        import ray
        from ray.util.placement_group import remove_placement_group
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy as Within

        group = self._placed()
        try:
            settings: dict[str, Any] = {"num_cpus": 1, "num_gpus": self._gpus, "max_concurrency": 4}
            if self._cluster.gpus and not self._gpus:  # too few for all: nobody takes one
                settings["runtime_env"] = {"env_vars": {"JAX_PLATFORMS": "cpu"}}
            actor = ray.remote(**settings)(Worker)
            self._actors = [
                actor.options(scheduling_strategy=Within(group, rank)).remote(rank, self._count)
                for rank in range(self._count)
            ]
            return self._listen()
        finally:
            for each in self._actors:
                ray.kill(each)
            self._actors = []
            remove_placement_group(group)

    def _placed(self) -> Any:
        """Room for a worker each, on as many nodes as there are."""
        import ray
        from ray.util.placement_group import placement_group, remove_placement_group

        group = placement_group([{"CPU": 1, "GPU": self._gpus}] * self._count, strategy="SPREAD")
        if (self._cluster.address == LOCAL and self._count > self._cluster.cpus) or not group.wait(_PLACED_S):
            remove_placement_group(group)
            cpus = int(ray.cluster_resources().get("CPU", 0))
            raise EngineError(
                f"{self._count} workers need a CPU each, and {self._cluster.address} has {cpus}. Give fewer --workers."
            )
        return group

    def _listen(self) -> tuple[Fitted, list[Any]]:
        """Starts all workers, passes on what the first one tells, and gives what it brings home."""
        import ray

        first = self._actors[0]
        address = _got(first.address.remote())
        left_s = None if self._ends_at is None else self._ends_at - time.monotonic()
        task = ray.put(Task(self._config, self._backend, left_s, self._newest, self._place.due_in_s))
        results = [actor.fit.remote(address, self._data, task) for actor in self._actors]
        if self._stopping.is_set():
            self.stop()
        running, told, over = list(results), first.calls.remote(), False
        left_at = math.inf  # when the first of them ended
        while not over and time.monotonic() < left_at + _PATIENCE_S:
            done, _ = ray.wait([told, *running], num_returns=1)
            if done == [told]:
                over = self._pass_on(_got(told))
                told = first.calls.remote()
            else:
                running.remove(done[0])
                left_at = min(left_at, time.monotonic())
                _got(done[0])
        # What one cannot do, the others wait for: those that have not ended by now are not asked.
        ended = [_got(result) for result in results if result not in running or (over and result == results[0])]
        if failed := [each for each in ended if isinstance(each, InksightError)]:
            raise failed[0]
        if not over:
            raise _LostError("the first did not end with the others")
        fitted: tuple[Fitted, list[Any]] = ended[0]
        return fitted

    def _pass_on(self, calls: list[Call | None]) -> bool:
        """Calls the callback and the checkpointer; True where the first worker has no more to tell."""
        for call in calls:
            if call is None:
                return True
            whom, method, arguments = call
            if (whom, method) == ("checkpointer", "keep"):
                self._keep(*arguments)
            else:
                getattr(self._callback if whom == "callback" else self._place, method)(*arguments)
        return False

    def _keep(self, checkpoint: Checkpoint) -> None:
        """Keeps a checkpoint, and tells the worker that waits how that went."""
        error = None
        try:
            self._place.keep(checkpoint)
            self._newest, self._kept = checkpoint, True
        except StorageError as refused:
            error = refused
        self._actors[0].answer.remote(error, self._place.due_in_s)


def _got(reference: Any) -> Any:
    """What a worker gave.

    Raises:
        _LostError: it is gone, or could not go on without another one that is.
    """
    import ray

    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if type(error.cause).__name__ == "JaxRuntimeError":
            raise _LostError(str(error.cause).splitlines()[0]) from error
        raise
    except ray.exceptions.RayError as error:
        raise _LostError(str(error).splitlines()[0].rstrip(".")) from error
