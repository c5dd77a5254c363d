"""One training step on the backend at hand.

Two ways to do the same: on JAX one jitted function that keeps all state on the device, elsewhere Keras's own
`train_on_batch`. A Stepper is fed with NumPy arrays and asked for sums and weights; nothing else crosses.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from inksight.config import TrainConfig
from inksight.imaging.decode import pictures_at_once
from inksight.models.ensemble import members_of
from inksight.models.weights import drawn_from
from inksight.training.objective import build_loss, build_optimizer
from inksight.training.precision import computing_in
from inksight.training.together import ALONE, Processes

if TYPE_CHECKING:
    import keras

Weights = list[np.ndarray]

_AT_ONCE = 2  # members of an ensemble
_MOST_HELD_BYTES = 2**31  # of pictures on the device


class Stepper(Protocol):
    """images: uint8 (n, height, width, channels), or int64 (n,), rows of the pictures that the stepper holds; targets:
    float32 (n, classes), one-hot; weights: float32 (n,)."""

    def step(self, images: np.ndarray, targets: np.ndarray, weights: np.ndarray, learning_rate: float) -> None:
        """Updates the weights once, by what is this process's part of a batch."""

    def totals(self, reset: bool = True) -> np.ndarray:
        """Sum of the losses, number of right answers and number of pictures since the last reset, float64 (3,)."""

    def weights(self) -> Weights:
        """Copies of the weights to keep (the running mean where there is one), in the model's order."""

    def measure(self, images: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities float32 (n, classes) and losses float32 (n,) by the weights to keep."""

    def state(self) -> list[np.ndarray]:
        """Copies of all that the steps to come depend on, random states and running means among it."""

    def restore(self, state: list[np.ndarray]) -> None:
        """Takes over the state of another stepper of the same network and config."""


def held_images(images: np.ndarray, config: TrainConfig, backend: str, processes: Processes) -> Any:
    """The training pictures on a GPU, where steps find them by their rows; None where they come with each step."""
    if backend != "jax" or config.device != "gpu" or processes.count > 1 or images.nbytes > _MOST_HELD_BYTES:
        return None
    import jax

    return jax.device_put(images)


def build_stepper(
    model: keras.Model, config: TrainConfig, backend: str, processes: Processes = ALONE, held: Any = None
) -> Stepper:
    """The stepper for `backend`, around `model` as built by `inksight.models.build`. Only JAX knows several processes.

    held: what `held_images` gave.
    """
    first, *others = members_of(model)
    if backend != "jax":
        steppers: list[Stepper] = [KerasStepper(member, config) for member in (first, *others)]
        return SideBySide(steppers, config, at_once=1) if others else steppers[0]
    stepper = JaxStepper(first, config, processes, held=held)
    if not others:
        return stepper
    members = [stepper, *(JaxStepper(member, config, processes, like=stepper) for member in others)]
    return SideBySide(members, config, _AT_ONCE if processes.count == 1 else 1)  # all must compute in the same order


def logits_of(model: keras.Model) -> keras.Model:
    """The same layers, ending before the softmax."""
    import keras

    return keras.Model(model.input, model.get_layer("logits").output)


class JaxStepper:
    """All of a step in one compiled function; its state is donated, so that it is updated in place."""

    def __init__(
        self,
        model: keras.Model,
        config: TrainConfig,
        processes: Processes = ALONE,
        like: JaxStepper | None = None,
        held: Any = None,
    ) -> None:
        """like: a stepper of the same network and config; what it compiles and holds serves this one too."""
        import jax

        self._processes = processes
        self._held: Any = like._held if like else held
        self._precision = config.precision
        self._model = logits_of(model)
        self._optimizer = build_optimizer(config)
        self._loss = build_loss(config)
        self._averaging = config.weight_averaging
        if jax.default_backend() == "cpu":
            from inksight.training.gradients import use_fast_gradients

            use_fast_gradients(model)
        _build_without_compiling(self._optimizer, self._model, config)
        self._learning_rate = [v.path for v in self._optimizer.variables].index(self._optimizer.learning_rate.path)
        trainable = [processes.whole(variable.value) for variable in self._model.trainable_variables]
        fixed = [processes.whole(variable.value) for variable in self._model.non_trainable_variables]
        average = [processes.whole(value) for value in (*trainable, *fixed)] if self._averaging else []
        optimizer = [processes.whole(variable.value) for variable in self._optimizer.variables]
        self._state = (trainable, fixed, average, optimizer)
        self._totals = self._no_totals()
        self._update: Any = like._update if like else processes.compiled(self._updated, donate_argnums=0)
        self._forward: Any = like._forward if like else processes.compiled(self._measured)

    def step(self, images: np.ndarray, targets: np.ndarray, weights: np.ndarray, learning_rate: float) -> None:
        """See Stepper. Returns while the device still works, at most one step ahead of it."""
        before = self._totals
        if images.ndim == 1:
            images = self._held[images]
        batch = map(self._processes.joined, (images, targets, weights))
        self._state, self._totals = self._update(self._state, before, np.float32(learning_rate), *batch)
        before.block_until_ready()

    def totals(self, reset: bool = True) -> np.ndarray:
        """See Stepper."""
        totals = np.asarray(self._totals, np.float64)
        if reset:
            self._totals = self._no_totals()
        return totals

    def weights(self) -> Weights:
        """See Stepper."""
        variables = (*self._model.trainable_variables, *self._model.non_trainable_variables)
        kept = {variable.path: value for variable, value in zip(variables, self._kept(), strict=True)}
        return [np.array(kept[variable.path]) for variable in self._model.weights]

    def measure(self, images: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See Stepper."""

        def forward(*batch: np.ndarray) -> tuple[Any, Any]:
            parts = (self._processes.joined(self._processes.part(each)) for each in batch)
            probabilities, losses = self._forward(self._kept(), *parts)
            return np.asarray(probabilities)[: len(batch[0])], np.asarray(losses)[: len(batch[0])]

        return _in_batches(forward, images, targets)

    def state(self) -> list[np.ndarray]:
        """See Stepper."""
        import jax

        return [np.array(value) for value in (*jax.tree.leaves(self._state), self._totals)]

    def restore(self, state: list[np.ndarray]) -> None:
        """See Stepper."""
        import jax

        *values, self._totals = map(self._processes.whole, state)
        self._state = jax.tree.unflatten(jax.tree.structure(self._state), values)

    def _no_totals(self) -> Any:
        """Where all are as they will be after a step: what was laid out otherwise would be compiled for once more."""
        return self._processes.whole(np.zeros(3, np.float32))

    def _kept(self) -> list[Any]:
        """The running mean if there is one, else the weights; trainable ones first."""
        trainable, fixed, average, _ = self._state
        return average or [*trainable, *fixed]

    def _measured(self, kept: list[Any], images: Any, targets: Any) -> tuple[Any, Any]:
        import jax

        count = len(self._model.trainable_variables)
        logits, _ = self._model.stateless_call(kept[:count], kept[count:], images, training=False)
        return jax.nn.softmax(logits), self._loss(targets, logits)

    def _updated(self, state: Any, totals: Any, rate: Any, images: Any, targets: Any, weights: Any) -> Any:
        """The step itself, traced once: (state, totals) -> (state, totals)."""
        import jax
        import jax.numpy as jnp

        trainable, fixed, average, optimizer = state

        def objective(trainable: list[Any]) -> tuple[Any, Any]:
            with computing_in(self._model, self._precision):
                logits, updated = self._model.stateless_call(trainable, fixed, images, training=True)
            return (self._loss(targets, logits) * weights).mean(), (updated, logits)

        (loss, (fixed, logits)), gradients = jax.value_and_grad(objective, has_aux=True)(trainable)
        step = optimizer[0].astype(jnp.float32)
        optimizer = [*optimizer[: self._learning_rate], rate, *optimizer[self._learning_rate + 1 :]]
        trainable, optimizer = self._optimizer.stateless_apply(optimizer, gradients, trainable)
        if average:
            keep = averaging_decay(self._averaging, step, jnp.minimum)
            average = [_toward(old, new, keep) for old, new in zip(average, (*trainable, *fixed), strict=True)]
        count, correct = len(images), (logits.argmax(1) == targets.argmax(1)).sum()
        return (trainable, fixed, average, optimizer), totals + jnp.stack([loss * count, correct * 1.0, count * 1.0])


class KerasStepper:
    """Keras's own trainer, for TensorFlow and PyTorch."""

    def __init__(self, model: keras.Model, config: TrainConfig) -> None:
        import keras

        # PyTorch's dropout draws from its own generator, whatever Keras holds.
        self._torch = importlib.import_module("torch") if keras.backend.backend() == "torch" else None
        if self._torch is not None:
            self._torch.manual_seed(config.seed)
        self._model = logits_of(model)
        self._optimizer = build_optimizer(config)
        self._loss = build_loss(config)
        self._model.compile(self._optimizer, loss=self._loss, metrics=["categorical_accuracy"])
        self._precision = config.precision
        self._averaging = config.weight_averaging
        self._average: Weights = []
        self._steps = 0
        self._totals = np.zeros(3)

    def step(self, images: np.ndarray, targets: np.ndarray, weights: np.ndarray, learning_rate: float) -> None:
        """See Stepper."""
        self._optimizer.learning_rate = learning_rate
        with computing_in(self._model, self._precision):
            found = self._model.train_on_batch(images, targets, sample_weight=weights, return_dict=True)
        self._totals += np.array([found["loss"], found["categorical_accuracy"], 1.0]) * len(images)
        if self._averaging:
            keep = averaging_decay(self._averaging, self._steps, min)
            weights_now = self._model.get_weights()
            before = self._average or weights_now
            self._average = [_toward(old, new, keep) for old, new in zip(before, weights_now, strict=True)]
        self._steps += 1

    def totals(self, reset: bool = True) -> np.ndarray:
        """See Stepper."""
        totals = self._totals.copy()
        if reset:
            self._totals = np.zeros(3)
        return totals

    def weights(self) -> Weights:
        """See Stepper."""
        return [value.copy() for value in self._average or self._model.get_weights()]

    def measure(self, images: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See Stepper."""
        current = self._model.get_weights()
        self._model.set_weights(self.weights())
        result = _in_batches(self._measured, images, targets)
        self._model.set_weights(current)
        return result

    def state(self) -> list[np.ndarray]:
        """See Stepper."""
        import keras

        values = [np.array(keras.ops.convert_to_numpy(variable)) for variable in self._variables()]
        drawn = [] if self._torch is None else [self._torch.get_rng_state().numpy()]
        return [np.array(self._steps), self._totals.copy(), *drawn, *values, *(each.copy() for each in self._average)]

    def restore(self, state: list[np.ndarray]) -> None:
        """See Stepper."""
        steps, self._totals, *rest = state
        self._steps = int(steps)
        if self._torch is not None:
            self._torch.set_rng_state(self._torch.from_numpy(rest.pop(0)))
        variables = self._variables()
        for variable, value in zip(variables, rest, strict=False):  # the running mean stands behind them
            variable.assign(value)
        self._average = rest[len(variables) :]

    def _variables(self) -> list[Any]:
        """The model's and the optimizer's, in an order that is the same in every process."""
        if not self._optimizer.built:
            self._optimizer.build(self._model.trainable_variables)
        return [*self._model.variables, *self._optimizer.variables]

    def _measured(self, images: np.ndarray, targets: np.ndarray) -> tuple[Any, Any]:
        import keras

        logits = self._model.predict_on_batch(images)
        return keras.ops.softmax(logits), self._loss(keras.ops.convert_to_tensor(targets), logits)


class SideBySide:
    """The members of an ensemble, each with a stepper of its own, on the same batches.

    Some are worked on at once, each in a thread: XLA spreads the operations of one small network badly over the cores,
    but two networks fill them.
    """

    def __init__(self, steppers: Sequence[Stepper], config: TrainConfig, at_once: int) -> None:
        self._steppers = list(steppers)
        self._loss = build_loss(config)
        self._at_once = at_once
        self._workers: list[ThreadPoolExecutor] = []
        self._running: list[Future[None]] = []

    def step(self, images: np.ndarray, targets: np.ndarray, weights: np.ndarray, learning_rate: float) -> None:
        """See Stepper. Returns while the members still work."""
        self._wait()

        def take(steppers: Sequence[Stepper]) -> None:
            for stepper in steppers:
                stepper.step(images, targets, weights, learning_rate)

        if self._at_once == 1:
            take(self._steppers)
        elif not self._workers:  # the first step compiles: one after the other, so that it is done once
            take(self._steppers)
            self._workers = [ThreadPoolExecutor(1, thread_name_prefix="members") for _ in range(self._at_once)]
        else:
            shares = [self._steppers[number :: self._at_once] for number in range(self._at_once)]
            self._running = [worker.submit(take, share) for worker, share in zip(self._workers, shares, strict=True)]

    def totals(self, reset: bool = True) -> np.ndarray:
        """See Stepper; the mean over the members."""
        self._wait()
        totals: np.ndarray = np.mean([stepper.totals(reset) for stepper in self._steppers], axis=0)
        return totals

    def weights(self) -> Weights:
        """See Stepper."""
        self._wait()
        return [weight for stepper in self._steppers for weight in stepper.weights()]

    def measure(self, images: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See Stepper; of the members together, their logits averaged."""
        import keras

        self._wait()
        tiny = np.finfo(np.float32).tiny
        logs = [np.log(np.maximum(stepper.measure(images, targets)[0], tiny)) for stepper in self._steppers]
        logits = keras.ops.convert_to_tensor(np.mean(logs, axis=0))
        losses = self._loss(keras.ops.convert_to_tensor(targets), logits)
        return keras.ops.convert_to_numpy(keras.ops.softmax(logits)), keras.ops.convert_to_numpy(losses)

    def state(self) -> list[np.ndarray]:
        """See Stepper; one member's after the other."""
        self._wait()
        return [value for stepper in self._steppers for value in stepper.state()]

    def restore(self, state: list[np.ndarray]) -> None:
        """See Stepper; every member has the same share of it."""
        each = len(state) // len(self._steppers)
        for number, stepper in enumerate(self._steppers):
            stepper.restore(state[number * each : (number + 1) * each])

    def _wait(self) -> None:
        """Until the step at hand is done; its errors come out here."""
        for future in self._running:
            future.result()
        self._running = []


def averaging_decay(decay: float, step: Any, least: Callable[[Any, Any], Any]) -> Any:
    """Decay of the running mean at `step` (0 first): short at first, so that the first weights are soon forgotten.

    `least` is the minimum function of the numbers at hand. Source: TensorFlow's ExponentialMovingAverage.
    """
    return least(decay, (1 + step) / (10 + step))


def _toward(old: Any, new: Any, keep: Any) -> Any:
    """Moves a running mean; what is no float (a seed's state) is taken as it is."""
    return keep * old + (1 - keep) * new if "float" in str(new.dtype) else new


def _in_batches(
    function: Callable[..., tuple[Any, Any]], images: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Runs `function` over batches of one size, the last overlapping the one before, so that it is compiled once."""
    import keras

    size = min(pictures_at_once(images.shape[1]), len(images))
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    for start in range(0, len(images), size):
        first = min(start, len(images) - size)
        found = function(images[first : first + size], targets[first : first + size])
        probabilities, losses = (keras.ops.convert_to_numpy(each)[start - first :] for each in found)
        parts.append((probabilities, losses))
    probabilities, losses = (np.concatenate(each) for each in zip(*parts, strict=True))
    return probabilities, losses


def _build_without_compiling(optimizer: keras.Optimizer, model: keras.Model, config: TrainConfig) -> None:
    """Makes the optimizer's variables by NumPy; Nadam has one that only Keras itself can make."""
    if config.optimizer == "nadam":
        optimizer.build(model.trainable_variables)
        return
    with drawn_from(config.seed) as draw:
        optimizer.build(model.trainable_variables)
        draw(optimizer)
