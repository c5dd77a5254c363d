"""`/v2`: the routes of the Open Inference Protocol. Whatever is wrong with a request for a model is a 400."""

from __future__ import annotations

from importlib import metadata

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from inksight.errors import UsageError, unknown
from inksight.serve import tensors
from inksight.serve.admission import Place
from inksight.serve.endpoint import queued, service_of
from inksight.serve.model import Model
from inksight.serve.uploads import body_of


async def server(request: Request) -> Response:
    """Which server this is."""
    extensions = [tensors.BINARY_EXTENSION]
    return JSONResponse({"name": "inksight", "version": metadata.version("inksight"), "extensions": extensions})


async def model(request: Request) -> Response:
    """What the model takes and gives."""
    found = _asked(request)
    return JSONResponse(tensors.metadata(found.name, found.version, found.predictor.card))


async def model_ready(request: Request) -> Response:
    """Whether the model answers; a service that is about to end still knows it, but says no."""
    ready = service_of(request).ready
    return JSONResponse({"name": _asked(request).name, "ready": ready}, 200 if ready else 503)


@queued
async def infer(request: Request, place: Place) -> Response:
    """Probabilities for a tensor of images."""
    service, asked = service_of(request), _asked(request)
    body = await body_of(request, place)
    json_length = request.headers.get(tensors.LENGTH_HEADER)
    query = await service.parsed(tensors.parse_query, body, json_length, asked.predictor.card)
    if len(query.images) > service.settings.pictures:
        most = service.settings.pictures
        raise HTTPException(413, f"{len(query.images)} images came; at most {most} are taken at a time.")
    rows = await asked.probabilities(query.images)
    content, headers = tensors.answer(query, rows, asked.name, asked.version)
    return Response(content, headers=headers)


def _asked(request: Request) -> Model:
    """The model that a path names."""
    loaded, path = service_of(request).model, request.path_params
    if path["model"] != loaded.name:
        raise UsageError(unknown("model", path["model"], [loaded.name]))
    if path.get("version", loaded.version) != loaded.version:
        raise UsageError(unknown("version", path["version"], [loaded.version]))
    return loaded
