"""What only `inksight app` has: the page, and the routes that it asks beside those of the service."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from inksight.predictor import Predictor
from inksight.runs import DEFAULT_ROOT
from inksight.serve import assets, looking, workshop
from inksight.serve.endpoint import service_of


@dataclass(frozen=True)
class Page:
    """What the person who started the page lets it use.

    data: folders that may be trained on, beside the known data sets. corrections: where corrected answers are kept.
    runs: where trained models are kept.
    """

    data: tuple[Path, ...] = ()
    corrections: Path = Path("corrections")
    runs: Path = DEFAULT_ROOT


def page_routes() -> list[Route]:
    """Every route that `inksight serve` does not have."""
    return [
        *assets.routes(),
        Route("/app/model", model),
        Route("/app/seen", looking.seen, methods=["POST"]),
        Route("/app/inside", looking.inside, methods=["POST"]),
        *workshop.ROUTES,
    ]


def page_of(request: Request) -> Page:
    """The page that a request is from."""
    page: Page = request.app.state.page
    return page


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
