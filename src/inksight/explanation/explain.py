"""Explain one answer of a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inksight.data import load
from inksight.data.address import picture_name
from inksight.data.dataset import Split
from inksight.data.progress import Progress, silent
from inksight.errors import DataError, UsageError
from inksight.evaluation.evaluate import labelled_as
from inksight.explanation.attribution import attribution, ground_of
from inksight.explanation.explanation import Explanation, Neighbour
from inksight.explanation.flip import flips
from inksight.explanation.flow import flow
from inksight.explanation.neighbours import FeatureReader, kept_features, nearest
from inksight.explanation.occlusion import occlusion
from inksight.export.lowering import plan_of
from inksight.inference.predictor import UNNAMED, Picture, Predictor
from inksight.runs import RunLike, measured_on

NEIGHBOURS = 8


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
