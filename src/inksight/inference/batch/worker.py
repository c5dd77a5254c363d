"""A shard -> a part: what the nodes do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

from inksight.errors import InksightError, PictureError
from inksight.inference.batch.part import PartWriter, Receipt, part_name
from inksight.inference.batch.shard import Found, Shard, read_shard, unpack
from inksight.inference.predictor import Answer, Predictor
from inksight.runs import ModelCard
from inksight.utils.storage import Store


@dataclass(frozen=True)
class Errand:
    """What all shards of a batch have in common.

    source: a URL, or a path from the root. shown: what answers call it. schema: of the parts. model: the ONNX file,
    uint8; an array, so that all processes of a node read the same copy. sha256: its hash. name: what it is called.
    out: a URL that parts are written to; None to give them back.
    """

    source: str
    shown: str
    schema: Any
    model: np.ndarray
    sha256: str
    name: str
    card: ModelCard
    out: str | None


_open: dict[str, Predictor] = {}


def answer_shard(row: dict[str, Any], errand: Errand) -> dict[str, Any]:
    """The part of a packed shard, or what kept it from being made.

    Args:
        row: "shard", as `pack` gave it.
    Returns:
        "number", "rows", "errors"; "part", the file's bytes, empty where it is written already; "kind" and "failure",
        the class and the text of an error, empty where all went well.
    """
    shard = unpack(row["shard"])
    content, receipt, kind, failure = b"", Receipt(0, 0), "", ""
    try:
        content, receipt = _part(shard, errand)
        if errand.out is not None:
            Store(errand.out).write(part_name(shard.number), content)
            content = b""
    except InksightError as error:
        kind, failure = type(error).__name__, str(error)
    except Exception as error:  # to Ray Data it would be one more lost worker
        kind, failure = "EngineError", f"{shard.names[0]} and those after it: {error!r}. Report it, please."
    return {"number": shard.number, **asdict(receipt), "part": content, "kind": kind, "failure": failure}


def _part(shard: Shard, errand: Errand) -> tuple[bytes, Receipt]:
    """The file of a shard, and what it holds."""
    predictor, writer = _predictor(errand), PartWriter(errand.schema)
    for found in read_shard(shard, Store(errand.source), errand.shown):
        writer.add(_answers(predictor, found))
    return writer.close()


def _answers(predictor: Predictor, found: list[Found]) -> list[tuple[str, Answer | str]]:
    """Each picture with its answer, as `Predictor.predict` gives it, or with its error."""
    there = [(content, name) for name, content in found if isinstance(content, bytes)]
    answers = iter(predictor.predict_each(there))
    rows = [(name, content if isinstance(content, str) else next(answers)) for name, content in found]
    return [(name, str(answer) if isinstance(answer, PictureError) else answer) for name, answer in rows]


def _predictor(errand: Errand) -> Predictor:
    """The model, opened once in a process."""
    if errand.sha256 not in _open:
        cv2.setNumThreads(1)  # as the network has one: there is a worker for each CPU
        _open.clear()
        _open[errand.sha256] = Predictor(errand.model.tobytes(), errand.card, errand.name, num_threads=1)
    return _open[errand.sha256]
