"""The Open Inference Protocol v2: tensors in a request's body -> images, probabilities -> an answer's body.

Source: kserve/open-inference-protocol, inference_rest.md. Tensors may be bytes behind the JSON (Triton's binary tensor
data extension): a header says how long the JSON is, parameters say how long each tensor is or that it is wanted so.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from inksight.errors import UsageError, unknown
from inksight.runs import ModelCard

INPUT, OUTPUT = "images", "probabilities"
LENGTH_HEADER = "Inference-Header-Content-Length"
BINARY_EXTENSION = "binary_tensor_data"
MOST_DIGITS = 18  # of a length


@dataclass(frozen=True, eq=False)
class Query:
    """What a request asks. id: comes back. images: uint8 (n, size, size, channels). binary: the answer's tensor too."""

    id: str | None
    images: np.ndarray
    binary: bool


def metadata(name: str, version: str, card: ModelCard) -> dict[str, Any]:
    """What the protocol says of a model."""
    size, channels = card.size_px, card.channels
    return {
        "name": name,
        "versions": [version],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": INPUT, "datatype": "UINT8", "shape": [-1, size, size, channels]}],
        "outputs": [{"name": OUTPUT, "datatype": "FP32", "shape": [-1, len(card.classes)]}],
    }


def parse_query(body: bytes, json_length: str | None, card: ModelCard) -> Query:
    """A body -> what it asks.

    Args:
        body: JSON, and bytes of tensors behind it.
        json_length: what the length header says; None without it.
        card: of the model that is asked.
    Raises:
        UsageError: it is not as the protocol or the model wants it.
    """
    text, tail = _split(body, json_length)
    content = _object(_parse_json(text), "the request")
    identifier = content.get("id")
    if identifier is not None and not isinstance(identifier, str):
        raise UsageError(f"the id is {json.dumps(identifier)}; a string was wanted.")
    inputs = _objects(content.get("inputs"), "inputs")
    if [each.get("name") for each in inputs] != [INPUT]:
        names = ", ".join(json.dumps(each.get("name")) for each in inputs) or "none"
        raise UsageError(f'the inputs are {names}; one, "{INPUT}", was wanted.')
    return Query(identifier, _images(inputs[0], tail, card), _wants_binary(content))


def answer(query: Query, rows: np.ndarray, name: str, version: str) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of an answer; rows float32 (n, classes)."""
    output: dict[str, Any] = {"name": OUTPUT, "shape": list(rows.shape), "datatype": "FP32"}
    if query.binary:
        output["parameters"] = {"binary_data_size": rows.nbytes}
    else:
        output["data"] = rows.ravel().tolist()
    content: dict[str, Any] = {"model_name": name, "model_version": version}
    if query.id is not None:
        content["id"] = query.id
    text = json.dumps({**content, "outputs": [output]}).encode()
    if not query.binary:
        return text, {"Content-Type": "application/json"}
    headers = {"Content-Type": "application/octet-stream", LENGTH_HEADER: str(len(text))}
    return text + rows.astype("<f4").tobytes(), headers


def _split(body: bytes, json_length: str | None) -> tuple[bytes, bytes]:
    """The JSON and what is behind it."""
    if json_length is None:
        return body, b""
    readable = json_length.isascii() and json_length.isdigit() and len(json_length) < MOST_DIGITS
    if not readable or int(json_length) > len(body):
        raise UsageError(
            f"{LENGTH_HEADER} is {json_length[:MOST_DIGITS]}; at most the body's {len(body)} bytes were wanted."
        )
    return body[: int(json_length)], body[int(json_length) :]


def _parse_json(text: bytes) -> Any:
    """JSON as the standard has it: without NaN and infinities."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the request is not JSON ({error}); an object with inputs was wanted.") from None


def _refuse_constant(name: str) -> NoReturn:
    """Python's parser would take NaN and Infinity."""
    raise ValueError(f"{name} is no JSON")


def _object(value: Any, what: str) -> dict[str, Any]:
    """The value, which has to be an object."""
    if not isinstance(value, dict):
        raise UsageError(f"{what} is no JSON object; one was wanted.")
    return value


def _objects(value: Any, what: str) -> list[dict[str, Any]]:
    """The value, which has to be a list of objects."""
    if not isinstance(value, list):
        raise UsageError(f"{what} is no list; one of JSON objects was wanted.")
    return [_object(each, f"one of the {what}") for each in value]


def _parameters(content: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a request, an input or an output."""
    return _object(content.get("parameters", {}), "parameters")


def _wants_binary(content: dict[str, Any]) -> bool:
    """Whether the output shall be bytes; raises UsageError if another output is wanted."""
    outputs = _objects(content.get("outputs", []), "outputs")
    binary = _parameters(content).get("binary_data_output", False)
    for output in outputs:
        if (name := output.get("name")) != OUTPUT:
            raise UsageError(unknown("output", str(name), [OUTPUT]))
        binary = _parameters(output).get("binary_data", binary)
    return binary is True


def _images(tensor: dict[str, Any], tail: bytes, card: ModelCard) -> np.ndarray:
    """The input tensor, uint8 (n, size, size, channels)."""
    if (datatype := tensor.get("datatype")) != "UINT8":
        raise UsageError(f'the datatype of "{INPUT}" is {json.dumps(datatype)}; "UINT8" was wanted.')
    shape = _shape(tensor.get("shape"), card)
    size = _parameters(tensor).get("binary_data_size")
    values = _listed(tensor.get("data"), shape) if size is None else _binary(tensor, size, tail)
    if size is None and tail:
        raise UsageError(f"{len(tail)} bytes came behind the JSON, but no input has a binary_data_size.")
    if len(values) != math.prod(shape):
        raise UsageError(f'"{INPUT}" has {len(values)} values; its shape {shape} wants {math.prod(shape)}.')
    return values.reshape(shape)


def _shape(shape: Any, card: ModelCard) -> list[int]:
    """The shape, which has to be the model's with any number of images."""
    one = [card.size_px, card.size_px, card.channels]
    whole = isinstance(shape, list) and all(type(side) is int and side >= 0 for side in shape)
    if not whole or shape[1:] != one or len(shape) != 4:
        raise UsageError(f'the shape of "{INPUT}" is {json.dumps(shape)}; [n, {", ".join(map(str, one))}] was wanted.')
    return list(shape)


def _binary(tensor: dict[str, Any], size: Any, tail: bytes) -> np.ndarray:
    """Values out of the bytes behind the JSON, uint8 (n,)."""
    if "data" in tensor:
        raise UsageError(f'"{INPUT}" has both data and a binary_data_size; one of them was wanted.')
    if type(size) is not int or size != len(tail):
        raise UsageError(
            f'the binary_data_size of "{INPUT}" is {json.dumps(size)}, but {len(tail)} bytes came behind the JSON; '
            "they have to be the same."
        )
    return np.frombuffer(tail, np.uint8)


def _listed(data: Any, shape: list[int]) -> np.ndarray:
    """Values out of JSON, flat or nested as the shape is, uint8 (n,)."""
    try:
        values = np.asarray(data if isinstance(data, list) else None)
    except ValueError:  # ragged
        values = np.asarray(None)
    if values.size == 0:
        return np.empty(0, np.uint8)
    if values.dtype.kind not in "iu" or values.min() < 0 or values.max() > 255:
        raise UsageError(f'the data of "{INPUT}" is no list of whole numbers from 0 to 255, which was wanted.')
    if values.ndim > 1 and list(values.shape) != shape:
        raise UsageError(f'the data of "{INPUT}" is nested as {list(values.shape)}; its shape is {shape}.')
    return values.astype(np.uint8).ravel()
