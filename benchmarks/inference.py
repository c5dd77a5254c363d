"""How fast a served network answers: ONNX Runtime on two threads against Keras, and what eight bits would gain.

    python benchmarks/inference.py [RUN … | shipped] [--repeats 9] [--seconds 0.5] [--int8] [--plain]

A RUN is a run folder. One JSON line each: parameters, multiply-adds for one picture, bytes, and images/s at batches of
1, 32 and 1,024 of MNIST's test pictures. `served` is ONNX Runtime as `inksight.Predictor` sets it up; `keras_predict`
is `model.predict` with the whole batch at once, `keras_predict_on_batch` the same without predict's loop.
`served_over` is the median of `served` over theirs. Where there is no model.keras, as in `shipped`, Keras is left out.
Keras runs on JAX with the compiler flags that Inksight sets; with --plain without them, as in anybody's own script.

Each repeat answers for --seconds, and the rivals take turns, so that a slow minute hits all. Every shape is warmed up
by a turn that does not count. On Linux the process keeps to two cores, for Keras would take all there are.

--int8 lets ONNX Runtime quantise the served graph, calibrated on 500 training pictures, and weighs the loss of accuracy
on 5,000 others, those that the training held out among them; never on the test part.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from sitting import report, spread

import inksight
from inksight import runs
from inksight.data.dataset import Dataset
from inksight.inference.predictor import Predictor
from inksight.models import engine
from inksight.runs import measured_on

THREADS = 2
BATCHES = (1, 32, 1024)
CALIBRATION_IMAGES = 500
VALIDATION_IMAGES = 5000
SAME_NETWORK = 1e-4  # probabilities; the export was proved equal to 1e-5 on the machine that made it

Answer = Callable[[np.ndarray], np.ndarray]
Speeds = dict[str, dict[str, float | int]]  # by batch size


def parameters(model: onnx.ModelProto) -> int:
    """Numbers that were learned, a batch normalisation's moving ones included, as in the layer table."""
    learned = ("Conv", "Gemm", "MatMul", "BatchNormalization")
    used = {name for node in model.graph.node if node.op_type in learned for name in node.input}
    return sum(math.prod(weights.dims) for weights in model.graph.initializer if weights.name in used)


