"""tinygrad's own first example: beautiful_mnist, 70 steps of 512 pictures, about 98 %.

    python benchmarks/peers/tinygrad_beautiful.py FOLDER_WITH_THE_FOUR_MNIST_FILES [STEPS] [--seed 1]

Needs tinygrad 0.14 (`pip install tinygrad numpy`) and `clang` on the PATH, with which tinygrad makes its machine code
for the CPU (Debian: `apt-get install clang`; 14 will do). It keeps what clang made in the user's cache folder, so a
first run is slower.

Source of the recipe: tinygrad/tinygrad, examples/beautiful_mnist.py. Written anew from it: pixels 0 to 255 as they are,
two 5 × 5 convolutions (32, 32), batch normalisation, 2 × 2 max-pool, two 3 × 3 convolutions (64, 64), batch
normalisation, 2 × 2 max-pool, ten logits, a ReLU after each convolution; Adam as tinygrad has it (the script's default;
Muon and SGD are its options), 70 steps, each on 512 pictures drawn with replacement and compiled by TinyJit.
Prints one JSON line.

Deviations; the first three make it no slower than the published script, the last was not compared:
- The data comes from FOLDER, because a measurement must not wait for a network.
- The test set is looked at once, at the end, not after every tenth step, because only that accuracy is reported.
- A seed is set, so that a run can be repeated; an accelerator is not used, because CPUs are compared; there is no
  progress bar, because stdout is for the JSON line.
- The newest script wraps its model in tinygrad's `@function`; this one does not.
"""

import os
import time

START = time.perf_counter()
os.environ["DEV"] = "CPU"

from collections.abc import Callable  # noqa: E402
from importlib.metadata import version  # noqa: E402

import mnist  # noqa: E402
import peer  # noqa: E402
from tinygrad import Context, Tensor, TinyJit, nn  # noqa: E402  (timed, and only after its device is chosen)

STEPS, BATCH = 70, 512


def load(folder: str, part: str) -> tuple[Tensor, Tensor]:
    """Pictures uint8 (n, 1, 28, 28) and labels uint8 (n,)."""
    return Tensor(mnist.images(folder, part)[:, None]), Tensor(mnist.labels(folder, part))


def build() -> list[Callable[[Tensor], Tensor]]:
    """The published network."""
    return [
        nn.Conv2d(1, 32, 5),
        Tensor.relu,
        nn.Conv2d(32, 32, 5),
        Tensor.relu,
        nn.BatchNorm(32),
        Tensor.max_pool2d,
        nn.Conv2d(32, 64, 3),
        Tensor.relu,
        nn.Conv2d(64, 64, 3),
        Tensor.relu,
        nn.BatchNorm(64),
        Tensor.max_pool2d,
        lambda inputs: inputs.flatten(1),
        nn.Linear(64 * 3 * 3, 10),
    ]


def train(layers: list[Callable[[Tensor], Tensor]], images: Tensor, labels: Tensor, steps: int) -> None:
    """The published course, or its first `steps` steps."""
    optimizer = nn.optim.Adam(nn.state.get_parameters(layers))

    @TinyJit
    def step() -> Tensor:
        optimizer.zero_grad()
        chosen = Tensor.randint(BATCH, high=images.shape[0])
        loss = images[chosen].sequential(layers).sparse_categorical_crossentropy(labels[chosen]).backward()
        return loss.realize(*optimizer.schedule_step())

    with Context(TRAINING=1):
        for _ in range(steps):
            step().item()  # as published: waits for the step and reads its loss


def accuracy(layers: list[Callable[[Tensor], Tensor]], images: Tensor, labels: Tensor) -> float:
    """Share of right answers."""
    return (images.sequential(layers).argmax(axis=1) == labels).mean().item()


def main() -> None:
    """Trains, tests once, prints."""
    imported = time.perf_counter()
    wishes = peer.wishes(__doc__)
    Tensor.manual_seed(wishes.seed)
    layers = build()
    steps = wishes.steps or STEPS
    train(layers, *load(wishes.folder, "train"), steps)
    fitted = time.perf_counter()
    found = accuracy(layers, *load(wishes.folder, "t10k"))
    peer.tell("tinygrad_beautiful", f"tinygrad {version('tinygrad')}", {"steps": steps}, found, START, imported, fitted)


if __name__ == "__main__":
    main()
