"""The service in OpenAPI's words. A test holds that it names every route, and that every answer is as it says."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from inksight.runs import ModelCard
from inksight.serve.model import Model
from inksight.serve.tensors import INPUT, LENGTH_HEADER, OUTPUT
from inksight.serve.uploads import FORM, RAW

Schema = dict[str, Any]

ERRORS = {
    400: "The request is not as it should be.",
    401: "The token is missing or wrong.",
    403: "A page of another origin asked.",
    413: "The body or the number of pictures is over the limit.",
    415: "Neither a picture nor a form came, or it is compressed.",
    422: "No picture could be read; the text says why.",
    503: "The queue is full; try again after Retry-After seconds.",
    504: "The time for a request is over.",
}
TEXT, RATE, FLAG = {"type": "string"}, {"type": "number", "minimum": 0, "maximum": 1}, {"type": "boolean"}
NULLABLE = {"type": ["string", "null"]}


def openapi(model: Model, with_token: bool) -> Schema:
    """The whole document.

    Args:
        model: the one that answers; only it may be asked.
        with_token: whether a bearer token is asked for.
    """
    document: Schema = {
        "openapi": "3.1.0",
        "info": {"title": "Inksight", "version": metadata.version("inksight"), "description": "Reads what was drawn."},
        "paths": _paths(model.name, model.version),
        "components": {"schemas": {**SCHEMAS, "InferRequest": _infer_request(model.predictor.card)}},
    }
    if with_token:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
    return document


def _paths(model: str, version: str) -> Schema:
    """Every route."""
    named = [_in_path("model", model)]
    versioned = [*named, _in_path("version", version)]
    live, ready = _get("Whether it answers at all.", "Live"), _get("Whether requests should be sent.", "Ready", "Ready")
    paths = {
        "/predict": _post_pictures("What each picture shows.", "Answer"),
        "/read": _post_pictures("The numbers on each picture.", "Reading"),
        "/health/live": live,
        "/health/ready": ready,
        "/metrics": {"get": {"summary": "Numbers for Prometheus.", "responses": {"200": _text_answer(), **_errors()}}},
        "/openapi.json": _get("This document.", "Document"),
        "/v2": _get("Which server this is.", "Server"),
        "/v2/health/live": live,
        "/v2/health/ready": ready,
    }
    for path, parameters in (("/v2/models/{model}", named), ("/v2/models/{model}/versions/{version}", versioned)):
        paths[path] = {**_get("What the model takes and gives.", "Model"), "parameters": parameters}
        paths[f"{path}/ready"] = {
            **_get("Whether the model answers.", "ModelReady", "ModelReady"),
            "parameters": parameters,
        }
        paths[f"{path}/infer"] = {"post": _infer(), "parameters": parameters}
    return paths


def _in_path(name: str, value: str) -> Schema:
    """A parameter with one value."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "enum": [value]}}


def _get(summary: str, schema: str, unready: str | None = None) -> Schema:
    """A route that tells something; `unready` is what its 503 says."""
    responses = {"200": _json("As asked.", _ref(schema)), **_errors()}
    if unready:
        responses["503"] = _json("It is about to end.", _ref(unready))
    return {"get": {"summary": summary, "responses": responses}}


def _post_pictures(summary: str, schema: str) -> Schema:
    """A route that takes pictures."""
    picture: Schema = {"type": "string", "format": "binary"}
    files = {"type": "object", "required": ["file"], "properties": {"file": {"type": "array", "items": picture}}}
    content = {FORM: {"schema": files}, RAW: {"schema": picture}, "image/*": {"schema": picture}}
    found = {"oneOf": [_ref(schema), {"type": "array", "items": {"oneOf": [_ref(schema), _ref("Unread")]}}]}
    answers = {"200": _json("Of one picture; of a form a list, in its order.", found)}
    responses = {**answers, **_errors(413, 415, 422, 503, 504)}
    return {"post": {"summary": summary, "requestBody": {"required": True, "content": content}, "responses": responses}}