def multiply_adds(model: onnx.ModelProto) -> int:
    """Multiply-adds for one picture in all Conv, Gemm and MatMul nodes, whatever made the graph."""
    single = onnx.ModelProto()
    single.CopyFrom(model)
    for value in (*single.graph.input, *single.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    graph = onnx.shape_inference.infer_shapes(single, strict_mode=True, data_prop=True).graph
    shapes = {weights.name: list(weights.dims) for weights in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        shapes[value.name] = [side.dim_value for side in value.type.tensor_type.shape.dim]
    total = 0
    for node in graph.node:
        if node.op_type == "Conv":
            depth = math.prod(shapes[node.input[1]][1:])
        elif node.op_type in ("Gemm", "MatMul"):
            flipped = any(each.name == "transA" and each.i for each in node.attribute)
            depth = shapes[node.input[0]][0 if flipped else -1]
        else:
            continue
        products = depth * math.prod(shapes[node.output[0]])
        if not products:
            raise ValueError(
                f"{node.op_type} {node.name} has a side of unknown length; its products cannot be counted."
            )
        total += products
    return total


def sizes(folder: Path) -> dict[str, int]:
    """Parameters, multiply-adds and bytes: from metrics.json where there is one, else from the graph."""
    if (folder / runs.METRICS).is_file():
        metrics = runs.Run(folder).metrics
        found = (metrics["parameters"], metrics["multiply_adds"], metrics["onnx"]["bytes"])
    else:
        content = (folder / runs.MODEL).read_bytes()
        model = onnx.load_from_string(content)
        found = (parameters(model), multiply_adds(model), len(content))
    return dict(zip(("parameters", "multiply_adds", "onnx_bytes"), found, strict=True))


def served(reader: Predictor) -> Answer:
    """The raw session behind a Predictor: its settings, without its slices of 512 pictures."""
    session = reader._session
    return lambda batch: session.run(["probabilities"], {"images": batch})[0]


def prepared(plain: bool) -> str:
    """Sets Keras's backend: jax unless KERAS_BACKEND says otherwise, tuned as for `inksight train` unless plain."""
    if not plain:
        return engine.prepare(None)
    return os.environ.setdefault("KERAS_BACKEND", "jax")


def keras_rivals(path: Path) -> dict[str, Answer]:
    """The same network in Keras; the engine must be prepared."""
    import keras

    model = keras.saving.load_model(path, compile=False)
    return {
        "keras_predict": lambda batch: model.predict(batch, batch_size=len(batch), verbose=0),
        "keras_predict_on_batch": model.predict_on_batch,
    }


def largest_difference(rivals: dict[str, Answer], batch: np.ndarray) -> float:
    """max |Δp| between ONNX Runtime and Keras; ends the script where they are not the same network."""
    difference = float(np.abs(rivals["served"](batch) - np.asarray(rivals["keras_predict"](batch))).max())
    if not difference <= SAME_NETWORK:
        sys.exit(f"model.onnx and model.keras differ by {difference:.2g}: not the same network. Train it again.")
    return difference


def images_per_s(answer: Answer, batches: Iterator[np.ndarray], seconds: float) -> float:
    """One turn: batch after batch for so many seconds, one batch at least."""
    done, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds or not done:
        batch = next(batches)
        answer(batch)
        done += len(batch)
    return done / passed


def race(rivals: dict[str, Answer], images: np.ndarray, repeats: int, seconds: float) -> dict[str, Speeds]:
    """Images/s of each rival at each batch size; all see the same batches in the same order."""
    speeds: dict[str, Speeds] = {name: {} for name in rivals}
    for size in BATCHES:
        batches = [images[at : at + size] for at in range(0, len(images) - size + 1, size)]
        turns: dict[str, list[float]] = {name: [] for name in rivals}
        for _ in range(1 + repeats):
            for name, answer in rivals.items():
                turns[name].append(images_per_s(answer, cycle(batches), seconds))
        for name in rivals:
            speeds[name][str(size)] = spread(turns[name][1:], 1)  # the first turn was the warm-up
    return speeds


class CalibrationPictures:
    """Pictures as ONNX Runtime's calibration asks for them: a feed at a time, then None."""

    def __init__(self, images: np.ndarray) -> None:
        """images: uint8 (n, height, width, channels)."""
        self._feeds = ({"images": images[at : at + 100]} for at in range(0, len(images), 100))

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next feed."""
        return next(self._feeds, None)


def quantised(content: bytes, calibration: np.ndarray) -> dict[str, bytes]:
    """The served graph in eight bits, in both of ONNX Runtime's ways.

    Unsigned activations and signed weights in the static one, unsigned weights in the dynamic one: these were the
    fastest that we tried.
    """
    try:
        from onnxruntime.quantization import (
            CalibrationMethod,
            QuantFormat,
            QuantType,
            quantize_dynamic,
            quantize_static,
        )
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        sys.exit(f"--int8 needs onnxruntime.quantization, which does not load here: {error}. Install what it misses.")
    with tempfile.TemporaryDirectory() as place:
        plain, folded, static, dynamic = (
            Path(place, f"{name}.onnx") for name in ("plain", "folded", "static", "dynamic")
        )
        plain.write_bytes(content)
        # folds batch normalisations into their convolutions; only its symbolic shapes would need another package, sympy
        quant_pre_process(str(plain), str(folded), skip_symbolic_shape=True)
        quantize_static(
            str(folded),
            str(static),
            CalibrationPictures(calibration),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        quantize_dynamic(str(folded), str(dynamic), weight_type=QuantType.QUInt8)
        return {"int8_static": static.read_bytes(), "int8_dynamic": dynamic.read_bytes()}


def in_eight_bits(reader: Predictor, content: bytes, data: Dataset) -> tuple[dict[str, Answer], dict[str, Any]]:
    """The quantised rivals, and what they weigh and lose, in points of accuracy on a validation part."""
    if measured_on(reader.card.provenance) != "mnist":
        sys.exit("--int8 measures accuracy on MNIST; this network was trained on other data.")
    data = data.held_out(VALIDATION_IMAGES / len(data.train), reader.card.provenance["seed"])
    images, labels = data.validation.images[:VALIDATION_IMAGES], data.validation.labels[:VALIDATION_IMAGES]

    def accuracy(one: Predictor) -> float:
        return float((one.probabilities(images).argmax(1) == labels).mean())

    before = accuracy(reader)
    figures: dict[str, Any] = {"validation_images": len(labels), "served": {"bytes": len(content), "accuracy": before}}
    rivals: dict[str, Answer] = {}
    for name, small in quantised(content, data.train.batch[:CALIBRATION_IMAGES]).items():
        small_reader = Predictor(small, reader.card, name, THREADS)
        rivals[name], after = served(small_reader), accuracy(small_reader)
        figures[name] = {"bytes": len(small), "accuracy": after, "points_lost": round(100 * (before - after), 3)}
    return rivals, figures


def measure(run: str, data: Dataset, wishes: argparse.Namespace) -> None:
    """One network: prints its line."""
    folder = runs.resolve(run)
    reader = Predictor.load(folder, THREADS)
    if (reader.card.size_px, reader.card.channels) != (data.size_px, data.channels):
        sys.exit(f"{run} does not take MNIST's pictures of {data.size_px} × {data.size_px} px; give another run.")
    images = data.test.batch
    rivals, figures = {"served": served(reader)}, {}
    if (folder / runs.KERAS).is_file():
        backend = prepared(wishes.plain)
        rivals |= keras_rivals(folder / runs.KERAS)
        difference = largest_difference(rivals, images[: BATCHES[-1]])
        figures["keras"] = {"backend": backend, "plain": wishes.plain, "largest_difference": difference}
    if wishes.int8:
        small, figures["int8"] = in_eight_bits(reader, (folder / runs.MODEL).read_bytes(), data)
        rivals |= small
    speeds = race(rivals, images, wishes.repeats, wishes.seconds)
    report(
        "inference",
        model=run,
        **sizes(folder),
        threads=THREADS,
        versions=engine.versions(),
        **figures,
        images_per_s=speeds,
        served_over={
            name: {size: round(speeds["served"][size]["median"] / speed["median"], 2) for size, speed in theirs.items()}
            for name, theirs in speeds.items()
            if name != "served"
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", default=["shipped"], metavar="RUN")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument(
        "--seconds", type=float, default=0.5, help="of one turn; 0 for a single batch, to try the script"
    )
    parser.add_argument("--int8", action="store_true", help="quantise it too")
    parser.add_argument("--plain", action="store_true", help="Keras without Inksight's compiler flags")
    wishes = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    data = inksight.load("mnist")
    for run in wishes.runs:
        measure(run, data, wishes)


if __name__ == "__main__":
    main()
