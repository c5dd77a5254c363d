"""How far a preset's training step is from what this machine can do. JAX only. A table on stderr, one JSON line.

    python benchmarks/roofline.py [--presets quick standard tutorial] [--seconds 1] [--repeats 10] [--starts 3]

The roof is a 2048³ float32 matrix product on all cores, by JAX as training has it; NumPy's stands beside it. A step's
work is the products with kernels that it cannot do without, two operations a multiply-add; all else counts as none.
Steps run at learning rate 0: the same work, but the weights do not drift off on the few batches that go round.

Each product of each layer is also a function compiled and called on its own, the gradients with what the forward pass
kept; the layer's activation and bias are part of it. "everything else" is the whole step less the sum of them. It may
be negative: XLA fuses and overlaps in the whole step what is called alone here, and every call costs `empty_call_ms`.

Before the first step: fresh processes that do one thing after the other, `total` is their sum. (`inksight.train` loads
the engine and the data side by side, and hashes the data besides.)
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice, pairwise
from statistics import median
from typing import Any

import numpy as np
from sitting import report, spread

import inksight
from inksight.config import PRESETS, TrainConfig
from inksight.data.dataset import Dataset
from inksight.models import engine
from inksight.models.table import layer_table
from inksight.training.batches import Batches
from inksight.training.session import build_model
from inksight.training.stepper import build_stepper

engine.prepare("jax")
import jax  # noqa: E402  (only after the engine is prepared, and as the stepper uses it)

SIDE = 2048
AIM_S = 2.5
Calls = Callable[[int], None]
Timer = Callable[[Calls], list[float]]

NEXT = "\nmarks.append(time.monotonic())\n"
STAGES = {  # what a fresh process does, one after the other
    "start": "import inksight",
    "engine": "from inksight.models import engine; engine.prepare('jax'); engine.load_keras()",
    "data": """
from inksight.config import preset
config = preset(sys.argv[1])
data = inksight.load("mnist").held_out(config.validation, config.seed)""",
    "network": "from inksight.training.session import build_model; model = build_model(data, config)",
    "stepper": """
from inksight.training.stepper import build_stepper
stepper = build_stepper(model, config, "jax")""",
    "first step": """
from inksight.training.batches import Batches
batch = next(iter(Batches(data.train, len(data.classes), config)))
stepper.step(batch.images, batch.targets, batch.weights, config.learning_rate)
stepper.totals()""",
}
CHILD = f"""
import sys, time
marks = [float(sys.argv[2])]
{NEXT.join((*STAGES.values(), ""))}
print(marks)
"""


def timed(seconds: float, repeats: int, calls: Calls) -> list[float]:
    """Milliseconds a call, in `repeats` parts of `seconds` altogether. calls(count): that many, the last waited for."""

    def elapsed_ms(count: int) -> float:
        start = time.perf_counter()
        calls(count)
        return 1000 * (time.perf_counter() - start)

    calls(2)  # the first compiles, and finds its arguments elsewhere than those after it
    count = max(1, round(1000 * seconds / repeats / elapsed_ms(1)))
    return [elapsed_ms(count) / count for _ in range(repeats)]


def one_by_one(function: Callable[..., Any], *arguments: Any) -> Calls:
    """Calls that are waited for one at a time: JAX would let them overlap."""

    def calls(count: int) -> None:
        for _ in range(count):
            jax.block_until_ready(function(*arguments))

    return calls


@dataclass(frozen=True)
class Product:
    """One of a layer's products that a step has to do. kind: "forward", "input gradient" or "kernel gradient"."""

    layer: Any
    name: str
    kind: str
    flops: int


def products(model: Any, pictures: int, place: str = "") -> list[Product]:
    """What a step multiplies: a frozen kernel needs no gradient, nor does an input below which nothing learns."""
    found: list[Product] = []
    multiply_adds = {row.name: row.multiply_adds for row in layer_table(model)}
    learns_below = False
    for layer in model.layers:
        if hasattr(layer, "layers"):  # a member of an ensemble starts from the pictures, as its neighbours do
            found += products(layer, pictures, f"{place}{layer.name}/")
            continue
        learns, flops = bool(layer.trainable_variables), 2 * multiply_adds[layer.name] * pictures
        kinds = {"forward": True, "input gradient": learns_below, "kernel gradient": learns}
        if flops:
            found += [Product(layer, place + layer.name, kind, flops) for kind, is_needed in kinds.items() if is_needed]
        learns_below = learns_below or learns
    return found


def alone(product: Product, pictures: int) -> Calls:
    """Calls of the product alone, by the layer's `call` as the stepper left it, on arguments of their real shape."""
    layer, draw = product.layer, np.random.default_rng(0).standard_normal
    learned, fixed = ([v.value for v in each] for each in (layer.trainable_variables, layer.non_trainable_variables))
    shapes = [(pictures, *each.shape[1:]) for each in (layer.input, layer.output)]
    x, gradient = (jax.device_put(draw(shape, np.float32)) for shape in shapes)

    def forward(learned: Any, fixed: Any, x: Any) -> Any:
        return layer.stateless_call(learned, fixed, x)[0]

    def pull_back(learned: Any, fixed: Any, x: Any) -> Any:
        return jax.vjp(lambda learned, x: forward(learned, fixed, x), learned, x)[1]

    if product.kind == "forward":
        return one_by_one(jax.jit(forward), learned, fixed, x)
    wanted = ("kernel gradient", "input gradient").index(product.kind)  # XLA leaves out the other
    return one_by_one(jax.jit(lambda back, y: back(y)[wanted]), jax.jit(pull_back)(learned, fixed, x), gradient)


