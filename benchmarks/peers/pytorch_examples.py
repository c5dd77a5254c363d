"""PyTorch's own first example: `mnist` of pytorch/examples, 14 epochs, about 99.2 %.

    python benchmarks/peers/pytorch_examples.py FOLDER_WITH_THE_FOUR_MNIST_FILES [STEPS] [--seed 1]

Source of the recipe: pytorch/examples, mnist/main.py. Written anew from it: pixels normalised with mean 0.1307 and
deviation 0.3081, two 3 × 3 convolutions (32, 64) with ReLU, 2 × 2 max-pool, dropout 0.25, 128 units with ReLU, dropout
0.5, ten log-probabilities; Adadelta with learning rate 1.0, times 0.7 after each epoch, batch 64, 14 epochs; test
batches of 1,000; seed 1. Prints one JSON line.

Deviations. All in all they make it faster than the published script, so what it takes is a lower bound:
- The data comes from FOLDER, because a measurement must not wait for a network, and without torchvision.
- Pixels are normalised once, all together, not by a DataLoader picture by picture in each epoch, because the loader's
  time would say little about the training.
- The test set is looked at once, at the end, not after each epoch, because only that accuracy is reported.
- Pictures are shuffled in each epoch, which the published script does on an accelerator only, because there its
  published accuracy was reached.
- An accelerator is not used, because CPUs are compared; the loss is not printed, because stdout is for the JSON line.
"""

import time

START = time.perf_counter()

from collections.abc import Iterator  # noqa: E402
from itertools import islice  # noqa: E402

import mnist  # noqa: E402
import peer  # noqa: E402
import torch  # noqa: E402  (timed)
from torch import nn  # noqa: E402

EPOCHS, BATCH, TEST_BATCH = 14, 64, 1000
LEARNING_RATE, GAMMA = 1.0, 0.7


def load(folder: str, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Normalised pictures float32 (n, 1, 28, 28) and labels int64 (n,)."""
    pixels = torch.tensor(mnist.images(folder, part)).unsqueeze(1).float() / 255
    return (pixels - 0.1307) / 0.3081, torch.tensor(mnist.labels(folder, part)).long()


def build() -> nn.Module:
    """The published network."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(64 * 12 * 12, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
        nn.LogSoftmax(dim=1),
    )


def batches(count: int, epochs: int) -> Iterator[tuple[torch.Tensor, bool]]:
    """Indices of each batch, and whether it is the last of its epoch."""
    for _ in range(epochs):
        order = torch.randperm(count).split(BATCH)
        for number, chosen in enumerate(order, start=1):
            yield chosen, number == len(order)


def train(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, steps: int | None) -> None:
    """The published course, or its first `steps` steps."""
    optimizer = torch.optim.Adadelta(model.parameters(), lr=LEARNING_RATE)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=GAMMA)
    model.train()
    # each epoch has at least one step, so a try's epochs cannot run out before its steps do
    for chosen, last in islice(batches(len(images), steps or EPOCHS), steps):
        optimizer.zero_grad()
        nn.functional.nll_loss(model(images[chosen]), labels[chosen]).backward()
        optimizer.step()
        if last:
            scheduler.step()


@torch.no_grad()
def accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of right answers."""
    model.eval()
    answers = torch.cat([model(batch).argmax(1) for batch in images.split(TEST_BATCH)])
    return (answers == labels).float().mean().item()


def main() -> None:
    """Trains, tests once, prints."""
    imported = time.perf_counter()
    wishes = peer.wishes(__doc__)
    torch.manual_seed(wishes.seed)
    model = build()
    train(model, *load(wishes.folder, "train"), wishes.steps)
    fitted = time.perf_counter()
    found = accuracy(model, *load(wishes.folder, "t10k"))
    length = {"steps": wishes.steps} if wishes.steps else {"epochs": EPOCHS}
    peer.tell("pytorch_examples", f"torch {torch.__version__}", length, found, START, imported, fitted)


if __name__ == "__main__":
    main()
