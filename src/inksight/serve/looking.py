"""What the page shows of one picture: how it became the network's input, and how it flows through the network."""

from __future__ import annotations

import base64
import functools
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from inksight.explanation.attribution import ground_of
from inksight.explanation.flow import Layer, flow
from inksight.explanation.occlusion import occlusion
from inksight.export.lowering import plan_of
from inksight.imaging.decode import ParsedPicture
from inksight.imaging.paper import shrunk
from inksight.inference.predictor import UNNAMED, Predictor
from inksight.serve.admission import Place
from inksight.serve.endpoint import queued, service_of
from inksight.serve.uploads import body_of
from inksight.utils.png import data_url

SHOWN_PX = 640
Json = dict[str, Any]

_plan = functools.lru_cache(maxsize=1)(plan_of)


@queued
async def seen(request: Request, place: Place) -> Response:
    """The way of a picture to the network, in pictures and words, and the answer to it."""
    service, body = service_of(request), await body_of(request, place)
    return JSONResponse(await service.in_pool(_seen, service.model.predictor, body))


@queued
async def inside(request: Request, place: Place) -> Response:
    """What each layer makes of a picture, and which parts of it mattered."""
    service, body = service_of(request), await body_of(request, place)
    return JSONResponse(await service.in_pool(_inside, service.model.predictor, body))


def _seen(predictor: Predictor, content: bytes) -> Json:
    """In a thread of the pool."""
    story = predictor.story_of(content)
    height, width = story.stages["picture"].shape[:2]
    return {
        "stages": {name: _png(stage) for name, stage in story.stages.items()},
        "corrections": story.corrections,
        "box": story.box,
        "size": [width, height],
        "answer": _answer(predictor, ParsedPicture(story.stages["input"])),
    }


def _inside(predictor: Predictor, content: bytes) -> Json:
    """In a thread of the pool."""
    card, parsed = predictor.card, predictor.input_of(content)
    input, answer = parsed.pixels.reshape(card.size_px, card.size_px, card.channels), _answer(predictor, parsed)
    label = card.classes.index(answer["label"])
    ground = ground_of(input[None])[0, 0, 0]
    layers = flow(_plan(predictor.content), input)
    return {
        "input": _packed(input.astype(np.float32)),
        "layers": [_layer(layer) for layer in layers],
        "mattered": _packed(occlusion(predictor.probabilities, input, label, ground)),
        "answer": answer,
    }


def _answer(predictor: Predictor, seen: ParsedPicture) -> Json:
    """What `inksight predict --json` says."""
    return predictor.answer_of(UNNAMED, predictor.probabilities(seen.pixels[None])[0], seen).to_dict()


def _layer(layer: Layer) -> Json:
    """A layer for the page. Only filters are shown; a fully connected layer has too many weights to look at."""
    field = layer.field
    return {
        "operator": layer.operator,
        "inputs": layer.inputs,
        "values": _packed(layer.values),
        "field": None if field is None else {"start": field.start, "step": field.step, "size": field.size},
        "kernel": _packed(layer.kernel) if layer.operator == "convolve" and layer.kernel is not None else None,
        **layer.details,
    }


def _packed(values: np.ndarray) -> Json:
    """An array in 256 steps from its lowest to its highest value, its bytes in base 64."""
    low, high = float(values.min()), float(values.max())
    steps = np.rint((values - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)
    return {"shape": values.shape, "low": low, "high": high, "steps": base64.b64encode(steps.tobytes()).decode()}


def _png(picture: np.ndarray) -> str:
    """A picture as an address that holds it, made smaller if it is large."""
    return data_url(shrunk(picture, SHOWN_PX))
