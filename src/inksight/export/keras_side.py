"""A plan -> a Keras model, and its files; run as a program by `child`, on the backend that KERAS_BACKEND names.

A plan, not the run's own model.keras, is what all formats are made of: the shipped model has no other, batch
normalisation is folded into it, and one way is proved once.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from inksight.export.format import in_parts
from inksight.export.plan import Operation, Plan
from inksight.models.weights import drawn_from


def network(plan: Plan, size_px: int, channels: int, temperature: float) -> Any:
    """A Keras model: `images` uint8 (n, size, size, channels) -> `probabilities` float32 (n, classes), calibrated."""
    with drawn_from(seed=0) as draw:  # quicker than Keras's own first weights, which are replaced at once
        model, layers = _built(plan, (size_px, size_px, channels), temperature)
        draw(model)
    for layer, operation in layers:
        kernel, bias = plan.constant(operation["kernel"]), plan.constant(operation["bias"])
        of_scale = [np.zeros_like(kernel), np.ones_like(kernel)] if operation["operator"] == "scale" else []
        layer.set_weights([kernel, bias, *of_scale])
    return model


def _built(plan: Plan, shape: tuple[int, int, int], temperature: float) -> tuple[Any, list[tuple[Any, Operation]]]:
    """The model, and its layers that have weights with their operations."""
    import keras

    images = keras.Input(shape, dtype="uint8", name="images")
    values = [keras.layers.Rescaling(1.0, name="floats")(images)]
    with_weights: list[tuple[Any, Operation]] = []
    for number, operation in enumerate(plan.operations):
        layer = _layer(keras, operation, f"{operation['operator']}_{number}")
        inputs = [values[place] for place in operation["inputs"]]
        values.append(layer(inputs if operation["operator"] in _OF_SEVERAL else inputs[0]))
        if "kernel" in operation:
            with_weights.append((layer, operation))
    answer = values[-1]
    if temperature != 1:
        powers = keras.ops.power(answer, 1 / temperature)
        answer = keras.ops.divide(powers, keras.ops.sum(powers, axis=1, keepdims=True))
    answer = keras.layers.Activation("linear", name="probabilities")(answer)
    return keras.Model(images, answer, name="inksight"), with_weights


_OF_SEVERAL = ("concatenate", "mean", "multiply")
_PLAIN = {
    "average": "GlobalAveragePooling2D",
    "concatenate": "Concatenate",
    "flatten": "Flatten",
    "maximum": "GlobalMaxPooling2D",
    "mean": "Average",
    "multiply": "Multiply",
    "softmax": "Softmax",
}
"""Operator -> the layer that needs no more than a name."""


def _layer(keras: Any, operation: Operation, name: str) -> Any:
    """The layer or function that does what an operation says."""
    layers = keras.layers
    match operation["operator"]:
        case "convolve":
            *window, _, filters = operation["kernel"]["shape"]
            return layers.Conv2D(filters, window, strides=operation["strides"], name=name)
        case "dense":
            return layers.Dense(operation["kernel"]["shape"][-1], name=name)
        case "scale":
            return layers.BatchNormalization(epsilon=0.0, name=name)
        case "pad":
            return lambda x: keras.ops.pad(x, _around(x, operation), constant_values=operation["value"])
        case "pool":
            return layers.MaxPooling2D(operation["window"], strides=operation["strides"], name=name)
        case operator if operator in _PLAIN:
            return getattr(layers, _PLAIN[operator])(name=name)
        case "elu":
            return layers.ELU(alpha=operation["alpha"], name=name)
        case "leakyrelu":
            return layers.LeakyReLU(negative_slope=operation["alpha"], name=name)
        case "gelu":
            return lambda x: keras.ops.gelu(x, approximate=False)
        case activation:
            return layers.Activation(activation, name=name)


def _around(x: Any, operation: Operation) -> list[list[int]]:
    """Rows and columns before and after, as `ops.pad` wants them."""
    (top, left), (rows, columns, _) = operation["before"], operation["shape"]
    return [[0, 0], [top, rows - top - x.shape[1]], [left, columns - left - x.shape[2]], [0, 0]]


def _write(format: str, source: str, out: str) -> None:
    """source: beginning of the two files' names that `child` has left."""
    content = json.loads(Path(f"{source}.json").read_text(encoding="utf-8"))
    operations = content.pop("operations")
    model = network(Plan(operations, np.load(f"{source}.npy")), **content)
    if format == "keras":
        model.save(out)
    elif format == "saved_model":
        _save_for_tensorflow(model, out)
    else:
        import tensorflow as tf

        with tempfile.TemporaryDirectory(prefix="inksight-") as folder:
            _save_for_tensorflow(model, folder)
            Path(out).write_bytes(tf.lite.TFLiteConverter.from_saved_model(folder).convert())


def _save_for_tensorflow(model: Any, folder: str) -> None:
    """A SavedModel whose only endpoint names what goes in and what comes out."""
    import keras
    import tensorflow as tf

    archive = keras.export.ExportArchive()
    archive.track(model)
    signature = tf.TensorSpec(model.input.shape, tf.uint8, name="images")
    archive.add_endpoint("serve", lambda images: {"probabilities": model(images)}, [signature])
    archive.write_out(folder, verbose=False)


def _ask(format: str, path: str, images: str, answers: str) -> None:
    asked = np.load(images)
    if format == "keras":
        import keras

        model = keras.saving.load_model(path)
        found = in_parts(lambda part: np.asarray(model.predict_on_batch(part)), asked)
    else:
        import tensorflow as tf

        model = tf.saved_model.load(path)
        found = in_parts(lambda part: np.asarray(model.serve(part)["probabilities"]), asked)
    np.save(answers, found)


if __name__ == "__main__":
    (_write if sys.argv[1] == "write" else _ask)(*sys.argv[2:])
