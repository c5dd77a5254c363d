"""What the page's tabs Train, Runs and Teach ask: routes below /app, and what is held open for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from inksight.errors import UsageError, unknown
from inksight.imaging.decode import fit_square, parse_picture
from inksight.runs import METRICS
from inksight.serve import history, knobs
from inksight.serve.admission import Place
from inksight.serve.corrections import Correction, Corrections
from inksight.serve.datasets import Datasets
from inksight.serve.endpoint import queued, service_of
from inksight.serve.tensors import MOST_DIGITS
from inksight.serve.training import Trainer
from inksight.serve.uploads import Upload, body_of
from inksight.utils.atomic import cache_folder
from inksight.utils.png import data_url

if TYPE_CHECKING:
    from inksight.serve.settings import Page

_SHOWN_CORRECTIONS = 200
_SHOWN_PX = 56
_CHUNK_BYTES = 1024**2


class Workshop:
    """What is held open while the page is: its trainer, its corrections, its data sets, runs that were asked again."""

    def __init__(self, page: Page) -> None:
        self.runs = page.runs
        self.trainer = Trainer()
        self.shelf = Datasets(page.data, cache_folder() / "uploads")
        self.corrections = Corrections(page.corrections)
        self.corrections.repair()
        self._evaluated: dict[tuple[Path, float], dict[str, Any]] = {}
        self._evaluating = asyncio.Lock()

    async def evaluation(self, path: Path) -> dict[str, Any]:
        """A run asked about its test part: once, and one run at a time."""
        async with self._evaluating:
            key = path, (path / METRICS).stat().st_mtime if (path / METRICS).exists() else 0.0
            if key not in self._evaluated:
                self._evaluated[key] = await asyncio.to_thread(history.evaluated, path)
            return self._evaluated[key]

    async def close(self) -> None:
        """Ends the training that runs."""
        await self.trainer.close()


def workshop_of(request: Request) -> Workshop:
    """The workshop that a request is for."""
    workshop: Workshop = request.app.state.workshop
    return workshop


async def training_options(request: Request) -> Response:
    """What can be trained on, and what can be chosen."""
    sources = await asyncio.to_thread(workshop_of(request).shelf.sources)
    return JSONResponse({"data": list(sources), **knobs.options()})


async def upload_data(request: Request) -> Response:
    """A zip of class folders becomes a data set. It may take its time: every picture is looked at."""
    with service_of(request).gate.place() as place:
        body = await body_of(request, place)
        name = request.query_params.get("name", "")
        return JSONResponse(await asyncio.to_thread(workshop_of(request).shelf.add, body, name))


async def training(request: Request) -> Response:
    """How the newest training goes; `?after=N` leaves out the first N rows, which the page has already."""
    newest = workshop_of(request).trainer.training
    after = request.query_params.get("after", "0")
    if not (after.isdecimal() and len(after) < MOST_DIGITS):
        raise UsageError(f'after is "{after}"; a number of rows was wanted.')
    return JSONResponse(None if newest is None else newest.to_dict(int(after)))


@queued
async def start_training(request: Request, place: Place) -> Response:
    """Trains on a data set with a preset and knobs, or trains a run on with the corrections."""
    wish = _wish(await body_of(request, place))
    workshop = workshop_of(request)
    if (name := wish.get("finetune")) is not None:
        path = history.find_run(workshop.runs, str(name))
        arguments = ["--finetune", str(path), "--data", str(workshop.corrections.folder.resolve())]
        what = {"finetune": name}
    else:
        data = wish.get("data", "mnist")
        arguments = ["--data", workshop.shelf.source(data), *knobs.chosen_arguments(wish)]
        what = {"data": data, "preset": wish.get("preset", "quick"), "choices": wish.get("choices", {})}
    started = await workshop.trainer.start(what, arguments)
    return JSONResponse(started.to_dict(0), 201)


async def stop_training(request: Request) -> Response:
    """Ends the training as Ctrl-C does: what was learned is tested and kept. Again: it is given up."""
    workshop_of(request).trainer.stop()
    return JSONResponse({})


async def runs(request: Request) -> Response:
    """All runs, and which of them answers."""
    found = await asyncio.to_thread(history.summaries, workshop_of(request).runs)
    return JSONResponse({"runs": found, "answers": service_of(request).model.name})


async def run(request: Request) -> Response:
    """One run with its curves."""
    name, path = _named_run(request)
    return JSONResponse(await asyncio.to_thread(history.details, name, path))


async def run_evaluation(request: Request) -> Response:
    """One run's confusion matrix and wrong answers."""
    return JSONResponse(await workshop_of(request).evaluation(_named_run(request)[1]))


