"""Real Ray clusters of several nodes on this machine."""

import contextlib
import os
from collections.abc import Iterator

import pytest


class Nodes:
    """A cluster that `ray start` made; a node is a group of processes that can be killed."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self._cluster = Cluster()
        self.address = ""

    def add(self, cpus: int = 1, **environment: str) -> object:
        """One more node; the first one is the head. environment: of its processes, besides ours."""
        with _environment(environment):
            node = self._cluster.add_node(num_cpus=cpus, include_dashboard=False)
        self.address = self._cluster.address
        return node

    def kill(self, node: object) -> None:
        """SIGKILL to all processes of a node."""
        self._cluster.remove_node(node, allow_graceful=False)

    def stop(self) -> None:
        self._cluster.shutdown()


@contextlib.contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    """An empty cluster; tests add nodes to it."""
    found = Nodes()
    yield found
    found.stop()


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """That of a standing cluster of two nodes, for tests that do it no harm."""
    found = Nodes()
    for _ in range(2):
        found.add()
    yield found.address
    found.stop()
