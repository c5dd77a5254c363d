"""The loop and its steps on a small part of real MNIST."""

import os
import signal
import time
from dataclasses import astuple, replace
from typing import ClassVar

import numpy as np
import pytest

from inksight.callbacks import Callback
from inksight.config import LOSSES, OPTIMIZERS, TrainConfig, preset
from inksight.data.dataset import Split
from inksight.errors import EngineError, UsageError
from inksight.models import build
from inksight.models.ensemble import members_of
from inksight.training.batches import Batches
from inksight.training.fit import fit
from inksight.training.objective import build_loss, build_optimizer
from inksight.training.stepper import JaxStepper, KerasStepper, build_stepper

FAST = replace(preset("quick"), filters=8, batch_size=100, epochs=2, least_steps=0)


def trained(data, config=FAST, **options):
    model = build(config.net, (28, 28, 1), 10, config.knobs, config.seed)
    return model, fit(model, data, config, "jax", **options)


def accuracy(model, split) -> float:
    return float((np.asarray(model(split.images[..., None])).argmax(1) == split.labels).mean())


def test_it_learns_and_tells_its_course(small_mnist):
    model, fitted = trained(small_mnist)
    assert accuracy(model, small_mnist.test) > 0.85
    assert fitted.ended == "finished" and fitted.epochs == 2
    first, last = fitted.history[0], fitted.history[-1]
    assert last["loss"] < first["loss"] and last["step"] == 40 and last["epoch"] == 2
    assert {"val_loss", "val_accuracy"} <= set(last)
    assert len(fitted.history) == 20


def test_loss_and_accuracy_of_an_epoch_are_those_of_keras_fit(small_mnist):
    """`keras.Model.fit` on the same batches from the same start is the oracle, over two epochs."""
    import keras

    config = TrainConfig(epochs=2, dropout=0.0, filters=8)
    batches = Batches(small_mnist.train, 10, config)
    model = build("tutorial", (28, 28, 1), 10, config.knobs, 0)
    model.compile(keras.optimizers.Adam(0.001), "categorical_crossentropy", metrics=["accuracy"])
    expected, stream = [], iter(batches)
    for _ in range(2):
        images, targets, _ = zip(*(astuple(next(stream)) for _ in range(batches.per_epoch)), strict=True)
        images, targets = np.concatenate(images), np.concatenate(targets)
        found = model.fit(images, targets, batch_size=32, shuffle=False, verbose=0).history
        expected.append((found["loss"][0], found["accuracy"][0]))
    stream.close()
    _, fitted = trained(small_mnist, config)
    ends = [row for row in fitted.history if row["epoch"] in (1.0, 2.0)]
    for row, (loss, accuracy_) in zip(ends, expected, strict=True):
        assert row["loss"] == pytest.approx(loss, rel=0.01)
        assert row["accuracy"] == pytest.approx(accuracy_, abs=0.003)


def test_a_row_between_two_epochs_is_a_mean_over_an_epoch_or_more(small_mnist):
    """A network that learns nothing tells the mean of exactly the batches that a row covers."""
    config = replace(FAST, learning_rate=1e-9, schedule="constant", epochs=50, first_layer="learned", dropout=0.0)
    model, fitted = trained(small_mnist, config, callback=Interrupter(45))
    rows = {row["step"]: row for row in fitted.history}
    *ends, last = rows
    assert ends == [20, 40] and 45 <= last < 60
    stream = iter(Batches(small_mnist.train, 10, config))
    batches = [next(stream) for _ in range(last)]
    stream.close()
    right = [model.predict(each.images, verbose=0).argmax(1) == each.targets.argmax(1) for each in batches]
    for step, first in ((20, 0), (40, 20), (last, 20)):
        assert rows[step]["accuracy"] == pytest.approx(np.concatenate(right[first:step]).mean(), abs=0.002)


def test_the_bar_shows_the_means_of_the_epoch_so_far(small_mnist):
    class Collector(Callback):
        seen: ClassVar[list] = []
        ends: ClassVar[list] = []

        def step(self, done, planned, running):
            self.seen.append((done, planned, dict(running)))

        def epoch(self, number, epochs, row):
            self.ends.append((number, epochs, row))

    _, fitted = trained(small_mnist, callback=Collector())
    done, planned, running = Collector.seen[-1]
    assert (done, planned, running["epoch"]) == (40, 40, 2.0)
    assert {running["epochs"] for _, _, running in Collector.seen} == {2}
    last = fitted.history[-1]
    assert running["loss"] == pytest.approx(last["loss"]) and running["accuracy"] == pytest.approx(last["accuracy"])
    assert [(number, epochs) for number, epochs, _ in Collector.ends] == [(1, 2), (2, 2)]