def matrix_gflops(timer: Timer) -> dict[str, Any]:
    """Of a SIDE³ float32 matrix product."""
    pair = np.random.default_rng(0).standard_normal((2, SIDE, SIDE), np.float32)
    ways = {
        "numpy": one_by_one(np.matmul, *pair),
        "jax": one_by_one(jax.jit(jax.numpy.matmul), *map(jax.device_put, pair)),
    }
    return {name: spread([2e-6 * SIDE**3 / ms for ms in timer(calls)], 1) for name, calls in ways.items()}


def preset_figures(data: Dataset, config: TrainConfig, roof: float, timer: Timer) -> dict[str, Any]:
    """A preset's whole step, and its products one by one."""
    model = build_model(data, config)
    stepper = build_stepper(model, config, "jax")
    with closing(iter(Batches(data.train, len(data.classes), config))) as stream:
        batches = list(islice(stream, 8))
    endless, pictures = cycle(batches), len(batches[0].images)

    def steps(count: int) -> None:
        for batch in islice(endless, count):
            stepper.step(batch.images, batch.targets, batch.weights, 0.0)
        stepper.totals()  # waits for the last

    def figures(ms: float, flops: int) -> dict[str, float]:
        gflops = 1e-6 * flops / ms
        return {"mflop": round(1e-6 * flops, 3), "gflops": round(gflops, 1), "share": round(gflops / roof, 3)}

    step_ms, todo = timer(steps), products(model, pictures)
    layers_ms = [median(timer(alone(product, pictures))) for product in todo]
    rows: list[dict[str, Any]] = [
        {"layer": product.name, "product": product.kind, "ms": round(ms, 4), **figures(ms, product.flops)}
        for product, ms in zip(todo, layers_ms, strict=True)
    ]
    rows.append({"layer": "everything else", "product": "", "ms": round(median(step_ms) - sum(layers_ms), 4)})
    whole = figures(median(step_ms), sum(product.flops for product in todo))
    return {"batch_size": pictures, "ms_a_step": spread(step_ms, 3), **whole, "layers": rows}


def before_first_step(preset: str, starts: int) -> dict[str, Any]:
    """Seconds of each stage in `starts` fresh processes; this one has by now warmed the files that they read."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    seconds: dict[str, list[float]] = {stage: [] for stage in (*STAGES, "total")}
    for _ in range(starts):
        command = [sys.executable, "-c", CHILD, preset, str(time.monotonic())]
        marks = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout)
        for stage, (start, end) in zip(seconds, [*pairwise(marks), (marks[0], marks[-1])], strict=True):
            seconds[stage].append(end - start)
    return {stage: spread(each, 3) for stage, each in seconds.items()}


def show(figures: dict[str, Any]) -> None:
    """The figures as a table, on stderr."""
    lines = [f"matrix product: {way} {rate['median']:.1f} GFLOP/s" for way, rate in figures["matrix_gflops"].items()]
    for name, of in figures["presets"].items():
        whole = {"layer": "a step", "product": f"of {of['batch_size']} pictures", "ms": of["ms_a_step"]["median"], **of}
        lines += ["", f"{name:<24} {'':<16} {'ms':>9} {'GFLOP/s':>8} {'of the roof':>12}"]
        for row in (whole, *of["layers"]):
            rate = f" {row['gflops']:8.1f} {row['share']:12.1%}" if "share" in row else ""
            lines.append(f"{row['layer']:<24} {row['product']:<16} {row['ms']:9.3f}{rate}")
    for name, stages in figures["before_first_step"].items():
        lines += ["", f"{name}, seconds before the first step is done; {AIM_S} are wanted"]
        lines += [f"{stage:<24} {seconds['median']:6.2f}" for stage, seconds in stages.items()]
    print("\n".join(lines), file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=["quick", "standard", "tutorial"])
    parser.add_argument("--seconds", type=float, default=1.0, help="of each timing")
    parser.add_argument("--repeats", type=int, default=10, help="parts of each timing")
    parser.add_argument("--starts", type=int, default=3, help="fresh processes for each preset")
    wishes = parser.parse_args()
    timer = partial(timed, wishes.seconds, wishes.repeats)
    rates = matrix_gflops(timer)
    roof = rates["jax"]["median"]
    data = inksight.load("mnist")
    figures = {
        "matrix_gflops": rates,
        "empty_call_ms": spread(timer(one_by_one(jax.jit(lambda x: x + 1), np.float32(0))), 4),
        "presets": {name: preset_figures(data, PRESETS[name], roof, timer) for name in wishes.presets},
        "before_first_step": {name: before_first_step(name, wishes.starts) for name in wishes.presets},
    }
    show(figures)
    report("roofline", aim_s=AIM_S, **figures)


if __name__ == "__main__":
    main()
