"""The line network's training: strips of digits in, their order out, by connectionist temporal classification."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from inksight.data.synthetic.strings import strings
from inksight.imaging.strip import STRIP_PX
from inksight.models.line import line
from inksight.models.weights import drawn_from

if TYPE_CHECKING:
    import keras

BATCH = 32
PEAK_RATE = 3e-3
WARM_SHARE = 1 / 8
_AHEAD = 4


def fit_line(
    images: np.ndarray,
    labels: np.ndarray,
    steps: int,
    seed: int,
    told: Callable[[int, float], None],
    others: np.ndarray | None = None,
) -> keras.Model:
    """Fits a line network to strings of the given digits; Keras runs on JAX.

    Args:
        images: uint8 (n, 28, 28), framed digits, bright ink on 0.
        labels: int64 (n,), 0–9.
        steps: batches of 32 strips.
        seed: enters the first weights and the strips.
        told: is called every hundred steps with the step and the mean loss since the last call.
        others: uint8 (m, 28, 28), letters and signs that it learns to leave out.
    """
    import keras

    from inksight.training.gradients import use_fast_gradients

    with drawn_from(seed) as draw:
        network = draw(line(STRIP_PX, int(labels.max()) + 1))
    use_fast_gradients(network)
    logits = keras.Model(network.input, network.get_layer("logits").output)
    warm = round(WARM_SHARE * steps)
    rate = keras.optimizers.schedules.CosineDecay(
        0.03 * PEAK_RATE, steps - warm, alpha=0.01, warmup_target=PEAK_RATE, warmup_steps=warm
    )
    logits.compile(optimizer=keras.optimizers.AdamW(rate, weight_decay=1e-3, clipnorm=5.0), loss=order_loss)
    losses: list[float] = []
    for step, (strips, texts) in enumerate(_batches(images, labels, steps, seed, others), 1):
        logits.reset_metrics()
        losses.append(float(logits.train_on_batch(strips[..., None], texts)))
        if step % 100 == 0:
            told(step, float(np.mean(losses[-100:])))
    return network


def order_loss(texts: Any, logits: Any) -> Any:
    """How unlikely the labels come in this order: int32 (n, most), −1 behind the last, and float32 (n, columns,
    1 + classes) -> the mean."""
    from keras import ops

    lengths = ops.sum(ops.cast(texts >= 0, "int32"), axis=1)
    columns = ops.full((logits.shape[0],), logits.shape[1], dtype="int32")
    return ops.mean(ops.ctc_loss(ops.maximum(texts + 1, 0), logits, lengths, columns, mask_index=0))


def _batches(
    images: np.ndarray, labels: np.ndarray, steps: int, seed: int, others: np.ndarray | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Strips and texts, drawn a few steps ahead in a thread of their own."""
    generator = np.random.default_rng([seed, 1])
    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(strings, images, labels, BATCH, generator, others) for _ in range(min(_AHEAD, steps))]
        for step in range(steps):
            yield waiting.pop(0).result()
            if step + _AHEAD < steps:
                waiting.append(pool.submit(strings, images, labels, BATCH, generator, others))
