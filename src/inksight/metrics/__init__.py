"""How good answers are, in NumPy only: labels int64 (n,) and probabilities float32 (n, classes) -> numbers."""

from __future__ import annotations

from inksight.metrics.auroc import auroc
from inksight.metrics.calibration import (
    Bin,
    Covered,
    coverage_accuracy,
    coverage_curve,
    ece,
    evidence,
    fit_temperature,
    reliability,
    with_temperature,
)
from inksight.metrics.confident import confident_joint, estimated_errors, margins, self_confidence
from inksight.metrics.confusion import ClassScores, class_scores, confusion_matrix
from inksight.metrics.interval import wilson_interval
from inksight.metrics.metrics import METRICS

__all__ = [
    "METRICS",
    "Bin",
    "ClassScores",
    "Covered",
    "auroc",
    "class_scores",
    "confident_joint",
    "confusion_matrix",
    "coverage_accuracy",
    "coverage_curve",
    "ece",
    "estimated_errors",
    "evidence",
    "fit_temperature",
    "margins",
    "reliability",
    "self_confidence",
    "wilson_interval",
    "with_temperature",
]
