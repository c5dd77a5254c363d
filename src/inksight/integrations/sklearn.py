"""Arrays -> a classifier with the manners of scikit-learn: pipelines, cross-validation and searches take it."""

from __future__ import annotations

import inspect
import math
import time
from dataclasses import fields
from typing import Any, Self

import numpy as np

from inksight.config import TrainConfig
from inksight.config import preset as preset_named
from inksight.data import SIZE_PX, checked_size
from inksight.data.dataset import Dataset, Split
from inksight.errors import EngineError, UsageError, unknown
from inksight.imaging.decode import fit_square
from inksight.inference.predictor import Predictor
from inksight.runs import MODEL
from inksight.training.finalize import calibrated, export
from inksight.training.provenance import provenance
from inksight.training.session import chosen, deadline, prepare, require_time_limit

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise EngineError(
        'scikit-learn is not installed; inksight.Classifier needs it. Install it: pip install "inksight[sklearn]".'
    ) from error

OWN = {"preset": "quick", "time_limit_s": None, "size_px": SIZE_PX, "random_state": 0}
CHOICES = tuple(item.name for item in fields(TrainConfig) if item.name not in ("seed", "metrics"))
BYTES = (0.0, 255.0)
BATCH = 1024
_RESERVE_S = 0.5  # after the last step: the export, and its proof
_FAR = 4  # widths of the range of `fit`; what is further out was never meant for it
_FEW = 1 / 200  # of the numbers may be, as some of standardised columns are
_FAINT = 0.05  # quantile of pictures by their greatest number


class Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Small pictures -> classes.

    X: uint8 (n, height, width[, 3]) are taken as they are; numbers of another type are scaled so that the least seen in
    `fit` is black and the greatest white. Flat rows, (n, features), are laid out in the smallest square that holds
    them: 784 are 28 × 28. Pictures of another size are brought to size_px × size_px.

    Args:
        preset: a key of PRESETS.
        time_limit_s: seconds that `fit` may take.
        size_px: the side of what the network sees, 8 to 512.
        random_state: decides weights, order and augmentation: an int, a RandomState, or None for chance.
        choices: any field of TrainConfig but seed and metrics; None is the preset's own value.
    Attributes:
        classes_: the labels, sorted. history_: rows of the training's course. model_: the ONNX file and its card.
    """

    def __init__(self, **parameters: Any) -> None:
        for name, default in {**OWN, **dict.fromkeys(CHOICES)}.items():
            setattr(self, name, parameters.pop(name, default))
        for name in parameters:
            raise UsageError(unknown("setting", name, (*OWN, *CHOICES)))

    # What get_params, clone and searches go by, and what help() shows: one keyword for each choice.
    __init__.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            *(
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
                for name, default in {**OWN, **dict.fromkeys(CHOICES)}.items()
            ),
        ]
    )

    def fit(self, X: Any, y: Any) -> Self:
        """Trains on pictures and their labels.

        Args:
            X: as the class says. y: (n,), labels of any kind.
        Raises:
            ValueError: what scikit-learn refuses, and a single class. UsageError: a choice out of range.
            KeyboardInterrupt: Ctrl-C.
        """
        started = time.monotonic()
        require_time_limit(self.time_limit_s)
        rows, layout = _rows(X)
        rows, y = validate_data(self, rows, y)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class only ({self.classes_[0]}); at least two are needed.")
        self.shape_ = layout or (math.isqrt(rows.shape[1] - 1) + 1,) * 2
        self.range_ = BYTES if rows.dtype == np.uint8 else (float(rows.min()), float(rows.max()))
        self.faint_ = float(np.quantile(_magnitudes(rows), _FAINT))
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        choices = {name: getattr(self, name) for name in CHOICES if getattr(self, name) is not None}
        config = chosen(preset_named(self.preset), choices | {"seed": seed})
        images = self._images(rows)
        none = Split(images[:0], labels[:0].astype(np.int64))
        names = tuple(str(label) for label in self.classes_)
        whole = Dataset("arrays", names, Split(images, labels.astype(np.int64)), none)
        dataset = whole.held_out(config.validation, config.seed)
        session = prepare(dataset, config)
        fitted = session.fit(ends_at=deadline(started, self.time_limit_s, _RESERVE_S))
        if fitted.ended == "interrupted":
            raise KeyboardInterrupt
        facts = provenance(whole, self.preset, session.config, self.time_limit_s)
        predictor = calibrated(export(session.model, dataset, facts)[1], dataset, facts, config.outliers > 0)
        self.history_ = fitted.history
        self.model_ = (predictor.content, predictor.card)
        self._predictor = predictor
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Calibrated probabilities, float32 (n, classes), in the order of `classes_`.

        Raises:
            ValueError: not as many numbers as in `fit`, another shape, or numbers of quite another range.
        """
        check_is_fitted(self)
        rows, layout = _rows(X)
        rows = validate_data(self, rows, reset=False)
        if layout not in (None, self.shape_):
            raise ValueError(f"X has pictures of the shape {layout}; those of fit had {self.shape_}.")
        self._require_range(rows)
        return self._predictor.probabilities(self._images(rows))

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest label of each picture, (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the open session."""
        return {name: value for name, value in super().__getstate__().items() if name != "_predictor"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "model_" in state:
            self._predictor = Predictor(*self.model_, MODEL)

    def _require_range(self, rows: np.ndarray) -> None:
        """Raises ValueError for numbers that are far out of the range of `fit`, or of −1 to 1 where it saw far more.

        A dark picture among bytes has whole numbers, 0 and 1, also where they are floats.
        """
        low, high = self.range_
        reach = _FAR * (high - low)
        beyond = np.mean((rows < low - reach) | (rows > high + reach)) if reach else 0
        shrunk = self.faint_ > _FAR and _magnitudes(rows).max() <= 1 and bool((rows % 1).any())
        if beyond > _FEW or shrunk:
            raise ValueError(
                f"X has numbers of {rows.min():g} to {rows.max():g}, those of fit were {low:g} to {high:g}; bring both "
                "to the same range: those of 0 to 255 divided by 255 are 0 to 1."
            )

    def _images(self, rows: np.ndarray) -> np.ndarray:
        """Rows of numbers -> what the network sees, uint8 (n, size, size[, 3]); a batch at a time to spare memory."""
        side = checked_size(self.size_px)
        images = np.empty((len(rows), side, side, *self.shape_[2:]), np.uint8)
        missing = math.prod(self.shape_) - rows.shape[1]
        for start in range(0, len(rows), BATCH):
            pixels = np.pad(self._pixels(rows[start : start + BATCH]), ((0, 0), (0, missing)))
            for index, picture in enumerate(pixels.reshape(-1, *self.shape_)):
                images[start + index] = fit_square(picture, side)
        return images

    def _pixels(self, rows: np.ndarray) -> np.ndarray:
        """Numbers -> uint8, by what `fit` has seen."""
        low, high = self.range_
        if rows.dtype == np.uint8 and self.range_ == BYTES:
            return rows
        scaled = (rows.astype(np.float64) - low) * (255 / ((high - low) or 1))
        return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def _magnitudes(rows: np.ndarray) -> np.ndarray:
    """How far from 0 each picture reaches, (n,)."""
    high, low = rows.max(axis=1).astype(np.float64), rows.min(axis=1).astype(np.float64)
    return np.asarray(np.maximum(high, -low))


def _rows(X: Any) -> tuple[Any, tuple[int, ...] | None]:
    """Pictures as rows of numbers, with their shape; anything else as it came."""
    if isinstance(X, list | tuple) and len(X) and np.ndim(X[0]) > 1:
        X = np.asarray(X)
    if getattr(X, "ndim", 2) not in (3, 4):
        return X, None
    if X.shape[3:] not in ((), (1,), (3,)) or 0 in X.shape:
        raise ValueError(f"X has the shape {X.shape}; (n, height, width) or (n, height, width, 3) was wanted.")
    return np.reshape(X, (len(X), -1)), X.shape[1:3] if X.shape[3:] != (3,) else X.shape[1:]
