"""The training loop: one for all backends, on a schedule that ends on time, keeping what it has when it is stopped."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from inksight.callbacks import Callback, Row
from inksight.config import TrainConfig
from inksight.data.dataset import Dataset, Split, take
from inksight.errors import EngineError, StorageError
from inksight.metrics.metrics import METRICS
from inksight.models.table import layer_table
from inksight.training.batches import Batches, planned_epochs
from inksight.training.checkpoint import Checkpoint, Checkpointer
from inksight.training.schedule import SHAPES, Pace
from inksight.training.stepper import Stepper, Weights, build_stepper, held_images
from inksight.training.together import ALONE, Processes
from inksight.utils.signals import interruptible

if TYPE_CHECKING:
    import keras

_LEAST_ROWS = 20
_SHOWN_EVERY_S = 0.1
_MOST_PLAIN = 0.25  # of a training that augments; a single epoch with one plain epoch would not augment at all
_ENOUGH_TO_HOPE = 1000  # pictures
_FORWARD_SHARE = 1 / 3  # a picture that is only answered costs about a third of one that is learned from


@dataclass
class Fitted:
    """The result of a training.

    history: rows of epoch, step, loss, accuracy, learning_rate, seconds and val_…; `loss` and `accuracy` are means over
    the epoch's pictures, see `_Loop._means`. ended: "finished", "time limit", "target reached", "early stopping" or
    "interrupted".
    """

    history: list[Row] = field(default_factory=list)
    ended: str = "finished"
    epochs: float = 0.0
    images_per_s: float = 0.0


def fit(
    model: keras.Model,
    data: Dataset,
    config: TrainConfig,
    backend: str,
    ends_at: float | None = None,
    callback: Callback | None = None,
    checkpointer: Checkpointer | None = None,
    processes: Processes = ALONE,
    stop: threading.Event | None = None,
    looks: Sequence[float] = (),
) -> Fitted:
    """Trains `model` on `data.train` and leaves the weights to keep in it.

    Ctrl-C ends the training after the step at hand; the best weights so far (by validation loss where there is a
    validation part, else the latest) are kept. A second Ctrl-C ends at once.

    Args:
        model: as built by `inksight.models.build`.
        ends_at: a reading of time.monotonic() at which to be done; the schedule is fitted to it.
        callback: shown each step and epoch.
        checkpointer: given a checkpoint whenever it wants one; if it has one already, the training goes on from there.
        processes: who trains; by default this process alone. All of several must be given the same of the rest.
        stop: ends it as Ctrl-C does once it is set.
        looks: shares of the training, 0–1 and ascending, after which to measure on the validation part, besides the
            ends of epochs.
    Raises:
        EngineError: the loss is no longer a number.
    """
    callback = callback or Callback()
    callback.built(layer_table(model))
    if checkpointer is not None:
        checkpointer.tell = callback.noted
        for text in checkpointer.notes:
            callback.noted(text)
    stop = stop or threading.Event()
    with interruptible(stop.set):
        held = held_images(data.train.batch, config, backend, processes)
        stepper = build_stepper(model, config, backend, processes, held)
        batches = Batches(data.train, len(data.classes), config, processes, held is not None, data.outliers)
        loop = _Loop(stepper, batches, data, config, ends_at, callback, checkpointer, stop, processes, looks)
        loop.run()
    weights = loop.best_weights()
    if not all(np.isfinite(weight).all() for weight in weights):
        raise loop.diverged(math.nan)
    model.set_weights(weights)
    return loop.fitted


class _Loop:
    """The state of one training: where it is, what it has seen, the best so far."""

    def __init__(
        self,
        stepper: Stepper,
        batches: Batches,
        data: Dataset,
        config: TrainConfig,
        ends_at: float | None,
        callback: Callback,
        checkpointer: Checkpointer | None,
        stop: threading.Event,
        processes: Processes,
        looks: Sequence[float],
    ) -> None:
        self.stepper, self.data, self.config = stepper, data, config
        self.callback, self.checkpointer = callback, checkpointer
        self.stop = stop  # set where somebody asks to end after the step at hand
        self.processes = processes
        self.batches = batches
        epochs = planned_epochs(config, len(data.train))
        planned = self.batches.per_epoch * epochs
        measured = len(data.test) + len(data.validation or ())
        self.started, self.seconds, self.stopping = time.monotonic(), 0.0, False
        left = None if ends_at is None else processes.agree(ends_at - self.started, False)[0]
        self.pace = Pace(planned, left, steps_after=measured / self.batches.batch_size * _FORWARD_SHARE)
        self.fitted = Fitted()
        self.looks = list(looks)  # those to come
        self.rows_per_epoch = math.ceil(_LEAST_ROWS / epochs)
        self.sums: list[list[float]] = [[0.0] * 4]  # step, and up to it: sum of losses, right answers, pictures
        self.running: Row = {}
        self.show_at = 0.0  # a reading of time.monotonic()
        self.best: tuple[float, Weights] | None = None
        self.epochs_since_best = 0
        self.seconds_before = 0.0
        self.keeping_fails = False
        if checkpointer is not None and checkpointer.newest is not None:
            self._restore(checkpointer.newest)

    def run(self) -> None:
        """Steps until the schedule, the clock, early stopping or a person ends it."""
        shape = SHAPES[self.config.schedule]
        plain_from = 1 - min(self.config.plain_epochs / self.config.epochs, _MOST_PLAIN)
        for batch in self.batches:
            rate = self.config.learning_rate * shape(self.pace.midway)
            self.stepper.step(batch.images, batch.targets, batch.weights, rate)
            self._read_clock()
            self.pace.tick(self.seconds)
            if self.pace.progress >= plain_from:
                self.batches.end_augmentation()
            self._look(rate)
            if self._ended():
                break
            if self.checkpointer is not None and self.checkpointer.is_due():
                self._keep(self.checkpointer)
        self._read_clock()
        self.fitted.epochs = self.pace.step / self.batches.per_epoch
        self.fitted.images_per_s = self.pace.step * self.batches.batch_size / self._seconds()

    def best_weights(self) -> Weights:
        """The weights at the best validation loss when the training was cut short or watched for it, else the last."""
        watched = self.config.early_stopping and self.fitted.ended != "target reached"
        if self.best is not None and (self.fitted.ended == "interrupted" or watched):
            return self.best[1]
        return self.stepper.weights()

    def diverged(self, loss: float) -> EngineError:
        """The error for a loss that is no longer a number. It would come again, so no checkpoint is worth keeping."""
        if self.checkpointer is not None:
            self.checkpointer.forget()
        return EngineError(
            f"the training diverged: the loss is {loss} at step {self.pace.step:,} of {self.pace.planned_steps:,}. "
            f"No run was saved. Try a smaller learning_rate than {self.config.learning_rate:g}."
        )

    def _read_clock(self) -> None:
        """Takes the time, and whether to stop: the same in all processes, each of which must do this as often."""
        self.seconds, self.stopping = self.processes.agree(time.monotonic() - self.started, self.stop.is_set())

    def _seconds(self) -> float:
        """Since the training began, without the time between a break and its taking up."""
        return self.seconds_before + self.seconds

    def _keep(self, checkpointer: Checkpointer) -> None:
        """Keeps all that `_restore` wants back. A place that takes none stops no training."""
        best_loss, best = self.best or (None, [])
        checkpoint = Checkpoint(
            step=self.pace.step,
            progress=self.pace.progress,
            plain_from=self.batches.plain_from,
            seconds=self._seconds(),
            history=self.fitted.history,
            sums=self.sums,
            best_loss=best_loss,
            epochs_since_best=self.epochs_since_best,
            stepper=self.stepper.state(),
            best=best,
        )
        try:
            checkpointer.keep(checkpoint)
            self.keeping_fails = False
        except StorageError as error:
            if not self.keeping_fails:
                reason = getattr(error.__cause__, "strerror", None) or error
                self.callback.noted(
                    f"No checkpoint could be kept at step {self.pace.step:,} ({reason}). The training goes on, and "
                    "the next one is tried when it is due."
                )
            self.keeping_fails = True

    def _restore(self, kept: Checkpoint) -> None:
        """Goes back to where a checkpoint was taken."""
        self.pace.step, self.pace.progress = kept.step, kept.progress
        self.batches.first, self.batches.plain_from = kept.step, kept.plain_from
        self.fitted.history = list(kept.history)
        self.sums = [list(each) for each in kept.sums]
        self.best = None if kept.best_loss is None else (kept.best_loss, kept.best)
        self.epochs_since_best = kept.epochs_since_best
        self.stepper.restore(kept.stepper)
        self.seconds_before = kept.seconds

    def _look(self, rate: float) -> None:
        """Writes a row of history when one is due, and at the end of an epoch measures on the validation part."""
        step, per_epoch = self.pace.step, self.batches.per_epoch
        epoch_ends = step % per_epoch == 0 or self.pace.done
        asked = self._is_asked()
        row_due = self._is_row_due()
        if row_due or epoch_ends or asked or self.stopping:
            totals = np.add(self.sums[-1][1:], self.stepper.totals())
            self.sums.append([step, *totals.tolist()])
            loss, accuracy = self._means()
            if not math.isfinite(loss):
                raise self.diverged(loss)
            row = {"epoch": step / per_epoch, "step": step, "loss": loss, "accuracy": accuracy}
            self._read_clock()
            row |= {"learning_rate": rate, "seconds": self._seconds()}
            measured = epoch_ends or asked or self.stopping or self._may_be_there()
            if self.data.validation is not None and measured:
                row |= self._validate(self.data.validation)
                self.epochs_since_best += epoch_ends
            self.fitted.history.append(row)
            self.callback.row(row)
        self._show()
        if epoch_ends:
            self.callback.epoch(math.ceil(step / per_epoch), int(self.running["epochs"]), self.fitted.history[-1])

    def _is_row_due(self) -> bool:
        """Whether the epoch's next share of `rows_per_epoch` is complete."""
        step, per_epoch, rows = self.pace.step, self.batches.per_epoch, self.rows_per_epoch
        within = (step - 1) % per_epoch + 1
        return within * rows // per_epoch > (within - 1) * rows // per_epoch

    def _means(self) -> tuple[float, float]:
        """Mean training loss and accuracy over the last epoch's worth of steps, over all of them during the first
        epoch: at the end of an epoch its mean, as Keras prints it, and between two ends a moving average."""
        step, *totals = self.sums[-1]
        while len(self.sums) > 2 and self.sums[1][0] <= step - self.batches.per_epoch:
            del self.sums[0]
        loss, correct, pictures = np.subtract(totals, self.sums[0][1:]).tolist()
        return loss / pictures, correct / pictures

    def _show(self) -> None:
        """Tells the callback of a step, with the means of the epoch so far as Keras's progress bar shows them."""
        step, per_epoch = self.pace.step, self.batches.per_epoch
        now = time.monotonic()
        if now >= self.show_at or self.pace.done:
            self.show_at = now + _SHOWN_EVERY_S
            before = max(step - 1, 0) // per_epoch * per_epoch
            start = next(each for each in reversed(self.sums) if each[0] <= before)
            totals = np.add(self.sums[-1][1:], self.stepper.totals(reset=False))
            loss, correct, pictures = np.subtract(totals, start[1:]).tolist()
            self.running = {"epoch": step / per_epoch, "loss": loss / pictures, "accuracy": correct / pictures}
        planned = step + self.pace.steps_left(self.seconds)
        self.running["epochs"] = math.ceil(planned / per_epoch)
        self.callback.step(step, planned, self.running)

    def _is_asked(self) -> bool:
        """Whether so much is done now that somebody wants to know how it stands."""
        passed = sum(look <= self.pace.progress for look in self.looks)
        del self.looks[:passed]
        return passed > 0

    def _may_be_there(self) -> bool:
        """Whether a small part of the validation pictures says that the target is reached; the rest are asked then."""
        validation = self.data.validation
        if not self.config.target or validation is None:
            return False
        evenly = np.linspace(0, len(validation) - 1, min(len(validation), _ENOUGH_TO_HOPE)).astype(int)
        some = take(validation, evenly)  # evenly: folders come class by class
        probabilities, _ = self._measured(some)
        return METRICS["accuracy"](some.labels, probabilities) >= self.config.target

    def _measured(self, split: Split) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities and losses of a Split by the weights to keep."""
        targets = np.eye(len(self.data.classes), dtype=np.float32)[split.labels]
        return self.stepper.measure(split.batch, targets)

    def _validate(self, validation: Split) -> Row:
        """Measures the weights to keep, and remembers them when they are the best so far."""
        probabilities, losses = self._measured(validation)
        wanted = ("accuracy", *self.config.metric_names)
        row = {f"val_{name}": METRICS[name](validation.labels, probabilities) for name in wanted}
        loss = row["val_loss"] = float(losses.mean())
        if self.best is None or loss < self.best[0]:
            self.best = (loss, self.stepper.weights())
            self.epochs_since_best = -1  # counted from the end of this epoch
        return row

    def _ended(self) -> bool:
        """Whether to stop now; says why in `fitted.ended`."""
        patience, target = self.config.early_stopping, self.config.target
        newest = self.fitted.history[-1] if self.fitted.history else {}
        if self.stopping:
            self.callback.interrupted()
            self.fitted.ended = "interrupted"
        elif self.pace.done:
            self.fitted.ended = "finished" if self.pace.step >= self.pace.planned_steps else "time limit"
        elif target and newest.get("val_accuracy", 0.0) >= target:
            self.fitted.ended = "target reached"
        elif patience and self.epochs_since_best >= patience:
            self.fitted.ended = "early stopping"
        else:
            return False
        return True