def _infer() -> Schema:
    """The route that takes tensors."""
    length = {"name": LENGTH_HEADER, "in": "header", "schema": {"type": "integer", "minimum": 0}}
    answer = {"application/json": {"schema": _ref("InferAnswer")}, RAW: {"schema": {"type": "string"}}}
    return {
        "summary": "Probabilities for a tensor of images.",
        "parameters": [{**length, "description": "How long the JSON is, where bytes of the tensor follow it."}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("InferRequest")}}},
        "responses": {"200": {"description": "As asked.", "content": answer}, **_errors(413, 415, 503, 504)},
    }


def _infer_request(card: ModelCard) -> Schema:
    """What the route that takes tensors is sent."""
    sides = [{"const": side} for side in (card.size_px, card.size_px, card.channels)]
    shape = {"type": "array", "prefixItems": [{"type": "integer", "minimum": 0}, *sides], "minItems": 4, "maxItems": 4}
    values = {"type": "array", "description": "Whole numbers of 0 to 255, flat or nested as the shape is."}
    parameters: Schema = {"type": "object"}
    tensor = _object(
        {"name": {"const": INPUT}, "shape": shape, "datatype": {"const": "UINT8"}},
        {"data": values, "parameters": parameters},
    )
    output = _object({"name": {"const": OUTPUT}}, {"parameters": parameters})
    more = {"id": TEXT, "outputs": _list(output), "parameters": parameters}
    return _object({"inputs": _list(tensor, minItems=1, maxItems=1)}, more)


def _errors(*more: int) -> Schema:
    """What every route may refuse, and what this one may."""
    return {str(status): _json(ERRORS[status], _ref("Error")) for status in sorted({400, 401, 403, *more})}


def _json(description: str, schema: Schema) -> Schema:
    """An answer in JSON."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _text_answer() -> Schema:
    """An answer in plain text."""
    return {"description": "Prometheus's text format.", "content": {"text/plain": {"schema": TEXT}}}


def _ref(name: str) -> Schema:
    """One of SCHEMAS."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Schema, optional: Schema | None = None) -> Schema:
    """An object with these properties and no others."""
    return {
        "type": "object",
        "required": list(properties),
        "properties": {**properties, **(optional or {})},
        "additionalProperties": False,
    }


def _list(items: Schema, **more: Any) -> Schema:
    """A list."""
    return {"type": "array", "items": items, **more}


BOX = _list({"type": "integer"}, minItems=4, maxItems=4, description="left, top, width, height in pixels")
SHAPE = _list({"type": "integer"})
TENSOR = _object({"name": TEXT, "datatype": TEXT, "shape": SHAPE})
SCHEMAS: Schema = {
    "Answer": _object(
        {
            "source": TEXT,
            "model": TEXT,
            "verdict": {"enum": ["class", "unsure", "rejected"]},
            "label": NULLABLE,
            "confidence": RATE,
            "probabilities": {"type": "object", "additionalProperties": RATE},
            "notes": _list(TEXT),
        }
    ),
    "Reading": _object(
        {
            "source": TEXT,
            "model": TEXT,
            "verdict": {"enum": ["class", "unsure", "rejected"]},
            "text": TEXT,
            "confidence": RATE,
            "digits": _list(
                _object({"label": TEXT, "verdict": {"enum": ["class", "unsure"]}, "confidence": RATE, "box": BOX})
            ),
            "signs": _list(_object({"sign": TEXT, "box": BOX})),
            "notes": _list(TEXT),
        }
    ),
    "Unread": _object({"source": TEXT, "error": TEXT}),
    "Error": _object({"error": TEXT}),
    "Live": _object({"live": FLAG}),
    "Ready": _object({"ready": FLAG}),
    "Document": {"type": "object"},
    "Server": _object({"name": TEXT, "version": TEXT, "extensions": _list(TEXT)}),
    "Model": _object(
        {"name": TEXT, "versions": _list(TEXT), "platform": TEXT, "inputs": _list(TENSOR), "outputs": _list(TENSOR)}
    ),
    "ModelReady": _object({"name": TEXT, "ready": FLAG}),
    "InferAnswer": _object(
        {
            "model_name": TEXT,
            "model_version": TEXT,
            "outputs": _list(_object({"name": TEXT, "shape": SHAPE, "datatype": TEXT, "data": _list(RATE)})),
        },
        {"id": TEXT},
    ),
}