def test_a_seed_repeats_bit_for_bit(small_mnist):
    config = replace(FAST, dropout=0.3, strokes=0.5, rotation_deg=10.0)
    (first, _), (again, _), (other, _) = (
        trained(small_mnist, each) for each in (config, config, replace(config, seed=1))
    )
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), again.get_weights(), strict=True))
    assert not np.array_equal(first.get_weights()[0], other.get_weights()[0])


@pytest.mark.parametrize(
    "net", ["strided", *(pytest.param(net, marks=pytest.mark.slow) for net in ("tutorial", "compact"))]
)
def test_our_jax_step_is_keras_own_step(small_mnist, net):
    """Keras's train_on_batch is the oracle: same weights after a few steps from the same start."""
    config = TrainConfig(net=net, optimizer="adamw", weight_decay=0.01, label_smoothing=0.05, dropout=0.0)
    images = small_mnist.train.images[:96, ..., None].reshape(3, 32, 28, 28, 1)
    targets = np.eye(10, dtype=np.float32)[small_mnist.train.labels[:96]].reshape(3, 32, 10)
    weights = np.linspace(0.5, 1.5, 32, dtype=np.float32)
    results = []
    for stepper_class in (JaxStepper, KerasStepper):
        stepper = stepper_class(build(net, (28, 28, 1), 10, config.knobs, 0), config)
        for batch in range(3):
            stepper.step(images[batch], targets[batch], weights, 0.002)
        means = stepper.totals()[:2] / 96
        results.append((stepper.weights(), means, *stepper.measure(images[0], targets[0])))
    (ours, our_means, our_probabilities, our_losses), (theirs, their_means, their_probabilities, their_losses) = results
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)
    assert our_means == pytest.approx(their_means, abs=0.011)
    np.testing.assert_allclose(our_probabilities, their_probabilities, atol=5e-3)
    np.testing.assert_allclose(our_losses, their_losses, atol=0.02)


@pytest.mark.slow
def test_the_running_mean_is_the_mean_of_the_weights(small_mnist):
    """Followed by hand, step by step, over every weight: batch normalisation's statistics too."""
    images = small_mnist.train.images[:64, ..., None]
    targets = np.eye(10, dtype=np.float32)[small_mnist.train.labels[:64]]
    plain = TrainConfig(net="compact", learning_rate=0.01)
    steppers = [
        JaxStepper(build("compact", (28, 28, 1), 10, {}, 0), replace(plain, weight_averaging=decay))
        for decay in (0.0, 0.5)
    ]
    expected = steppers[0].weights()
    for step in range(4):
        for stepper in steppers:
            stepper.step(images, targets, np.ones(64, np.float32), 0.01)
        keep = min(0.5, (1 + step) / (10 + step))
        expected = [keep * e + (1 - keep) * w for e, w in zip(expected, steppers[0].weights(), strict=True)]
    for a, b in zip(steppers[1].weights(), expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.slow
def test_members_side_by_side_learn_as_each_would_alone(small_mnist):
    """The members of an ensemble, trained in threads, against the same networks trained one by one."""
    config = replace(FAST, net="compact", weight_averaging=0.9, label_smoothing=0.0, members=3)
    together = build("compact", (28, 28, 1), 10, {"filters": 8}, 0, members=3)
    alone = members_of(build("compact", (28, 28, 1), 10, {"filters": 8}, 0, members=3))
    stepper = build_stepper(together, config, "jax")
    singles = [JaxStepper(member, config) for member in alone]
    images = small_mnist.train.images[:300, ..., None].reshape(3, 100, 28, 28, 1)
    targets = np.eye(10, dtype=np.float32)[small_mnist.train.labels[:300]].reshape(3, 100, 10)
    for batch in range(3):
        for each in (stepper, *singles):
            each.step(images[batch], targets[batch], np.ones(100, np.float32), 0.003)
    expected = [weight for single in singles for weight in single.weights()]
    for a, b in zip(stepper.weights(), expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert stepper.totals() == pytest.approx(np.mean([single.totals() for single in singles], axis=0))
    probabilities, losses = stepper.measure(images[0], targets[0])
    together.set_weights(stepper.weights())
    np.testing.assert_allclose(probabilities, np.asarray(together(images[0])), atol=1e-5)
    assert losses == pytest.approx(-np.log(probabilities[np.arange(100), targets[0].argmax(1)]), abs=1e-4)


@pytest.mark.slow
def test_an_ensemble_trains_and_repeats(small_mnist):
    config = replace(FAST, members=2)

    def ensemble():
        model = build(config.net, (28, 28, 1), 10, config.knobs, 0, members=2)
        return model, fit(model, small_mnist, config, "jax")

    (first, fitted), (again, _) = ensemble(), ensemble()
    assert accuracy(first, small_mnist.test) > 0.85 and "val_accuracy" in fitted.history[-1]
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), again.get_weights(), strict=True))


