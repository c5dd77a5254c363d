"""How the service is, for those that watch over it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from inksight.serve.endpoint import service_of
from inksight.serve.metrics import CONTENT_TYPE
from inksight.serve.openapi import openapi


async def live(request: Request) -> Response:
    """Whether the process answers at all."""
    return JSONResponse({"live": True})


async def ready(request: Request) -> Response:
    """Whether requests should be sent here."""
    is_ready = service_of(request).ready
    return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)


async def metrics(request: Request) -> Response:
    """Numbers for Prometheus."""
    return Response(service_of(request).metrics.text(), media_type=CONTENT_TYPE)


async def schema(request: Request) -> Response:
    """All of this in OpenAPI's words."""
    service = service_of(request)
    return JSONResponse(openapi(service.model, service.settings.token is not None))
