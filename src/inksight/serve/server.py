"""A service in this process, from the open port to the last answer."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import cv2
import uvicorn

from inksight.errors import ServiceError
from inksight.serve.app import create_app
from inksight.serve.service import Service

if TYPE_CHECKING:
    from inksight.serve.settings import Page

GRACE_S = 1.0  # between not ready and the end of listening: time to be noticed
DRAIN_S = 8  # for the requests that are inside by then; with GRACE_S it stays below ten
KEEP_ALIVE_S = 30
BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """Opens a port; port 0 stands for any that is free.

    Raises:
        ServiceError: it cannot be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        raise ServiceError(f"{host} port {port} cannot be listened on: {error.strerror}.") from error
    # else a head and its body, sent one after the other, would wait for each other's acknowledgement: 40 ms
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def run(service: Service, listener: socket.socket, started: Callable[[], None], page: Page | None = None) -> None:
    """Answers until a signal ends it, with the page if there is one; calls `started` once it does."""
    cv2.setNumThreads(1)  # the pool's threads are all there is to share the cores
    config = uvicorn.Config(
        create_app(service, page),
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )
    _Server(config, service, started, reloads=page is None).run([listener])


class _Server(uvicorn.Server):
    """uvicorn with signals of its own.

    SIGTERM and Ctrl-C: it is not ready any more, after GRACE_S it takes no more, it ends when all is answered; the
    second one ends it at once. SIGHUP: the run is loaded again where `reloads`; a page ends with its terminal.
    """

    def __init__(self, config: uvicorn.Config, service: Service, started: Callable[[], None], reloads: bool) -> None:
        super().__init__(config)
        self._reloads = reloads
        self._service, self._announce = service, started
        self._tasks: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Announces that it has begun."""
        await super().startup(sockets)
        self._announce()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own would raise the signal again in the end, and the exit code would not be 0."""
        loop = asyncio.get_running_loop()
        actions = {
            "SIGTERM": self._drain,
            "SIGINT": self._drain,
            "SIGHUP": self._reload if self._reloads else self._drain,
        }

        def handle(number: int, frame: Any) -> None:
            loop.call_soon_threadsafe(actions[signal.Signals(number).name])

        numbers = [getattr(signal, name) for name in actions if hasattr(signal, name)]  # Windows has no SIGHUP
        before = {number: signal.signal(number, handle) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _drain(self) -> None:
        """Begins to end."""
        if not self._service.ready:
            self.should_exit = self.force_exit = True
        self._service.ready = False
        asyncio.get_running_loop().call_later(GRACE_S, setattr, self, "should_exit", True)

    def _reload(self) -> None:
        """Loads the run again, beside the requests."""
        task = asyncio.get_running_loop().create_task(self._service.reload())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
