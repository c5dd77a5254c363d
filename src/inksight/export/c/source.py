"""The text of a C file: the pieces of C beside this module, the weights, and one call a step."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from string import Template

import numpy as np

from inksight.export.c.literals import array, comment, number, string
from inksight.export.c.memory import Memory, memory_of
from inksight.export.c.steps import PICTURE, Step, steps_of
from inksight.export.plan import Plan
from inksight.imaging.digit import MNIST_BOX_PX, MNIST_PX
from inksight.runs import ModelCard

HERE = Path(__file__).parent
LANES = 16
FUNCTION = re.compile(r"/\*(?:(?!\*/).)*\*/\nstatic void (\w+)\(.*?^}\n", re.MULTILINE | re.DOTALL)
ACTIVATIONS = {
    "elu": "value > 0.0f ? value : alpha * expm1f(value)",
    "gelu": "0.5f * value * (1.0f + erff(value * 0.70710678f))",
    "leakyrelu": "value > 0.0f ? value : alpha * value",
    "relu": "value > 0.0f ? value : 0.0f",
    "selu": "1.0507010f * (value > 0.0f ? value : 1.6732632f * expm1f(value))",
    "sigmoid": "0.5f + 0.5f * tanhf(0.5f * value)",
    "softplus": "(value > 0.0f ? value : 0.0f) + log1pf(expf(-fabsf(value)))",
    "tanh": "tanhf(value)",
}
"""Operator -> what becomes of a value."""


def c_source(card: ModelCard, plan: Plan, int8: bool = False) -> str:
    """A whole C99 file that answers as the model does.

    Args:
        int8: weights are bytes with one factor a filter, a quarter of the flash; answers differ a little then.
    Raises:
        EngineError: a weight that is no finite number.
    """
    steps = steps_of(plan, (card.size_px, card.size_px, card.channels), int8)
    writer = _Writer(memory_of(steps))
    for step in steps:
        writer.add(step)
    if card.temperature != 1:
        _calibrate(writer, card.temperature)
    framed = _is_framed(card)
    box_px = round(card.size_px * MNIST_BOX_PX / MNIST_PX)
    pieces = [
        _head(card, writer, int8, framed),
        *writer.arrays,
        f"\nstatic float memory[{writer.memory.size}];\n\n" if writer.memory.size else "\n",
        "\n".join(_functions(writer.functions)),
        Template(_piece("tail.c")).substitute(calls="\n".join(writer.calls)),
        f"\n#define BOX {box_px}\n{_piece('frame.c')}" if framed else "",
        _piece("main.c"),
        "\n#endif\n",
    ]
    return "".join(pieces)


def c_snippet(card: ModelCard, file: str = "model.c") -> str:
    """A whole C program that uses the file called `file` and answers one picture of raw bytes on its standard input."""
    return Template(_piece("framing_client.c" if _is_framed(card) else "client.c")).substitute(file=file)


def _is_framed(card: ModelCard) -> bool:
    """Whether the file can bring a picture to the network's input itself."""
    return card.preprocessing == "digits" and card.channels == 1


def _piece(name: str) -> str:
    """A piece of C."""
    return (HERE / name).read_text(encoding="utf-8")


def _head(card: ModelCard, writer: _Writer, int8: bool, framed: bool) -> str:
    """What comes before the weights."""
    picture_bytes = card.size_px**2 * card.channels
    return Template(_piece("head.c")).substitute(
        size_px=card.size_px,
        channels=card.channels,
        colour="grey" if card.channels == 1 else "colour",
        of_channels="" if card.channels == 1 else " of red, green and blue",
        framed_as="" if not framed else ", framed as MNIST's are",
        num_classes=len(card.classes),
        last_class=len(card.classes) - 1,
        picture_bytes=picture_bytes,
        about=_about(card, int8),
        flash=f"{writer.flash:,}",
        ram=f"{4 * writer.memory.size:,}",
        products=f"{writer.products:,}",
        stack=f"{500 + card.size_px**2:,}",
        weight="int8_t" if int8 else "float",
        lanes=LANES,
        unsure_below=number(card.unsure_below),
        rejected_below=number(card.rejected_below),
        labels=", ".join(map(string, card.classes)),
        declared_frame=_piece("frame.h").replace("SIZE", str(card.size_px)) if framed else "",
    )


