"""Inksight: from a folder of small pictures to a trained, measured, explained and served classifier.

    import inksight
    data = inksight.load("mnist")
    run = inksight.train(data, preset="quick")
    reader = inksight.Predictor.load(run)
    reader.predict("seven.png")

The names below are imported when they are first used: `import inksight` alone loads neither Keras nor ONNX Runtime.
Where nothing names Keras's backend and TensorFlow is absent, `import keras` runs on JAX from then on.
"""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any

import inksight_keras as keras_backend

STARTED = time.monotonic()
"""When this process began to be Inksight: the zero of a command's seconds."""

if TYPE_CHECKING:
    from inksight.comparison import compare
    from inksight.data import Dataset, Split, load
    from inksight.doubt import find_doubts
    from inksight.errors import InksightError
    from inksight.estimator import Classifier
    from inksight.evaluation import Evaluation, evaluate
    from inksight.experiments.job import experiment
    from inksight.experiments.results import Experiment
    from inksight.explanation.explain import explain
    from inksight.explanation.explanation import Explanation
    from inksight.export.job import Exported, export_run, verify_export
    from inksight.finetuning import finetune
    from inksight.job import train
    from inksight.predictor import Answer, Predictor
    from inksight.readme import write_readme
    from inksight.report.report import write_report
    from inksight.resuming import resume
    from inksight.runs import Run, load_run
    from inksight.scale.batch.job import Batch, predict_batch
    from inksight.scale.search.job import tune
    from inksight.scale.search.results import Search
    from inksight.scale.workers import Workers
    from inksight.sharing import pull, push
    from inksight.tracking.session import track
    from inksight.training.config import PRESETS, TrainConfig

keras_backend.install()

_HOMES = {
    "Answer": "predictor",
    "Batch": "scale.batch.job",
    "Classifier": "estimator",
    "Dataset": "data",
    "Evaluation": "evaluation",
    "Explanation": "explanation.explanation",
    "Experiment": "experiments.results",
    "Exported": "export.job",
    "InksightError": "errors",
    "PRESETS": "training.config",
    "Predictor": "predictor",
    "Run": "runs",
    "Search": "scale.search.results",
    "Split": "data",
    "TrainConfig": "training.config",
    "Workers": "scale.workers",
    "compare": "comparison",
    "evaluate": "evaluation",
    "explain": "explanation.explain",
    "experiment": "experiments.job",
    "export_run": "export.job",
    "find_doubts": "doubt",
    "finetune": "finetuning",
    "load": "data",
    "load_run": "runs",
    "predict_batch": "scale.batch.job",
    "pull": "sharing",
    "push": "sharing",
    "resume": "resuming",
    "track": "tracking.session",
    "train": "job",
    "tune": "scale.search.job",
    "verify_export": "export.job",
    "write_readme": "readme",
    "write_report": "report.report",
}
__all__ = [
    "PRESETS",
    "Answer",
    "Batch",
    "Classifier",
    "Dataset",
    "Evaluation",
    "Experiment",
    "Explanation",
    "Exported",
    "InksightError",
    "Predictor",
    "Run",
    "Search",
    "Split",
    "TrainConfig",
    "Workers",
    "compare",
    "evaluate",
    "experiment",
    "explain",
    "export_run",
    "find_doubts",
    "finetune",
    "load",
    "load_run",
    "predict_batch",
    "pull",
    "push",
    "resume",
    "track",
    "train",
    "tune",
    "verify_export",
    "write_readme",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Finds a public name in its module, once."""
    if name not in _HOMES:
        raise AttributeError(f"module 'inksight' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"inksight.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
