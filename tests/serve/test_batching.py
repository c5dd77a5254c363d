"""One run of the network for many who ask, and each gets its own."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from inksight.serve.batching import MOST_PICTURES, Batcher


@pytest.fixture
def executor():
    with ThreadPoolExecutor(1) as pool:
        yield pool


class Doubling:
    """A network that doubles, and remembers how many it was given; it can be held up."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.go = threading.Event()
        self.go.set()

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.go.wait()
        self.sizes.append(len(images))
        return 2 * images


def batch(*values: int) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


def test_those_who_ask_at_once_are_one_run(executor):
    async def ask() -> list[np.ndarray]:
        batcher = Batcher(network, executor, lambda: 20, observed.append)
        return await asyncio.gather(*(batcher.answer(batch(value)) for value in range(20)))

    network, observed = Doubling(), []
    rows = asyncio.run(ask())
    assert [row.tolist() for row in rows] == [[[2.0 * value]] for value in range(20)]
    assert network.sizes == observed == [20]


def test_one_who_is_alone_does_not_wait_for_others(executor):
    """Nobody else is coming, so the run starts; the one who comes later has a run of its own."""

    async def ask() -> None:
        batcher = Batcher(network, executor, lambda: 1, lambda size: None)
        assert (await batcher.answer(batch(1))).tolist() == [[2]]
        assert (await batcher.answer(batch(2))).tolist() == [[4]]

    network = Doubling()
    asyncio.run(ask())
    assert network.sizes == [1, 1]


def test_what_comes_while_the_network_runs_is_the_next_run(executor):
    async def ask() -> None:
        batcher = Batcher(network, executor, lambda: 1, lambda size: None)
        network.go.clear()
        first = asyncio.create_task(batcher.answer(batch(0)))
        await asyncio.sleep(0.05)
        others = [asyncio.create_task(batcher.answer(batch(value))) for value in range(1, 6)]
        await asyncio.sleep(0)
        network.go.set()
        rows = await asyncio.gather(first, *others)
        assert [row.item() for row in rows] == [0, 2, 4, 6, 8, 10]

    network = Doubling()
    asyncio.run(ask())
    assert network.sizes == [1, 5]


def test_many_are_split_and_come_back_in_order(executor):
    async def ask() -> None:
        batcher = Batcher(network, executor, lambda: 1, lambda size: None)
        values = range(3 * MOST_PICTURES + 5)
        rows, few, none = await asyncio.gather(
            batcher.answer(batch(*values)), batcher.answer(batch(7, 8)), batcher.answer(batch())
        )
        assert rows[:, 0].tolist() == [2 * value for value in values]
        assert few.tolist() == [[14], [16]]
        assert none.shape == (0, 1)

    network = Doubling()
    asyncio.run(ask())
    assert max(network.sizes) == MOST_PICTURES
    assert sum(network.sizes) == 3 * MOST_PICTURES + 7


def test_an_error_is_everyones_and_the_next_run_is_as_ever(executor):
    def network(images: np.ndarray) -> np.ndarray:
        if images.max() > 100:
            raise ValueError("too bright")
        return images

    async def ask() -> None:
        batcher = Batcher(network, executor, lambda: 2, lambda size: None)
        answers = await asyncio.gather(batcher.answer(batch(1)), batcher.answer(batch(101)), return_exceptions=True)
        assert [str(each) for each in answers] == ["too bright", "too bright"]
        assert (await batcher.answer(batch(3))).tolist() == [[3]]

    asyncio.run(ask())


def test_who_gives_up_is_left_out(executor):
    async def ask() -> None:
        batcher = Batcher(network, executor, lambda: 1, lambda size: None)
        network.go.clear()
        tasks = [asyncio.create_task(batcher.answer(batch(value))) for value in range(4)]
        await asyncio.sleep(0.05)
        late = [asyncio.create_task(batcher.answer(batch(value))) for value in (10, 11, 12)]
        await asyncio.sleep(0)
        late[1].cancel()
        tasks[2].cancel()
        network.go.set()
        rows = await asyncio.gather(*tasks, *late, return_exceptions=True)
        kept = [row.item() for row in rows if isinstance(row, np.ndarray)]
        assert kept == [0, 2, 6, 20, 24]

    network = Doubling()
    asyncio.run(ask())
    assert network.sizes[1] == 2
