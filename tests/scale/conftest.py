"""Real Ray clusters of several nodes on this machine."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


class Nodes:
    """A cluster whose nodes come and go; see nodes.py."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("nodes.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.address = ""

    def add(self, cpus: int = 1, **environment: str) -> int:
        """One more node; the first one is the head. environment: of its processes, besides ours."""
        number, self.address = self._ask("add", cpus, environment)
        return number

    def kill(self, number: int) -> None:
        """SIGKILL to all processes of a node."""
        self._ask("kill", number)

    def stop(self) -> None:
        self._process.communicate(timeout=60)

    def _ask(self, *command: object) -> list:
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        while not (line := self._process.stdout.readline()).startswith("["):  # Ray says this and that before
            assert line, "the process that holds the cluster has ended"
        return json.loads(line)


@pytest.fixture(scope="session")
def command(process_command):
    """Always in a process of its own: a process is in one Ray cluster at a time."""
    return process_command


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    """An empty cluster; tests add nodes to it."""
    found = Nodes()
    yield found
    found.stop()


@pytest.fixture
def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """That of a standing cluster of two nodes, for tests that do it no harm."""
    found = Nodes()
    for _ in range(2):
        found.add()
    yield found.address
    found.stop()
