"""Inksight: from a folder of small pictures to a trained, measured, explained and served classifier.

    import inksight
    data = inksight.load("mnist")
    run = inksight.train(data, preset="quick")
    reader = inksight.Predictor.load(run.path)
    reader.predict("seven.png")

The names below are imported when they are first used: `import inksight` alone loads neither Keras nor ONNX Runtime.
"""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any

STARTED = time.monotonic()
"""When this process began to be Inksight: the zero of a command's seconds."""

if TYPE_CHECKING:
    from inksight.data import Dataset, Split, load
    from inksight.errors import InksightError
    from inksight.evaluation import Evaluation, evaluate
    from inksight.finetuning import finetune
    from inksight.job import train
    from inksight.predictor import Answer, Predictor
    from inksight.resuming import resume
    from inksight.runs import Run, load_run
    from inksight.training.config import PRESETS, TrainConfig

_HOMES = {
    "Answer": "predictor",
    "Dataset": "data",
    "Evaluation": "evaluation",
    "InksightError": "errors",
    "PRESETS": "training.config",
    "Predictor": "predictor",
    "Run": "runs",
    "Split": "data",
    "TrainConfig": "training.config",
    "evaluate": "evaluation",
    "finetune": "finetuning",
    "load": "data",
    "load_run": "runs",
    "resume": "resuming",
    "train": "job",
}
__all__ = [
    "PRESETS",
    "Answer",
    "Dataset",
    "Evaluation",
    "InksightError",
    "Predictor",
    "Run",
    "Split",
    "TrainConfig",
    "evaluate",
    "finetune",
    "load",
    "load_run",
    "resume",
    "train",
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
