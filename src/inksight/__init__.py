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
    from inksight.config import PRESETS, TrainConfig
    from inksight.data import Dataset, Split, load
    from inksight.errors import InksightError
    from inksight.evaluation.compare import compare
    from inksight.evaluation.evaluate import Evaluation, evaluate
    from inksight.explanation.explain import explain
    from inksight.explanation.explanation import Explanation
    from inksight.export.job import Exported, export_run, verify_export
    from inksight.inference.batch.job import Batch, predict_batch
    from inksight.inference.predictor import Answer, Predictor
    from inksight.integrations.hub import pull, push
    from inksight.integrations.sklearn import Classifier
    from inksight.report.model_card import write_readme
    from inksight.report.report import write_report
    from inksight.runs import Run, load_run
    from inksight.search.ablation.job import experiment
    from inksight.search.ablation.results import Experiment
    from inksight.search.label_issues import find_doubts
    from inksight.search.tune.job import tune
    from inksight.search.tune.results import Search
    from inksight.tracking.session import track
    from inksight.training.finetune import finetune
    from inksight.training.resume import resume
    from inksight.training.run import train
    from inksight.training.workers import Workers

keras_backend.install()

_HOMES = {
    "Answer": "inference.predictor",
    "Batch": "inference.batch.job",
    "Classifier": "integrations.sklearn",
    "Dataset": "data",
    "Evaluation": "evaluation.evaluate",
    "Explanation": "explanation.explanation",
    "Experiment": "search.ablation.results",
    "Exported": "export.job",
    "InksightError": "errors",
    "PRESETS": "config",
    "Predictor": "inference.predictor",
    "Run": "runs",
    "Search": "search.tune.results",
    "Split": "data",
    "TrainConfig": "config",
    "Workers": "training.workers",
    "compare": "evaluation.compare",
    "evaluate": "evaluation.evaluate",
    "explain": "explanation.explain",
    "experiment": "search.ablation.job",
    "export_run": "export.job",
    "find_doubts": "search.label_issues",
    "finetune": "training.finetune",
    "load": "data",
    "load_run": "runs",
    "predict_batch": "inference.batch.job",
    "pull": "integrations.hub",
    "push": "integrations.hub",
    "resume": "training.resume",
    "track": "tracking.session",
    "train": "training.run",
    "tune": "search.tune.job",
    "verify_export": "export.job",
    "write_readme": "report.model_card",
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
