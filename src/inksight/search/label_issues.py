"""A data set -> the labels that are probably wrong: networks judge pictures that they have not seen."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from inksight.callbacks import Callback, Row
from inksight.config import PRESETS, TrainConfig
from inksight.data.dataset import Dataset, Split, joined, take
from inksight.data.progress import Progress
from inksight.errors import DataError, UsageError, unknown
from inksight.imaging.decode import pictures_at_once
from inksight.metrics.confident import estimated_errors, margins, self_confidence
from inksight.models import engine
from inksight.training.session import load_checked, prepare, require_time_limit
from inksight.utils import notebook
from inksight.utils.montage import sheet

ALL = "all"
SPLITS = ("train", "validation", "test", ALL)
FOLDS = 4
LEAST = 2  # pictures of a class: one is judged by what was learned from the other
SHOWN_PX = 84


@dataclass(frozen=True)
class Recipe:
    """How the networks are trained, and how often each picture is judged: in folds, and by the training part.

    Chosen by errors planted in MNIST's training part (benchmarks/doubt.py).
    """

    config: TrainConfig
    rounds_in_folds: int
    rounds_whole: int


RECIPES = {
    "quick": Recipe(replace(PRESETS["quick"], validation=0.0, least_steps=200, small_sets="plain"), 2, 8),
    "standard": Recipe(replace(PRESETS["standard"], validation=0.0, epochs=1, least_steps=200), 1, 3),
}


@dataclass(frozen=True)
class Doubt:
    """One label in doubt.

    index: of the picture in its split. file: its file; None in a set of arrays. suggested: the likeliest other class.
    confidence: the probability of the given label, 0–1. margin: that less the suggested one's, −1 to 1.
    error: whether it is among as many as are estimated to be wrong.
    """

    split: str
    index: int
    file: str | None
    given: str
    suggested: str
    confidence: float
    margin: float
    error: bool

    def to_dict(self) -> dict[str, Any]:
        """As it goes into JSON."""
        return {**asdict(self), "confidence": round(self.confidence, 4), "margin": round(self.margin, 4)}


@dataclass(frozen=True, eq=False)
class Doubts:
    """What networks think of labels that they have not learned.

    split: the pictures judged. probabilities: float32 (n, classes), a mean over networks. places: the split and index
    of each picture. source: the name or path of the set. networks: how many were trained.
    """

    classes: tuple[str, ...]
    split: Split
    probabilities: np.ndarray
    places: list[tuple[str, int]]
    source: str
    networks: int
    seconds: float

    def __repr__(self) -> str:
        return f"Doubts: about {self.estimated_errors:,} of {len(self.split):,} labels are wrong"

    @cached_property
    def estimated_errors(self) -> int:
        """How many labels are wrong, by confident learning."""
        return round(estimated_errors(self.split.labels, self.probabilities))

    @cached_property
    def order(self) -> np.ndarray:
        """All pictures, the most doubtful label first; of equals, the first in the set. int64 (n,)."""
        return np.argsort(self_confidence(self.split.labels, self.probabilities), kind="stable")

    def ranked(self, limit: int | None = None) -> list[Doubt]:
        """The most doubtful labels in order; all of them without a limit."""
        labels, margin = self.split.labels, margins(self.split.labels, self.probabilities)
        likely = self.estimated_errors
        rows = []
        for rank, at in enumerate(self.order[:limit].tolist()):
            others = self.probabilities[at].copy()
            others[labels[at]] = -1
            rows.append(
                Doubt(
                    split=self.places[at][0],
                    index=self.places[at][1],
                    file=self.split.files[at] if self.split.files else None,
                    given=self.classes[labels[at]],
                    suggested=self.classes[others.argmax()],
                    confidence=float(self.probabilities[at, labels[at]]),
                    margin=float(margin[at]),
                    error=rank < likely,
                )
            )
        return rows

    def sheet(self, limit: int = 100) -> np.ndarray:
        """The first of them as one picture, uint8 (height, width[, 3]): given → suggested, and file or place."""
        captions = [
            f"{row.given} → {row.suggested}\n{row.file.rpartition('/')[2] if row.file else f'{row.split}/{row.index}'}"
            for row in self.ranked(limit)
        ]
        images = self.split.images[self.order[:limit]]
        return sheet(images, captions, scale=max(1, SHOWN_PX // images.shape[1]))


def find_doubts(
    data: str | Path | Dataset = "mnist",
    split: str = ALL,
    preset: str = "standard",
    *,
    size_px: int | None = None,
    preprocessing: str | None = None,
    time_limit_s: float | None = None,
    seed: int = 0,
    backend: str | None = None,
    progress: Progress | None = None,
) -> Doubts:
    """Judges every label of a split by networks that have not learned from it.

    The test and the validation part are judged by networks trained on the training part; the training part, and all
    parts together, in folds. Networks of several seeds are averaged.

    Args:
        data: a data set, its name, or a path.
        split: "train", "validation", "test", or "all".
        preset: how the networks are trained: "standard", or "quick", in half the time, which ranks less well.
        size_px, preprocessing: as for `train`.
        time_limit_s: seconds for the training; fewer networks, or shorter trainings, keep it.
        seed: decides folds, weights and order.
        progress: shown the loading and then the training of all networks, in steps.
    Raises:
        UsageError: no such split or preset.
        DataError: a set that cannot be read, or a class with too few pictures to judge one by the others.
        KeyboardInterrupt: Ctrl-C.
    """
    require_time_limit(time_limit_s)
    started = time.monotonic()
    ends_at = None if time_limit_s is None else started + time_limit_s
    for kind, name, known in (("split", split, SPLITS), ("preset", preset, RECIPES)):
        if name not in known:
            raise UsageError(unknown(kind, name, known))
    engine.prepare(backend)
    data = load_checked(data, size_px, preprocessing, RECIPES[preset].config, progress)
    parts = data.parts
    if split not in (ALL, *parts):
        raise UsageError(f"{data.source or data.name} has no {split} part; it has {', '.join(parts)}.")
    asked = list(parts) if split == ALL else [split]
    judged = joined([parts[name] for name in asked])
    in_folds = split in (ALL, "train")
    _require_enough(judged if in_folds else data.train, LEAST if in_folds else 1, data)
    jury = _Jury(RECIPES[preset], data, judged, in_folds, ends_at, progress or notebook.loading())
    for number in range(jury.rounds):
        if number and not jury.has_time():
            break
        jury.judge(seed + number)
    return Doubts(
        classes=data.classes,
        split=judged,
        probabilities=jury.probabilities,
        places=[(name, index) for name in asked for index in range(len(parts[name]))],
        source=data.source,
        networks=jury.networks,
        seconds=time.monotonic() - started,
    )


class _Jury:
    """Networks, each asked only about pictures that it has not learned from; their answers are averaged."""

    def __init__(
        self,
        recipe: Recipe,
        data: Dataset,
        judged: Split,
        in_folds: bool,
        ends_at: float | None,
        progress: Progress,
    ) -> None:
        self._config, self._data, self._judged, self._in_folds = recipe.config, data, judged, in_folds
        self._ends_at, self._progress = ends_at, progress
        self._sums = np.zeros((len(judged), len(data.classes)))
        self._started, self._rounds_done = time.monotonic(), 0
        self.rounds = recipe.rounds_in_folds if in_folds else recipe.rounds_whole
        self.networks = 0

    @property
    def probabilities(self) -> np.ndarray:
        """float32 (n, classes), the mean over the rounds."""
        return (self._sums / self._rounds_done).astype(np.float32)

    def has_time(self) -> bool:
        """Whether one more round ends in time, if it takes as long as those before."""
        now = time.monotonic()
        return self._ends_at is None or now + (now - self._started) / self._rounds_done <= self._ends_at

    def judge(self, seed: int) -> None:
        """One round: every picture is judged once more."""
        everyone = np.arange(len(self._judged))
        if not self._in_folds:
            self._ask(self._data.train, everyone, seed, left=1)
        else:
            folds = stratified_folds(self._judged.labels, seed)
            for fold in np.unique(folds).tolist():
                self._ask(take(self._judged, everyone[folds != fold]), everyone[folds == fold], seed, FOLDS - fold)
        self._rounds_done += 1

    def _ask(self, learned: Split, asked: np.ndarray, seed: int, left: int) -> None:
        """Trains one network, and adds what it says of the pictures at `asked`. left: networks still to come, with it,
        before the time ends."""
        data = replace(self._data, train=learned, validation=None, test=take(self._judged, asked))
        config = replace(self._config, seed=seed)
        now = time.monotonic()
        ends_at = None if self._ends_at is None else now + max(self._ends_at - now, 0) / left
        session = prepare(data, config)
        steps = _Steps(self._progress, self.networks, self.rounds * (FOLDS if self._in_folds else 1))
        if session.fit(ends_at=ends_at, callback=steps).ended == "interrupted":
            raise KeyboardInterrupt
        batch_size = pictures_at_once(data.size_px)
        self._sums[asked] += session.model.predict(data.test.batch, batch_size=batch_size, verbose=0)
        self.networks += 1


class _Steps(Callback):
    """Tells the steps of one network among those of all."""

    def __init__(self, progress: Progress, before: int, networks: int) -> None:
        self._progress, self._before, self._networks = progress, before, networks

    def step(self, done: int, planned: int, running: Row) -> None:
        """See Callback."""
        what = f"training {self._networks} networks"
        self._progress(self._before * planned + done, self._networks * planned, what)


def stratified_folds(labels: np.ndarray, seed: int) -> np.ndarray:
    """The fold of each picture, int64 (n,), 0 to FOLDS − 1: each class is spread over them as evenly as can be."""
    generator = np.random.default_rng([seed, 5])
    folds = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        folds[members] = (np.arange(len(members)) + generator.integers(FOLDS)) % FOLDS
    return folds


def _require_enough(learned: Split, least: int, data: Dataset) -> None:
    """Raises DataError if a class has fewer than `least` pictures to learn from."""
    counts = np.bincount(learned.labels, minlength=len(data.classes))
    few = [f"{name} ({count})" for name, count in zip(data.classes, counts.tolist(), strict=True) if count < least]
    if few:
        raise DataError(
            f"{data.source or data.name} has too few pictures of {', '.join(few[:10])} to judge their labels by the "
            f"others of their class: at least {least} of each are needed, and ten or more make sense. Add some, or "
            "remove the class."
        )
