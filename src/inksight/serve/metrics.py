"""What Prometheus is told. Each service counts for itself."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inksight.serve.admission import Admission

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
PICTURES = (1, 2, 4, 8, 16, 32)
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
NO_ROUTE = "none"


class Metrics:
    """The numbers of one service."""

    def __init__(self, gate: Admission) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter("inksight_requests", "Answers sent.", ["route", "status"], registry=registry)
        self._seconds = Histogram(
            "inksight_request_seconds",
            "From a request's head to its last byte of answer.",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self._pictures = Histogram(
            "inksight_batch_pictures", "Pictures in one run of the network.", buckets=PICTURES, registry=registry
        )
        waiting = Gauge("inksight_queue_requests", "Requests accepted and not answered yet.", registry=registry)
        waiting.set_function(lambda: gate.inside)
        self._model = Info("inksight_model", "The model that answers.", registry=registry)

    def batch(self, pictures: int) -> None:
        """One run of the network."""
        self._pictures.observe(pictures)

    def model(self, name: str, version: str) -> None:
        """The model that answers from now on."""
        self._model.info({"name": name, "version": version})

    def request(self, route: str, status: int, seconds: float) -> None:
        """One answer."""
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All numbers, in Prometheus's text format."""
        return generate_latest(self._registry)


class Measured:
    """Middleware: tells `metrics` of every answer, by the route's pattern."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            self._metrics.request(route, status, time.perf_counter() - start)
