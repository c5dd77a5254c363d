"""What works beyond one machine before Ray is there: plans, points, and what is refused."""

import math
import sys
from dataclasses import replace

import numpy as np
import pytest

from inksight.cli import main
from inksight.cluster import Cluster
from inksight.config import PRESETS, TrainConfig, preset
from inksight.errors import EngineError, UsageError
from inksight.models import engine
from inksight.search.tune import space
from inksight.search.tune.plan import make_plan
from inksight.search.tune.trial import run_trial
from inksight.training.fit import fit
from inksight.training.session import build_model
from inksight.training.workers import WorkerGroup


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["a.png", "--batch", "x", "--out", "a.parquet"], "--batch came with a.png beside it; give either"),
        (["--batch", "x"], "--batch needs a place for the answers: --out answers.parquet"),
        (
            ["a.png", "--out", "answers/"],
            "FILE.parquet was expected. FOLDER/ is for --batch only.",
        ),
        (["a.png", "--ray-address", "auto"], "--ray-address is of --batch only"),
        ([], "no picture came. Give files, folders or NAME:SPLIT/INDEX; or --batch SOURCE"),
    ],
)
def test_wrong_usage_of_the_command(command, tmp_path, arguments, text):
    done = command(tmp_path, "predict", *arguments)
    assert done.returncode == 2 and text in done.stderr and done.stdout == ""


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (
            TrainConfig(batch_size=100),
            "100 pictures cannot be divided evenly among 3 workers.*99 for instance",
        ),
        (TrainConfig(batch_size=99, backend="torch"), "on jax only, not on torch"),
    ],
)
def test_work_that_cannot_be_shared(small_mnist, config, text):
    with pytest.raises(UsageError, match=text):
        WorkerGroup(3, Cluster("local", 1, 3)).require(small_mnist, config)


@pytest.mark.parametrize(
    ("gpus", "wanted", "taken"), [(0, "auto", "cpu"), (1, "auto", "cpu"), (2, "auto", "gpu"), (2, "cpu", "cpu")]
)
def test_a_gpu_for_each_or_for_none(gpus, wanted, taken):
    settled = WorkerGroup(2, Cluster("local", 1, 4, gpus)).resolve_device(TrainConfig(device=wanted))
    assert (settled.device, settled.precision) == (taken, "float32")


def test_fewer_gpus_than_workers():
    with pytest.raises(EngineError, match="need a GPU each, and there are 1 on this machine, 4 CPUs, 1 GPU. Give"):
        WorkerGroup(2, Cluster("local", 1, 4, 1)).resolve_device(TrainConfig(device="gpu"))


@pytest.mark.parametrize(
    "words, text",
    [
        (("--knob", "learning_rate"), 'the knob is "learning_rate"; a name and a range or values were wanted'),
        (("--knob", "learning_rte=1..2"), 'no knob "learning_rte". Did you mean learning_rate'),
        (("--knob", "learning_rate=0.1..0.01"), "searched from 0.1 to 0.01; the greater number was wanted last"),
        (("--knob", "learning_rate=0.1..1000"), "learning_rate is 1000.0; a number from 1e-09 to 100 was wanted"),
        (("--knob", "optimizer=adam..sgd"), "optimizer is searched from adam to sgd; only numbers have a range"),
        (("--knob", "batch_size=fast"), 'batch_size is "fast"; a whole number was wanted'),
        (("--knob", "batch_size=64"), "the search space is empty: each knob has a single value"),
        (("--knob", "epochs=1..3", "--epochs", "2"), "epochs is fixed and searched at once; leave one of the two out"),
        (("--knob", "seed=1,2"), "seed is no knob"),
        (("--optimizer", "sgd", "--beta-2", "0.9"), "the optimizer sgd has no beta_2; leave it out"),
        (("--latency", "fast"), 'the latency limit is "fast"; a time with us, ms or s was wanted'),
        (("--trials", "0"), "0 trials came; 1 to 100,000 were wanted"),
        (("--parallel", "0"), "0 trials at once came; at least 1 was wanted"),
        (("--preset", "quik"), 'no preset "quik". Did you mean quick'),
        pytest.param(
            ("--ray-address", "nowhere"), 'the Ray address is "nowhere"; auto or HOST:PORT', marks=pytest.mark.cluster
        ),
    ],
)
def test_wrong_usage_is_told_before_anything_is_trained(words, text, small_file, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["inksight", "tune", str(small_file), *words])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert text in capsys.readouterr().err


def test_what_is_fixed_stays_whatever_is_searched():
    fixed = {"first_layer": "whitened", "least_steps": 99}
    plan = make_plan("quick", {"filters": [8, 24], "epochs": "1..3"}, fixed, 5, None)
    config = plan.config(1, {"filters": 8, "epochs": 2})
    assert (config.first_layer, config.least_steps, config.filters, config.epochs) == ("whitened", 99, 8, 2)
    free = make_plan("quick", {"filters": [8, 24], "epochs": "1..3"}, {}, 5, None).config(
        1, {"filters": 8, "epochs": 2}
    )
    assert (free.first_layer, free.least_steps) == ("learned", 0)


def test_everything_fixed_leaves_nothing_to_search():
    fixed = {name: getattr(preset("quick"), name) for name in space.TABLE}
    with pytest.raises(
        UsageError, match="the search space is empty: every choice that is searched by default is fixed"
    ):
        make_plan("quick", None, fixed, 5, None)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_lies_in_its_own_default_space(name):
    plan = make_plan(name, None, {}, 5, None)
    assert plan.base_point is not None
    assert plan.config(1, plan.base_point) == replace(plan.base, momentum=plan.config(1, plan.base_point).momentum)
    assert {"rotation_deg", "strokes"} & plan.space.keys() if plan.base.augments else "learning_rate" in plan.space


def test_looks_do_not_change_a_training(small_mnist):
    engine.load_keras()
    config = replace(preset("quick"), least_steps=30)
    fitted = []
    for looks in ((), (0.1, 0.3)):
        model = build_model(small_mnist, config)
        history = fit(model, small_mnist, config, "jax", looks=looks).history
        fitted.append((history, [np.asarray(weight) for weight in model.get_weights()]))
    assert all(np.array_equal(a, b) for a, b in zip(fitted[0][1], fitted[1][1], strict=True))
    extra = {row["step"] for row in fitted[1][0] if "val_accuracy" in row} - {
        row["step"] for row in fitted[0][0] if "val_accuracy" in row
    }
    steps = fitted[1][0][-1]["step"]
    assert extra == {math.ceil(0.1 * steps), math.ceil(0.3 * steps)}


def test_a_network_that_is_too_slow_is_not_trained(small_mnist):
    told = []
    run_trial(small_mnist, preset("quick"), "jax", 1e-6, told.append)
    assert len(told) == 1 and told[0]["ended"] == "too slow" and told[0]["latency_ms"] > 1e-6
    assert told[0]["multiply_adds"] > 0 and told[0]["share"] == 0
