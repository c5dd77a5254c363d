"""Dynamic batching: what is asked at about the same time is answered by one run of the network."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

MOST_PICTURES = 32  # in one run: more of them no longer fit the processor's cache and take longer each
WAIT_S = 0.002


@dataclass(frozen=True, eq=False)
class _Question:
    """Images (n, …) that wait for their rows. since: seconds of the loop's clock."""

    images: np.ndarray
    rows: asyncio.Future[np.ndarray]
    since: float


class Batcher:
    """Collects images while the network is busy, and up to WAIT_S while others are on their way.

    It belongs to the event loop; only the network runs elsewhere, one batch at a time.
    """

    def __init__(
        self,
        network: Callable[[np.ndarray], np.ndarray],
        executor: Executor,
        coming: Callable[[], int],
        observe: Callable[[int], object],
    ) -> None:
        """Starts nothing yet.

        Args:
            network: images (n, …) -> rows (n, classes); a row does not depend on its neighbours.
            executor: where it runs.
            coming: how many requests are inside, those that wait here among them.
            observe: is told the number of images of each run.
        """
        self._network, self._executor, self._coming, self._observe = network, executor, coming, observe
        self._waiting: deque[_Question] = deque()
        self._came = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    async def answer(self, images: np.ndarray) -> np.ndarray:
        """Rows (n, classes) for images (n, …); many are split, so that others are answered between them."""
        starts = range(0, max(len(images), 1), MOST_PICTURES)
        parts = await asyncio.gather(*(self._ask(images[start : start + MOST_PICTURES]) for start in starts))
        return np.concatenate(parts)

    def _ask(self, images: np.ndarray) -> asyncio.Future[np.ndarray]:
        """Puts at most MOST_PICTURES images into the queue."""
        loop = asyncio.get_running_loop()
        question = _Question(images, loop.create_future(), loop.time())
        self._waiting.append(question)
        self._came.set()
        if self._worker is None:
            self._worker = loop.create_task(self._work())
        return question.rows

    async def _work(self) -> None:
        """Answers batch after batch until nothing waits."""
        try:
            while self._waiting:
                await self._collect()
                if batch := self._next_batch():
                    await self._run(batch)
        finally:
            self._worker = None

    async def _collect(self) -> None:
        """Returns when all that are coming are here, or a batch is full, or the first has waited WAIT_S."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._waiting[0].since + WAIT_S):
                while len(self._waiting) < min(self._coming(), MOST_PICTURES):
                    self._came.clear()
                    await self._came.wait()

    def _next_batch(self) -> list[_Question]:
        """Takes questions out of the queue, up to MOST_PICTURES images; those given up meanwhile are dropped."""
        batch: list[_Question] = []
        room = MOST_PICTURES
        while self._waiting and len(self._waiting[0].images) <= room:
            question = self._waiting.popleft()
            if not question.rows.done():
                batch.append(question)
                room -= len(question.images)
        return batch

    async def _run(self, batch: list[_Question]) -> None:
        """Gives each question its own rows, or all of them the error."""
        images = np.concatenate([question.images for question in batch])
        self._observe(len(images))
        try:
            rows = await asyncio.get_running_loop().run_in_executor(self._executor, self._network, images)
        except Exception as error:
            for question in batch:
                if not question.rows.done():
                    question.rows.set_exception(error)
            return
        start = 0
        for question in batch:
            end = start + len(question.images)
            if not question.rows.done():
                question.rows.set_result(rows[start:end])
            start = end
