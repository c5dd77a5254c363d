"""Keras's own first example: "Simple MNIST convnet", 15 epochs, about 99 %.

    python benchmarks/peers/keras_convnet.py FOLDER_WITH_THE_FOUR_MNIST_FILES [STEPS] [--seed 1]

Source of the recipe: keras-team/keras-io, examples/vision/mnist_convnet.py. Written anew from it: pixels 0 to 1,
one-hot labels, two 3 × 3 convolutions (32, 64) each with ReLU and a 2 × 2 max-pool, dropout 0.5, softmax; Adam as Keras
has it, batch 128, 15 epochs, the last tenth of the training set kept for validation and looked at after each epoch.
KERAS_BACKEND chooses the backend (default tensorflow). Prints one JSON line.

Deviations: the data comes from FOLDER, because a measurement must not wait for a network; a seed is set, so that a run
can be repeated; an accelerator is not used, because CPUs are compared; the table of layers and the progress bar are not
printed, because stdout is for the JSON line.
"""

import os
import time

START = time.perf_counter()
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.update(CUDA_VISIBLE_DEVICES="-1", JAX_PLATFORMS="cpu")

import importlib  # noqa: E402

import keras  # noqa: E402  (timed, and only after its backend is chosen)
import mnist  # noqa: E402
import numpy as np  # noqa: E402
import peer  # noqa: E402

EPOCHS, BATCH, VALIDATION = 15, 128, 0.1


class StopAfter(keras.callbacks.Callback):
    """Ends the training after so many steps."""

    def __init__(self, steps: int) -> None:
        """`steps` are counted over all epochs."""
        super().__init__()
        self.left = steps

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Counts the step."""
        self.left -= 1
        self.model.stop_training = self.left <= 0


def load(folder: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Inputs float32 0–1 (n, 28, 28, 1) and one-hot labels (n, 10)."""
    inputs = mnist.images(folder, part)[..., None].astype("float32") / 255
    return inputs, keras.utils.to_categorical(mnist.labels(folder, part), 10)


def build() -> keras.Model:
    """The published network."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def main() -> None:
    """Trains, tests once, prints."""
    imported = time.perf_counter()
    wishes = peer.wishes(__doc__)
    keras.utils.set_random_seed(wishes.seed)
    model = build()
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    # each epoch has at least one step, so a try's epochs cannot run out before its steps do
    epochs, callbacks = (wishes.steps, [StopAfter(wishes.steps)]) if wishes.steps else (EPOCHS, [])
    train = load(wishes.folder, "train")
    model.fit(*train, BATCH, epochs, verbose=0, callbacks=callbacks, validation_split=VALIDATION)
    fitted = time.perf_counter()
    _, accuracy = model.evaluate(*load(wishes.folder, "t10k"), verbose=0)
    backend = keras.backend.backend()
    framework = f"keras {keras.__version__} on {backend} {importlib.import_module(backend).__version__}"
    length = {"steps": wishes.steps} if wishes.steps else {"epochs": EPOCHS}
    peer.tell("keras_convnet", framework, length, accuracy, START, imported, fitted)


if __name__ == "__main__":
    main()
