"""What `inksight doctor` asks a process of its own; the answer is one JSON line."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

_WARM_STEPS = 3
_MEASURED_S = 1.0
_LEARNED, _TESTED = 3000, 500  # pictures
_STEPS = 60
_LIMIT_S = 60.0  # far from reached; a run that has one explains itself in half a second


def backend(name: str) -> dict[str, Any]:
    """Whether Keras comes up on it, what it sees, and the settings it came up with."""
    from inksight.models import engine
    from inksight.training import device

    engine.prepare(name)
    engine.load_keras()
    return {
        "gpus": device.gpus(name),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "compiled": os.environ.get("JAX_COMPILATION_CACHE_DIR"),
    }


def step(name: str, tuning: str) -> dict[str, Any]:
    """Milliseconds of a training step of the quick preset: the lower quartile, for others may be at work here too.

    tuning: "tuned", or "plain", as everything is shipped.
    """
    from inksight.config import preset
    from inksight.data import load
    from inksight.models import engine
    from inksight.training.batches import Batches
    from inksight.training.session import build_model
    from inksight.training.stepper import build_stepper

    if tuning == "tuned":
        engine.prepare(name)
    else:
        os.environ["KERAS_BACKEND"] = name
    data, config = load("mnist"), preset("quick")
    engine.load_keras()
    stepper = build_stepper(build_model(data, config), config, name)
    taken: list[float] = []
    for batch in Batches(data.train, len(data.classes), config):
        start = time.perf_counter()
        stepper.step(batch.images, batch.targets, batch.weights, config.learning_rate)
        taken.append(1000 * (time.perf_counter() - start))
        if sum(taken[_WARM_STEPS:]) > 1000 * _MEASURED_S and len(taken) > _WARM_STEPS + 2:
            break
    counted = taken[_WARM_STEPS:]
    return {"step_ms": statistics.quantiles(counted, n=4)[0], "steps": len(counted)}


def training(name: str) -> dict[str, Any]:
    """A short training on real digits, its ONNX file against Keras, and a shipped digit by the shipped model."""
    import numpy as np

    from inksight.data import load
    from inksight.data.dataset import take
    from inksight.inference.predictor import Predictor
    from inksight.training.run import train

    mnist = load("mnist")
    few = replace(
        mnist, train=take(mnist.train, np.arange(_LEARNED)), test=take(mnist.test, np.arange(_TESTED)), source=""
    )
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="inksight-doctor-") as folder:
        run = train(few, least_steps=_STEPS, backend=name, out=Path(folder) / "run", time_limit_s=_LIMIT_S)
        digit = mnist.test.images[0]
        answers = {"trained": Predictor.load(run.path).predict(digit), "shipped": Predictor.shipped().predict(digit)}
        return {
            "pictures": _LEARNED,
            "seconds": round(time.perf_counter() - start, 2),
            "accuracy": run.metrics["test"]["accuracy"],
            "largest_difference": run.metrics["onnx"]["largest_difference"],
            "digit": mnist.classes[int(mnist.test.labels[0])],
            **{who: answer.label for who, answer in answers.items()},
        }


PROBES: dict[str, Callable[..., dict[str, Any]]] = {"backend": backend, "step": step, "training": training}


def main(question: str, *arguments: str) -> None:
    """Prints `facts` or, whatever goes wrong, `trouble`."""
    try:
        told: dict[str, Any] = {"facts": PROBES[question](*arguments)}
    except Exception as error:
        from inksight.errors import InksightError

        text = str(error) if isinstance(error, InksightError) else f"{type(error).__name__}: {error}"
        told = {"trouble": " ".join(text.split())[:500]}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # the engines take half a second to tidy up
