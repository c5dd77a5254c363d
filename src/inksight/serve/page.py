"""What only `inksight app` has: the page, and the routes that it asks beside those of the service."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from inksight.inference.predictor import Predictor
from inksight.serve import assets, looking, workshop
from inksight.serve.endpoint import service_of


def page_routes() -> list[Route]:
    """Every route that `inksight serve` does not have."""
    return [
        *assets.routes(),
        Route("/app/model", model),
        Route("/app/seen", looking.seen, methods=["POST"]),
        Route("/app/inside", looking.inside, methods=["POST"]),
        *workshop.ROUTES,
    ]


async def model(request: Request) -> Response:
    """The model that answers now."""
    answering = service_of(request).model
    return JSONResponse(
        {
            "name": answering.name,
            "version": answering.version,
            "inksight": metadata.version("inksight"),
            **_described(answering.predictor),
        }
    )


def _described(predictor: Predictor) -> dict[str, Any]:
    """A model for the page."""
    card = predictor.card
    return {
        "classes": list(card.classes),
        "size_px": card.size_px,
        "channels": card.channels,
        "preprocessing": card.preprocessing,
        "reads_numbers": predictor.reads_numbers,
        "about": card.about,
    }
