"""What endpoints share: the service behind a request, and the queue that work goes through."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from inksight.serve.admission import Place
from inksight.serve.service import Service


def service_of(request: Request) -> Service:
    """The service that a request is for."""
    service: Service = request.app.state.service
    return service


def queued(work: Callable[[Request, Place], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint for what takes time: it needs a place in the queue, and ends when its time is over."""

    @functools.wraps(work)
    async def endpoint(request: Request) -> Response:
        service = service_of(request)
        time_s = service.settings.time_s
        with service.gate.place() as place:
            try:
                async with asyncio.timeout(time_s):
                    return await work(request, place)
            except TimeoutError:
                raise HTTPException(504, f"no answer was ready after {time_s:g} s; send less at a time.") from None

    return endpoint