def test_it_stops_at_its_target(small_mnist):
    config = replace(FAST, epochs=30, target=0.8)
    model, fitted = trained(small_mnist, config)
    *before, last = fitted.history
    assert fitted.ended == "target reached" and fitted.epochs < 30
    assert last["val_accuracy"] >= 0.8 and all(row["val_accuracy"] < 0.8 for row in before)
    assert accuracy(model, small_mnist.validation) == pytest.approx(last["val_accuracy"], abs=1e-6)


def test_a_target_keeps_the_weights_that_reached_it(small_mnist):
    """Early stopping keeps those of the least loss; where the target ends the training they may be others."""
    model, fitted = trained(small_mnist, replace(FAST, epochs=30, target=0.8, early_stopping=20))
    assert fitted.ended == "target reached"
    assert accuracy(model, small_mnist.validation) == pytest.approx(fitted.history[-1]["val_accuracy"], abs=1e-6)


def test_a_target_out_of_reach_stops_nothing(small_mnist):
    _, fitted = trained(small_mnist, replace(FAST, target=1.0))
    assert fitted.ended == "finished" and fitted.epochs == 2


@pytest.mark.parametrize(
    "optimizer",
    [name if name in ("adam", "muon") else pytest.param(name, marks=pytest.mark.slow) for name in OPTIMIZERS],
)
def test_every_optimizer_takes_steps_downhill(small_mnist, optimizer):
    config = TrainConfig(net="strided", filters=8, optimizer=optimizer)
    rate = {"adadelta": 1.0, "adagrad": 0.05, "sgd": 0.05, "lion": 0.0005}.get(optimizer, 0.003)
    stepper = JaxStepper(build("strided", (28, 28, 1), 10, config.knobs, 0), config)
    images = small_mnist.train.images[:200, ..., None]
    targets = np.eye(10, dtype=np.float32)[small_mnist.train.labels[:200]]
    losses = []
    for _ in range(30):
        stepper.step(images, targets, np.ones(200, np.float32), rate)
        losses.append(stepper.totals()[0])
    assert losses[-1] < 0.9 * losses[0]


def test_muon_makes_the_steps_of_kernels_orthogonal(small_mnist):
    """Newton and Schulz in NumPy, and the true polar factor of the gradient, say where the kernel goes."""
    config = TrainConfig(net="strided", filters=8, optimizer="muon", momentum=0.9, learning_rate=0.01)
    model = build("strided", (28, 28, 1), 10, config.knobs, 0)
    kernel = model.get_layer("convolution_2").kernel
    before = np.asarray(kernel)
    gradients = [np.random.default_rng(each).normal(size=kernel.shape).astype(np.float32) for each in (0, 1)]
    optimizer = build_optimizer(config)
    expected, momentum = before.reshape(-1, before.shape[-1]), 0.0
    for gradient in gradients:
        optimizer.apply([gradient], [kernel])
        matrix = gradient.reshape(-1, before.shape[-1])
        momentum = 0.9 * momentum + matrix
        direction = (matrix + 0.9 * momentum).T
        x = direction / np.linalg.norm(direction)
        for _ in range(5):
            square = x @ x.T
            x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
        assert np.linalg.svd(x)[1].min() > 0.6 and np.linalg.svd(x)[1].max() < 1.3
        left, _, right = np.linalg.svd(direction, full_matrices=False)
        assert (x * (left @ right)).sum() / np.linalg.norm(x) / np.linalg.norm(left @ right) > 0.97
        expected = expected - 0.01 * 0.2 * np.sqrt(max(x.shape)) * x.T
    np.testing.assert_allclose(np.asarray(kernel).reshape(expected.shape), expected, atol=1e-5)


def test_muon_leaves_the_last_layer_to_adamw():
    config = TrainConfig(net="strided", filters=8, optimizer="muon", learning_rate=0.01)
    model = build("strided", (28, 28, 1), 10, config.knobs, 0)
    kernel = model.get_layer("logits").kernel
    before = np.asarray(kernel)
    build_optimizer(config).apply([np.ones(kernel.shape, np.float32)], [kernel])
    np.testing.assert_allclose(np.asarray(kernel), before - 0.01, atol=1e-5)  # Adam's first step is the rate itself


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_is_least_where_the_answer_is_right(loss):
    function = build_loss(TrainConfig(loss=loss))
    targets = np.eye(4, dtype=np.float32)
    right, wrong = np.eye(4, dtype=np.float32) * 9, np.roll(np.eye(4, dtype=np.float32), 1, 0) * 9
    assert np.asarray(function(targets, right)).shape == (4,)
    assert (np.asarray(function(targets, right)) < np.asarray(function(targets, wrong))).all()


