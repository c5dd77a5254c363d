"""The tutorial as it stands in plain Keras: the baseline of every speed comparison. Knows nothing of Inksight.

    python benchmarks/article.py FOLDER_WITH_THE_FOUR_MNIST_FILES [EPOCHS=10]

KERAS_BACKEND chooses the backend (default tensorflow). Prints one JSON line.
"""

import gzip
import json
import os
import sys
import time

START = time.perf_counter()
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402  (timed, and only after its backend is chosen)
import numpy as np  # noqa: E402


def load(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Pictures as float32 0–1 (n, 28, 28, 1) and labels int32 (n,)."""

    def unpack(name: str, header_bytes: int) -> np.ndarray:
        with gzip.open(os.path.join(sys.argv[1], f"{part}-{name}-ubyte.gz")) as file:
            return np.frombuffer(file.read(), np.uint8, offset=header_bytes)

    return unpack("images-idx3", 16).reshape(-1, 28, 28, 1) / np.float32(255), unpack("labels-idx1", 8).astype("int32")


def main() -> None:
    imported = time.perf_counter()
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(28, 3),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    model.fit(*load("train"), epochs=epochs, verbose=0)
    fitted = time.perf_counter()
    _, accuracy = model.evaluate(*load("t10k"), verbose=0)
    seconds = {"import": imported - START, "fit": fitted - imported, "total": time.perf_counter() - START}
    print(
        json.dumps(
            {
                "backend": keras.backend.backend(),
                "epochs": epochs,
                "accuracy": round(float(accuracy), 4),
                "seconds": {name: round(value, 2) for name, value in seconds.items()},
            }
        )
    )


main()
