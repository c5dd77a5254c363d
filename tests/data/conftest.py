"""What the tests of the data room share: pictures on disk, IDX bytes, a web server that misbehaves."""

from __future__ import annotations

import gzip
import struct
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def write_picture() -> Callable[..., Path]:
    """Writes a grey PNG: of one value with one bright pixel, or random where a seed is given."""

    def write(path: Path, value: int = 100, size: tuple[int, int] = (28, 28), seed: int | None = None) -> Path:
        pixels = np.full(size, value, np.uint8)
        pixels[0, 0] = 255
        if seed is not None:
            pixels = np.random.default_rng(seed).integers(0, 256, size, np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        return path

    return write


def idx_bytes(array: np.ndarray) -> bytes:
    """An array of bytes as IDX, plain."""
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def idx_files(train: int = 20, test: int = 10, classes: int = 2) -> dict[str, bytes]:
    """The four packed files of a small set."""
    generator = np.random.default_rng(0)
    files = {}
    for prefix, count in (("train", train), ("t10k", test)):
        images = generator.integers(0, 256, (count, 28, 28))
        files[f"{prefix}-images-idx3-ubyte.gz"] = gzip.compress(idx_bytes(images), mtime=0)
        files[f"{prefix}-labels-idx1-ubyte.gz"] = gzip.compress(idx_bytes(np.arange(count) % classes), mtime=0)
    return files


class Server:
    """A web server on this machine. `folders` maps the first part of a path to how it behaves."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                _, behaviour, name = self.path.split("/", 2)
                content = outer.files.get(name)
                if content is None or behaviour == "missing":
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if behaviour == "wrong":
                    content = bytes(len(content))
                elif behaviour == "cut":
                    content = content[: len(content) // 2]
                elif behaviour == "stalled":
                    time.sleep(1)
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def address(self, behaviour: str = "good") -> str:
        """The folder that behaves so: good, missing, wrong, cut or stalled."""
        return f"http://127.0.0.1:{self._server.server_port}/{behaviour}/"

    def stop(self) -> None:
        """Ends it and waits."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A running server with the four files of a small set."""
    monkeypatch.setenv("NO_PROXY", "*")
    running = Server(idx_files())
    yield running
    running.stop()