def _about(card: ModelCard, int8: bool) -> str:
    """Where the model comes from, in one line of a comment."""
    about = card.about
    said = [f"{key}: {about[key]}" for key in ("data", "preset") if about[key]]
    if about["test"]:
        said.append(f"right on {about['test']['accuracy']:.2%} of {about['test']['images']:,} test pictures")
    if int8:
        said.append("then its weights were rounded to bytes")
    return comment("; ".join(["Written by Inksight", *said])) + "."


def _functions(needed: set[str]) -> list[str]:
    """The functions that are called, with what they call."""
    needed = needed | ({"products"} if "convolve" in needed else set())
    found = [match[0] for match in FUNCTION.finditer(_piece("operators.c")) if match[1] in needed]
    return [*found, *(_activation(name, value) for name, value in ACTIVATIONS.items() if f"each_{name}" in needed)]


def _activation(name: str, value: str) -> str:
    """A function that treats every value alike."""
    alpha = ", float alpha" if "alpha" in value else ""
    return (
        f"static void each_{name}(float *out, const float *in, int count{alpha})\n{{\n"
        "    for (int i = 0; i < count; ++i) {\n"
        "        const float value = in[i];\n"
        f"        out[i] = {value};\n"
        "    }\n}\n"
    )


class _Writer:
    """The calls as they grow. arrays: their constants, flash: the bytes of these. functions: those that are called.
    products: of weights with values, for one picture."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.functions: set[str] = set()
        self.arrays: list[str] = []
        self.calls: list[str] = []
        self.flash = 0
        self.products = 0

    def add(self, step: Step) -> None:
        """Appends what a step does."""
        self.calls.append(f"    /* {step.operator} -> {' x '.join(map(str, step.shape))} */")
        CALLS[step.operator](self, step)

    def call(self, function: str, *arguments: object) -> None:
        """Appends a call."""
        self.functions.add(function)
        self.calls.append(f"    {function}({', '.join(map(str, arguments))});")

    def place(self, value: int) -> str:
        """Where a value lies."""
        offset = self.memory.offsets[value]
        return "probabilities" if offset is None else f"memory + {offset}"

    def constant(self, name: str, values: np.ndarray) -> str:
        """Stores an array under a name of its own; gives it."""
        self.flash += values.nbytes
        name = f"{name}_{len(self.arrays) + 1}"
        self.arrays.append(array(name, values))
        return name


def _convolve(writer: _Writer, step: Step) -> None:
    details, kernel = step.details, step.details["kernel"]
    rows, columns = step.shape[:-1] or (1, 1)
    reach, across, channels, filters = kernel.shape
    row = math.prod(details["from"][0][1:])
    down, right = details["strides"][0] * row, details["strides"][1] * channels
    window_down, window_right = details["window_strides"][0] * down, details["window_strides"][1] * right
    writer.products += rows * columns * math.prod(details["window"]) * kernel.size
    numbers = (rows, columns, filters, window_down, window_right, reach, across * channels, row, *details["window"])
    weights = writer.constant("kernel", _in_blocks(kernel.reshape(-1, filters)))
    bias = writer.constant("bias", details["bias"])
    size = f"size_{len(writer.arrays)}"
    writer.arrays.append(f"static const convolution {size} = {{{', '.join(map(str, (*numbers, down, right)))}}};\n")
    writer.call("convolve", writer.place(step.output), writer.place(step.inputs[0]), weights, bias, f"&{size}")


def _in_blocks(kernel: np.ndarray) -> np.ndarray:
    """(values, filters) -> (blocks, values, LANES), the last block filled up with 0."""
    values, filters = kernel.shape
    blocks = -(-filters // LANES)
    full = np.pad(kernel, ((0, 0), (0, blocks * LANES - filters)))
    return full.reshape(values, blocks, LANES).transpose(1, 0, 2)


def _scale(writer: _Writer, step: Step) -> None:
    constants = [writer.constant(name, step.details[name]) for name in ("kernel", "bias")]
    source, sizes = step.inputs[0], _places_and_channels(step.shape)
    function, place = ("scale_bytes", "image") if source == PICTURE else ("scale", writer.place(source))
    writer.call(function, writer.place(step.output), place, *constants, *sizes)


def _pool(writer: _Writer, step: Step) -> None:
    details, (_, width, channels) = step.details, step.details["from"][0]
    down, right = details["window_strides"][0] * width * channels, details["window_strides"][1] * channels
    _call(writer, step, *step.shape, *details["window"], width * channels, down, right)


def _pad(writer: _Writer, step: Step) -> None:
    details = step.details
    _call(writer, step, *details["from"][0], *step.shape[:2], *details["before"], number(details["value"]))


def _average(writer: _Writer, step: Step) -> None:
    _call(writer, step, *_places_and_channels(step.details["from"][0]))


def _softmax(writer: _Writer, step: Step) -> None:
    _call(writer, step, *_places_and_channels(step.shape))


def _multiply(writer: _Writer, step: Step) -> None:
    _call(writer, step, math.prod(step.shape))


def _mean(writer: _Writer, step: Step) -> None:
    members = f"members_{len(writer.calls)}"
    writer.calls.append(f"    const float *const {members}[] = {{{', '.join(map(writer.place, step.inputs))}}};")
    writer.call("mean", writer.place(step.output), members, len(step.inputs), math.prod(step.shape))


def _concatenate(writer: _Writer, step: Step) -> None:
    places, all_channels = _places_and_channels(step.shape)
    before = 0
    for value, shape in zip(step.inputs, step.details["from"], strict=True):
        channels = math.prod(shape) // places  # what was flattened has its shape still
        place = f"{writer.place(step.output)} + {before}"
        writer.call("join", place, writer.place(value), places, channels, all_channels)
        before += channels


def _each(writer: _Writer, step: Step) -> None:
    """An activation, and its alpha if it has one."""
    alpha = [number(step.details["alpha"])] if "alpha" in step.details else []
    inputs = map(writer.place, step.inputs)
    writer.call(f"each_{step.operator}", writer.place(step.output), *inputs, math.prod(step.shape), *alpha)


def _calibrate(writer: _Writer, temperature: float) -> None:
    """Softens or sharpens the probabilities, as measure.calibration.with_temperature does."""
    writer.calls.append("    /* the temperature */")
    writer.call("cool", "probabilities", number(temperature), "CLASSES")
    writer.call("softmax", "probabilities", "probabilities", 1, "CLASSES")


def _call(writer: _Writer, step: Step, *numbers: object) -> None:
    """The call of the function that has the operator's name."""
    writer.call(step.operator, writer.place(step.output), *map(writer.place, step.inputs), *numbers)


def _places_and_channels(shape: tuple[int, ...]) -> tuple[int, int]:
    """How many places there are, and values at each."""
    return math.prod(shape[:-1]), shape[-1]


CALLS: dict[str, Callable[[_Writer, Step], None]] = {
    "average": _average,
    "concatenate": _concatenate,
    "convolve": _convolve,
    "mean": _mean,
    "multiply": _multiply,
    "pad": _pad,
    "pool": _pool,
    "scale": _scale,
    "softmax": _softmax,
    **dict.fromkeys(ACTIVATIONS, _each),
}
"""Operator of a step -> what calls it."""
