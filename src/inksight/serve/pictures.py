"""`/predict` and `/read`: pictures in, the same JSON out as on the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from inksight.errors import PictureError
from inksight.inference.predictor import UNNAMED
from inksight.serve.admission import Place
from inksight.serve.endpoint import queued, service_of
from inksight.serve.uploads import Upload, body_of, files_of, form_boundary

Answer = dict[str, Any]


@queued
async def predict(request: Request, place: Place) -> Response:
    """What each picture shows."""
    return await _answered(request, place, service_of(request).model.predict)


@queued
async def read(request: Request, place: Place) -> Response:
    """The numbers on each picture."""
    return await _answered(request, place, service_of(request).model.read)


async def _answered(request: Request, place: Place, ask: Callable[[Upload], Awaitable[Answer]]) -> Response:
    """A picture as it is gets its answer; a form gets the list of its pictures' answers, however many they are."""
    boundary = form_boundary(request)
    body = await body_of(request, place)
    if boundary is None:
        return JSONResponse(await ask(Upload(UNNAMED, body)))
    service = service_of(request)
    files = await service.parsed(files_of, body, boundary, service.settings.pictures)
    answers = await asyncio.gather(*(_or_error(ask, upload) for upload in files))
    if all("error" in answer for answer in answers):
        raise PictureError(" ".join(answer["error"] for answer in answers))
    return JSONResponse(answers)


async def _or_error(ask: Callable[[Upload], Awaitable[Answer]], upload: Upload) -> Answer:
    """A picture that cannot be read does not stop the others: its error stands in its place."""
    try:
        return await ask(upload)
    except PictureError as error:
        return {"source": upload.name, "error": str(error)}
