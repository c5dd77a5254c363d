"""Real servers in processes of their own, and what to send them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import httpx
import numpy as np
import pytest

import inksight


@dataclass
class Server:
    """A running `inksight serve`."""

    process: subprocess.Popen
    address: str
    client: httpx.Client

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def half_a_request(self, picture: bytes) -> socket.socket:
        """A connection on which a request for /predict has begun: its head, but not the last byte of its body."""
        connection = self.connect()
        head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: {len(picture)}"
        connection.sendall(f"{head}\r\n\r\n".encode() + picture[:-1])
        return connection

    def inside(self) -> int:
        """How many requests have a place in the queue, by its own metrics."""
        lines = self.client.get("/metrics").text.splitlines()
        (value,) = (line.split()[1] for line in lines if line.startswith("inksight_queue_requests "))
        return int(float(value))


def answer_on(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer that comes on a bare connection."""
    with connection, connection.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        headers = {}
        while (line := stream.readline().decode().strip()) != "":
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        return status, headers, stream.read(int(headers["content-length"]))


@contextlib.contextmanager
def serving(*arguments: str, command: str = "serve", environment: dict[str, str] | None = None) -> Iterator[Server]:
    """`inksight serve`, or `app`, on a free port, for the time of the block; its warnings are errors."""
    program = [sys.executable, "-W", "error", "-m", "inksight", command, "--port", "0", "--json", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    variables = {**os.environ, **(environment or {})}
    with (
        tempfile.TemporaryDirectory() as folder,  # without runs
        subprocess.Popen(program, cwd=folder, env=variables, **pipes) as process,
    ):
        try:
            address = json.loads(process.stdout.readline())["address"].partition("#")[0].rstrip("/")
            with httpx.Client(base_url=address, timeout=30) as client:
                yield Server(process, address, client)
        finally:
            process.kill()


@pytest.fixture(scope="session")
def start():
    """The context manager `serving`."""
    return serving


@pytest.fixture(scope="session")
def finish():
    """The function `answer_on`."""
    return answer_on


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The shipped model, with the settings that are the default."""
    with serving() as running:
        yield running


@pytest.fixture(scope="session")
def reader() -> inksight.Predictor:
    return inksight.Predictor.shipped()


@pytest.fixture(scope="session")
def png():
    """(An array) -> a PNG."""
    return lambda image: cv2.imencode(".png", image)[1].tobytes()


@pytest.fixture(scope="session")
def drawing(mnist, png) -> bytes:
    """A large 7, dark on light."""
    return png(255 - cv2.resize(mnist.test.images[0], (140, 140)))


@pytest.fixture(scope="session")
def blank(png) -> bytes:
    return png(np.full((60, 60), 250, np.uint8))


@pytest.fixture(scope="session")
def ask_tensor():
    """Builds the body of an infer request for images (n, 28, 28), with anything replaced or added."""

    def body(images: np.ndarray, **more) -> dict:
        tensor = {"name": "images", "shape": [*images.shape, 1], "datatype": "UINT8", "data": images.ravel().tolist()}
        return {"inputs": [tensor], **more}

    return body