@pytest.mark.parametrize(
    "choices, text",
    [
        ({"optimizer": "adagrad", "momentum": 0.5}, "the optimizer adagrad has no momentum"),
        ({"optimizer": "sgd", "beta_2": 0.5}, "the optimizer sgd has no beta_2"),
    ],
)
def test_a_setting_the_optimizer_does_not_have_is_refused(choices, text):
    with pytest.raises(UsageError, match=text):
        build_optimizer(TrainConfig(**choices))


def test_divergence_is_an_error_that_names_the_rate(small_mnist):
    with pytest.raises(
        EngineError, match=r"the training diverged: the loss is (nan|inf).*smaller learning_rate than 100"
    ):
        trained(small_mnist, TrainConfig(optimizer="sgd", learning_rate=100.0, epochs=2))


def test_early_stopping_keeps_the_best(small_mnist):
    config = replace(FAST, learning_rate=0.02, schedule="constant", epochs=40, early_stopping=2)
    model, fitted = trained(small_mnist, config)
    losses = [row["val_loss"] for row in fitted.history if "val_loss" in row]
    assert fitted.ended == "early stopping"
    assert len(losses) - 1 - int(np.argmin(losses)) == 2
    probabilities = np.asarray(model(small_mnist.validation.images[..., None]))
    targets = np.eye(10)[small_mnist.validation.labels] * (1 - config.label_smoothing) + config.label_smoothing / 10
    entropy = -(targets * np.log(np.maximum(probabilities, 1e-12))).sum(1).mean()
    assert entropy == pytest.approx(min(losses), rel=1e-3)


@pytest.mark.slow
def test_one_epoch_of_an_augmenting_preset_still_augments(small_mnist):
    """`standard` ends with one plain epoch of four; of a single epoch that may not be all of it."""
    config = replace(preset("standard"), net="strided", filters=8, epochs=1, least_steps=0)
    plain = replace(config, rotation_deg=0.0, scale=0.0, shear=0.0, shift_px=0.0, strokes=0.0)
    (augmented, _), (untouched, _) = trained(small_mnist, config), trained(small_mnist, plain)
    assert not np.array_equal(augmented.get_weights()[0], untouched.get_weights()[0])


@pytest.mark.slow
def test_a_time_limit_ends_the_training_with_its_schedule(small_mnist):
    _, fitted = trained(small_mnist, replace(FAST, epochs=100_000), ends_at=time.monotonic() + 4)
    assert fitted.ended == "time limit"
    assert fitted.history[-1]["learning_rate"] < 0.05 * FAST.learning_rate


class Interrupter(Callback):
    """Presses Ctrl-C after a number of steps."""

    def __init__(self, after: int) -> None:
        self.after = after

    def step(self, done, planned, running):
        if done == self.after:
            os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_keeps_what_was_learned(small_mnist):
    before = signal.getsignal(signal.SIGINT)  # a shell ignores it for what it starts in the background
    model, fitted = trained(small_mnist, replace(FAST, epochs=50), callback=Interrupter(45))
    assert fitted.ended == "interrupted" and fitted.epochs < 3
    assert accuracy(model, small_mnist.test) > 0.6
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_before_the_first_step_ends_after_it(small_mnist, monkeypatch):
    def interrupted_build(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        return build_stepper(*arguments)

    monkeypatch.setattr("inksight.training.fit.build_stepper", interrupted_build)
    _, fitted = trained(small_mnist)
    assert fitted.ended == "interrupted" and fitted.history[-1]["step"] == 1


@pytest.mark.slow
def test_balanced_weights_help_the_rare_class(small_mnist):
    """1 in 60 pictures is a 7, the others are 1s: unweighted, a short training hardly sees it."""
    train, test = small_mnist.train, small_mnist.test
    keep = np.concatenate([np.flatnonzero(train.labels == 1)[:180], np.flatnonzero(train.labels == 7)[:3]])
    rare = replace(small_mnist, train=Split(train.images[keep], train.labels[keep]), validation=None)
    sevens = Split(test.images[test.labels == 7], test.labels[test.labels == 7])
    config = replace(FAST, validation=0.0, batch_size=61, epochs=6, learning_rate=0.003)
    recalls = [accuracy(trained(rare, replace(config, class_weight=kind))[0], sevens) for kind in ("none", "balanced")]
    assert recalls[1] > recalls[0] + 0.2