async def use_run(request: Request) -> Response:
    """Lets a run answer from now on."""
    name, path = _named_run(request)
    await service_of(request).use("shipped" if name == history.SHIPPED_NAME else str(path))
    return JSONResponse({"answers": service_of(request).model.name})


async def corrections(request: Request) -> Response:
    """The newest corrections with small pictures, and how many there are."""
    kept = workshop_of(request).corrections
    entries, count = await asyncio.to_thread(_shown_corrections, kept)
    return JSONResponse({"folder": str(kept.folder), "count": count, "corrections": entries})


@queued
async def correct(request: Request, place: Place) -> Response:
    """Keeps a picture below its right label, `?label=7`; what was answered is asked of the model once more."""
    body = await body_of(request, place)
    model, kept = service_of(request).model, workshop_of(request).corrections
    label, classes = request.query_params.get("label", ""), model.predictor.card.classes
    if label not in classes:
        raise UsageError(unknown("class", label, classes))
    answer = await model.predict(Upload("the picture", body))
    in_pool = service_of(request).in_pool
    picture = (await in_pool(parse_picture, body)).pixels
    added = await in_pool(kept.add, picture, label, answer["label"], answer["confidence"], model.name)
    return JSONResponse(_shown(kept, added), 201)


async def undo_correction(request: Request) -> Response:
    """Takes a correction back."""
    kept = workshop_of(request).corrections
    undone = await asyncio.to_thread(kept.undo, request.path_params["id"])
    return JSONResponse({"id": undone.id, "label": undone.label})


async def export_corrections(request: Request) -> Response:
    """All corrections as a zip."""
    file = await asyncio.to_thread(workshop_of(request).corrections.packed)
    headers = {"Content-Disposition": 'attachment; filename="corrections.zip"'}
    return StreamingResponse(_chunks(file), media_type="application/zip", headers=headers)


ROUTES = (
    Route("/app/training/options", training_options),
    Route("/app/training", training),
    Route("/app/training", start_training, methods=["POST"]),
    Route("/app/training/stop", stop_training, methods=["POST"]),
    Route("/app/data", upload_data, methods=["POST"]),
    Route("/app/runs", runs),
    Route("/app/runs/{name}", run),
    Route("/app/runs/{name}/evaluation", run_evaluation),
    Route("/app/runs/{name}/use", use_run, methods=["POST"]),
    Route("/app/corrections", corrections),
    Route("/app/corrections", correct, methods=["POST"]),
    Route("/app/corrections.zip", export_corrections),
    Route("/app/corrections/{id}/undo", undo_correction, methods=["POST"]),
)


def _wish(body: bytes) -> dict[str, Any]:
    """The JSON object in a body."""
    try:
        wish = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the request is not JSON ({error}); an object was wanted.") from None
    if not isinstance(wish, dict):
        raise UsageError("the request is no JSON object; one was wanted.")
    return wish


def _named_run(request: Request) -> tuple[str, Path]:
    """The run that the path names."""
    name = request.path_params["name"]
    return name, history.find_run(workshop_of(request).runs, name)


def _shown_corrections(kept: Corrections) -> tuple[list[dict[str, Any]], int]:
    """The newest corrections for the page, the newest first, and the number of all."""
    found = kept.all()
    return [_shown(kept, each) for each in reversed(found[-_SHOWN_CORRECTIONS:])], len(found)


def _shown(kept: Corrections, correction: Correction) -> dict[str, Any]:
    """One correction for the page."""
    facts = {name: getattr(correction, name) for name in ("id", "label", "given", "confidence", "model", "time")}
    return {**facts, "picture": data_url(fit_square(kept.picture(correction), _SHOWN_PX))}


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    """A file piece by piece; it is closed in the end."""
    with file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield chunk
