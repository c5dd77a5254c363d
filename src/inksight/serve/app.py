"""The service as an ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from inksight.errors import DataError, InksightError, PictureError, RunError, UsageError
from inksight.serve import health, pictures, protocol
from inksight.serve.metrics import Measured
from inksight.serve.security import HEADERS, Security
from inksight.serve.service import Service
from inksight.serve.workshop import Workshop
from inksight.utils.optional import not_installed

if TYPE_CHECKING:
    from inksight.serve.settings import Page

ROUTES = (
    Route("/predict", pictures.predict, methods=["POST"]),
    Route("/read", pictures.read, methods=["POST"]),
    Route("/health/live", health.live),
    Route("/health/ready", health.ready),
    Route("/metrics", health.metrics),
    Route("/openapi.json", health.schema),
    Route("/v2", protocol.server),
    Route("/v2/health/live", health.live),
    Route("/v2/health/ready", health.ready),
    Route("/v2/models/{model}", protocol.model),
    Route("/v2/models/{model}/ready", protocol.model_ready),
    Route("/v2/models/{model}/infer", protocol.infer, methods=["POST"]),
    Route("/v2/models/{model}/versions/{version}", protocol.model),
    Route("/v2/models/{model}/versions/{version}/ready", protocol.model_ready),
    Route("/v2/models/{model}/versions/{version}/infer", protocol.infer, methods=["POST"]),
)
STATUS = {UsageError: 400, RunError: 404, DataError: 422, PictureError: 422}


def create_app(service: Service, page: Page | None = None) -> Starlette:
    """The application over a service, which is closed when the application ends.

    Args:
        page: what the page of `inksight app` may use; None for a service without it.
    """

    workshop = None if page is None else Workshop(page)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        if workshop is not None:
            await workshop.close()
        service.close()

    app = Starlette(
        routes=[*ROUTES, *_page_routes(page)],
        middleware=_middleware(service),
        exception_handlers={
            HTTPException: _refused,
            InksightError: _failed,
            ModuleNotFoundError: _missing,
            ClientDisconnect: _gone,
            Exception: _broken,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.service, app.state.page, app.state.workshop = service, page, workshop
    return app


def _page_routes(page: Page | None) -> list[Route]:
    """The routes of the page; a service without it need not wait for what looks into networks."""
    if page is None:
        return []
    from inksight.serve.page import page_routes

    return page_routes()


def _middleware(service: Service) -> list[Middleware]:
    """What a request goes through before its route, the outermost first."""
    layers = [Middleware(Measured, metrics=service.metrics), Middleware(Security, service=service)]
    if origins := service.settings.origins:
        headers = ["Authorization", "Content-Type"]
        cors = Middleware(CORSMiddleware, allow_origins=origins, allow_methods=["GET", "POST"], allow_headers=headers)
        layers.insert(1, cors)
    return layers


def _said(text: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """An error in words, which may quote what a client sent: half a character pair has no bytes."""
    return JSONResponse({"error": text.encode(errors="replace").decode()}, status, headers)


async def _refused(request: Request, error: Exception) -> Response:
    """An HTTP error with its own status; the framework's own words are replaced by ours."""
    assert isinstance(error, HTTPException)
    path, headers = request.url.path, error.headers or {}
    texts = {
        404: f"there is nothing at {path}; /openapi.json names all there is.",
        405: f"{path} does not answer {request.method}; {headers.get('Allow')} was wanted.",
    }
    return _said(texts.get(error.status_code, error.detail), error.status_code, headers)


async def _failed(request: Request, error: Exception) -> Response:
    """The library's errors, in its words."""
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
    return _said(str(error), status)


async def _missing(request: Request, error: Exception) -> Response:
    """A package that this installation lacks, in words."""
    assert isinstance(error, ModuleNotFoundError)
    if (told := not_installed(error)) is None:
        raise error
    return _said(str(told), 500)


async def _gone(request: Request, error: Exception) -> Response:
    """A client that left before its request was whole."""
    return Response(status_code=400)


async def _broken(request: Request, error: Exception) -> Response:
    """Our own mistake: its traceback goes to the log, not to the client."""
    return _said(
        "something went wrong in the service; its log says what.",
        500,
        {name.decode(): value.decode() for name, value in HEADERS},
    )
