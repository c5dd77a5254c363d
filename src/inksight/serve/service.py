"""All that a running service holds open."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from inksight.errors import InksightError
from inksight.inference.predictor import Predictor
from inksight.runs import model_name, resolve
from inksight.serve.admission import Admission
from inksight.serve.batching import Batcher
from inksight.serve.metrics import Metrics
from inksight.serve.model import Model
from inksight.serve.settings import Settings

SMALL_BYTES = 64 * 1024
T = TypeVar("T")
logger = logging.getLogger(__name__)


class Service:
    """A model and its queue. `ready` is what the readiness routes say; it turns false before the service ends."""

    def __init__(self, run: str | None = None, settings: Settings | None = None) -> None:
        """Loads a model; errors as `Predictor.load`.

        Args:
            run: a run folder, "latest" or "shipped"; None for the latest run, or the shipped model where there is none.
                The name of the folder it stands for now is the model's.
            settings: the limits.
        """
        self.settings = settings or Settings()
        self.ready = True
        self.gate = Admission(self.settings)
        self.metrics = Metrics(self.gate)
        self._run = run = run or model_name(resolve())
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1, "pictures")
        self._network = ThreadPoolExecutor(1, "network")
        self._reloading = asyncio.Lock()
        self._name = _name_of(run)
        self._version = 0
        self.replace(_load(run))

    def replace(self, predictor: Predictor) -> None:
        """Answers with another model from now on, under the same name; requests inside keep the one they have."""
        self._version += 1
        predictor.name = self._name
        batcher = Batcher(predictor.probabilities, self._network, lambda: self.gate.inside, self.metrics.batch)
        self.model = Model(self._name, str(self._version), predictor, self._pool, batcher)
        self.metrics.model(self.model.name, self.model.version)

    async def use(self, run: str) -> None:
        """Answers with another run from now on, under its own name; errors as `Predictor.load`, and all stays.

        Args:
            run: as at the start.
        """
        async with self._reloading:
            predictor = await self.in_pool(_load, run)
            self._run, self._name = run, _name_of(run)
            self.replace(predictor)

    async def reload(self) -> None:
        """Loads what the run stands for now; if that fails the old model goes on, and the log says why."""
        async with self._reloading:
            try:
                self.replace(await self.in_pool(_load, self._run))
            except (InksightError, OSError) as error:
                logger.error("%s The model that was loaded before goes on.", error)
            else:
                logger.info("%s was loaded again as version %s.", self._run, self.model.version)

    async def in_pool(self, work: Callable[..., T], *arguments: Any) -> T:
        """Calls `work` in the bounded pool, away from the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)

    async def parsed(self, parse: Callable[..., T], body: bytes, *arguments: Any) -> T:
        """Calls `parse` with a body: here if that is sooner done than handed to another thread, else in the pool."""
        if len(body) <= SMALL_BYTES:
            return parse(body, *arguments)
        return await self.in_pool(parse, body, *arguments)

    def close(self) -> None:
        """Lets the threads go; work that has not begun is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._network.shutdown(wait=False, cancel_futures=True)


def _name_of(run: str) -> str:
    """The name of the folder that a run stands for now."""
    return Path(os.path.abspath(resolve(run))).name


def _load(run: str) -> Predictor:
    """Opens a model and warms it up. One thread for each run: the requests are what runs side by side."""
    predictor = Predictor.load(run, num_threads=1)
    card = predictor.card
    predictor.probabilities(np.zeros((1, card.size_px, card.size_px, card.channels), np.uint8))
    return predictor
