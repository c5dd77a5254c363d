"""A model that is being served, under a name and a version."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from inksight.inference.predictor import Predictor
from inksight.serve.batching import Batcher
from inksight.serve.uploads import Upload


@dataclass(frozen=True, eq=False)
class Model:
    """Answers many at a time. A request holds one from start to end, even when the service moves on to another.

    pool: where pictures are decoded and ink is found. batcher: the way to the network.
    """

    name: str
    version: str
    predictor: Predictor
    pool: Executor
    batcher: Batcher

    async def predict(self, upload: Upload) -> dict[str, Any]:
        """What `inksight predict --json` prints of the picture."""
        loop, predictor = asyncio.get_running_loop(), self.predictor
        seen = await loop.run_in_executor(self.pool, predictor.input_of, upload.content, upload.name)
        rows = await self.probabilities(seen.pixels[None])
        return predictor.answer_of(upload.name, rows[0], seen).to_dict()

    async def read(self, upload: Upload) -> dict[str, Any]:
        """What `inksight read --json` prints of the picture. Its many pieces are batches already."""
        loop = asyncio.get_running_loop()
        reading = await loop.run_in_executor(self.pool, self.predictor.read, upload.content, upload.name)
        return reading.to_dict()

    async def probabilities(self, images: np.ndarray) -> np.ndarray:
        """`Predictor.probabilities`, together with what others ask for."""
        card = self.predictor.card
        return await self.batcher.answer(images.reshape(-1, card.size_px, card.size_px, card.channels))
