"""Why a model answers as it does, for one picture: `explain` gathers what the room `insight` finds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inksight.data import load
from inksight.data.address import picture_name
from inksight.data.dataset import Split
from inksight.data.progress import Progress, silent
from inksight.errors import DataError, UsageError
from inksight.evaluation import labelled_as
from inksight.export.lowering import plan_of
from inksight.insight.attribution import attribution, ground_of
from inksight.insight.flip import Flip, flips
from inksight.insight.flow import Layer, flow
from inksight.insight.neighbours import FeatureReader, kept_features, nearest
from inksight.insight.occlusion import occlusion
from inksight.predictor import UNNAMED, Answer, Picture, Predictor
from inksight.runs import RunLike, measured_on

NEIGHBOURS = 8
SIGNIFICANT = 4  # digits of a value in JSON


@dataclass(frozen=True, eq=False)
class Neighbour:
    """A training picture. index: in its set's training part. file: as in Split; None without. likeness: the cosine of
    the two pictures' features, 1 for the same. image: uint8 (size, size, channels)."""

    index: int
    file: str | None
    label: str
    likeness: float
    image: np.ndarray

    def __repr__(self) -> str:
        return f"Neighbour {self.index:,}: {self.label} (likeness {self.likeness:.3f})"


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a model answers a picture as it does.

    image: uint8 (size, size, channels), what the network saw.
    layers: what each layer made of it. attribution, occlusion: float32 (size, size), above 0 where the ink speaks for
    the answer and below 0 where against it (insight.attribution, insight.occlusion).
    training: the set the neighbours come from; "" where it could not be had, then there are none.
    flips: the smallest changes found that get other answers, the smallest of all first.
    notes: what could not be had or may not be expected, in sentences. true_label: where it is known.
    """

    answer: Answer
    classes: tuple[str, ...]
    image: np.ndarray
    layers: tuple[Layer, ...]
    attribution: np.ndarray
    occlusion: np.ndarray
    training: str
    neighbours: tuple[Neighbour, ...]
    flips: tuple[Flip, ...]
    notes: tuple[str, ...] = ()
    true_label: str | None = None

    def __repr__(self) -> str:
        return f"Explanation of {self.answer.source}: {self.answer!r} by {self.answer.model}"

    @property
    def filters(self) -> np.ndarray | None:
        """Those of the first convolution, float32 (height, width, channels, filters), if there is one."""
        return next((layer.kernel for layer in self.layers if layer.operator == "convolve"), None)

    def to_dict(self) -> dict[str, Any]:
        """Everything as it goes into JSON: arrays with their shape, nested lists by rows, 4 significant digits.

        Of the weights only the filters of the first convolution are in it: they are the ones that can be looked at.
        """
        return {
            **self.answer.to_dict(),
            **({"true_label": self.true_label} if self.true_label is not None else {}),
            "notes": list(self.notes),
            "input": _array(self.image),
            "attribution": _array(self.attribution),
            "occlusion": _array(self.occlusion),
            "neighbours": [
                {
                    "data": self.training,
                    "split": "train",
                    "index": each.index,
                    "file": each.file,
                    "label": each.label,
                    "likeness": _rounded(each.likeness),
                }
                for each in self.neighbours
            ],
            "flips": [
                {
                    "label": self.classes[each.label],
                    "confidence": _rounded(each.confidence),
                    "rms": _rounded(each.rms),
                    "largest": each.largest,
                    "pixels": each.pixels,
                    "image": _array(each.image),
                }
                for each in self.flips
            ],
            "layers": [
                {"operator": each.operator, "inputs": list(each.inputs), **each.details, **_array(each.values)}
                for each in self.layers
            ],
            "filters": None if self.filters is None else _array(self.filters),
        }

    def save(self, path: str | Path) -> Path:
        """Draws everything on one picture and writes it as PNG.

        Raises:
            StorageError: the place cannot be written.
        """
        from inksight.explanation.poster import poster
        from inksight.sheet import save_png

        return save_png(path, poster(self))


def explain(
    picture: Picture,
    run: RunLike | Predictor | None = None,
    *,
    data: str | Path | None = None,
    source: str | None = None,
    progress: Progress = silent,
) -> Explanation:
    """Says why a model answers a picture as it does.

    Args:
        picture: as for `Predictor.predict`.
        run: a Run, a run folder, "latest", "shipped" or an open Predictor; None for the latest run, or the shipped
            model where there is none.
        data: where the training pictures are, for "it looks like these"; the run's own data unless given.
        source: what to call the picture.
        progress: called with (done, total, what) while the training pictures are looked at for the first time.
    Raises:
        PictureError: the picture cannot be read, or a digit model was given a blank.
        RunError: there is no such run, or its model is damaged.
        EngineError: the network has an operator that the plan does not know.
        DataError, UsageError: `data` cannot be read. The run's own data may be gone; a note then says so.
    """
    predictor = run if isinstance(run, Predictor) else Predictor.load(run)
    name = source or (str(picture) if isinstance(picture, str | Path) else UNNAMED)
    card, seen = predictor.card, predictor.input_of(picture, name)
    image = seen.pixels.reshape(card.size_px, card.size_px, card.channels)
    plan = plan_of(predictor.content)
    answer = predictor.answer_of(name, predictor.probabilities(image[None])[0], seen)
    label = card.classes.index(str(answer.label))
    ground = ground_of(image[None])
    training, neighbours, notes = _alike(predictor, image, data, progress)
    return Explanation(
        answer=answer,
        classes=card.classes,
        image=image,
        layers=tuple(flow(plan, image)),
        attribution=attribution(plan, image[None], np.array([label]), ground)[0],
        occlusion=occlusion(predictor.probabilities, image, label, ground[0, 0, 0]),
        training=training,
        neighbours=neighbours,
        flips=flips(plan, predictor.probabilities, image, label),
        notes=(*answer.notes, *notes),
    )


def _alike(
    predictor: Predictor, image: np.ndarray, data: str | Path | None, progress: Progress
) -> tuple[str, tuple[Neighbour, ...], tuple[str, ...]]:
    """The name of the training set, the pictures of it nearest to one, and notes."""
    origin = predictor.card.provenance
    wanted = str(data) if data is not None else measured_on(origin)
    if not wanted:
        return (
            "",
            (),
            ("what the model was trained on is not known, so no picture like this is shown; name it with --data.",),
        )
    try:
        split, warning = _training_part(predictor, wanted, progress)
    except (DataError, UsageError) as error:
        if data is not None:
            raise
        return "", (), (f"the training pictures cannot be had, so none like this is shown: {error}",)
    reader = FeatureReader(predictor.content)
    known = kept_features(predictor.content, split.batch, reader, progress)
    order, likeness = nearest(known, reader.features(image[None])[0], NEIGHBOURS)
    classes = predictor.card.classes
    found = tuple(
        Neighbour(
            int(at),
            split.files[at] if split.files else None,
            classes[split.labels[at]],
            min(float(cosine), 1.0),
            split.batch[at],
        )
        for at, cosine in zip(order, likeness, strict=True)
    )
    itself = [each.index for each in found if np.array_equal(each.image, image)]
    notes = []
    if itself:
        notes = [f"this very picture is a training picture, {picture_name(split.files, wanted, 'train', itself[0])}."]
    return wanted, found, (*warning, *notes)


def _training_part(predictor: Predictor, source: str, progress: Progress) -> tuple[Split, tuple[str, ...]]:
    """The training pictures as the model counts classes and channels, and a warning where they are not the same now."""
    card = predictor.card
    own = card.provenance.get("data", {})
    is_own = source == own.get("source")
    seed = card.provenance.get("seed", 0) if is_own else 0
    loaded = load(source, size_px=card.size_px, prepare=predictor.inputs, seed=seed, progress=progress)
    split = labelled_as(loaded.train, loaded.classes, source, predictor)
    has_changed = is_own and own.get("sha256") not in (None, loaded.sha256)
    return split, (f"{source} has changed since the training.",) if has_changed else ()


def _array(values: np.ndarray) -> dict[str, Any]:
    """An array for JSON."""
    if values.dtype.kind in "ui":
        return {"shape": list(values.shape), "values": values.tolist()}
    flat = np.array([_rounded(value) for value in values.ravel().tolist()])
    return {"shape": list(values.shape), "values": flat.reshape(values.shape).tolist()}


def _rounded(value: float) -> float:
    """A number to SIGNIFICANT digits."""
    return float(f"{value:.{SIGNIFICANT}g}")
