"""What a training runs on and in which numbers; the paths of a GPU are run here too, on the CPU."""

import json
import os
import shutil
import stat
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from inksight.config import TrainConfig, preset
from inksight.errors import EngineError
from inksight.export.onnx import TOLERANCE
from inksight.training.batches import Batches
from inksight.training.device import anywhere, best_precision, resolve_device, what_hides
from inksight.training.finalize import export
from inksight.training.fit import fit
from inksight.training.session import build_model

FAST = replace(preset("quick"), filters=8, batch_size=100, epochs=2, least_steps=0, first_layer="learned")


def weights(data, config):
    model = build_model(data, config)
    fit(model, data, config, "jax")
    return model.get_weights()


def test_auto_is_what_is_there():
    config = resolve_device(TrainConfig(), "jax")
    assert (config.backend, config.device, config.precision) == ("jax", "cpu", "float32")
    assert resolve_device(TrainConfig(device="cpu", precision="bfloat16"), "jax").precision == "bfloat16"


@pytest.mark.parametrize(
    ("capability", "precision"), [("9.0", "bfloat16"), ("8.0", "bfloat16"), ("7.5", "float32"), ("gfx90a", "float32")]
)
def test_bfloat16_where_a_gpu_has_it(capability, precision):
    assert best_precision(capability) == precision


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="a GPU is here")
def test_a_gpu_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    wanted = TrainConfig(device="gpu")
    with pytest.raises(EngineError, match="a GPU was wanted, and jax sees none: nvidia-smi is not there. Leave device"):
        resolve_device(wanted, "jax")
    program = tmp_path / "nvidia-smi"  # what the driver's own program prints on a machine with a card
    program.write_text("#!/bin/sh\necho 'NVIDIA L4, 23034 MiB, 580.65.06'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(EngineError, match=r"the driver has NVIDIA L4, .* pip install \"inksight\[gpu\]\""):
        resolve_device(wanted, "jax")
    for name, value in (("JAX_PLATFORMS", "cpu"), ("CUDA_VISIBLE_DEVICES", "")):
        with monkeypatch.context() as context:
            context.setenv(name, value)
            with pytest.raises(EngineError, match=f"{name}={value} hides it. Unset {name} and start a new process"):
                resolve_device(wanted, "jax")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")  # as on shared machines; hides nothing from who has the first
    monkeypatch.setenv("KERAS_TORCH_DEVICE", "cpu")  # which JAX does not read
    assert what_hides("jax") is None and what_hides("torch") == "KERAS_TORCH_DEVICE=cpu"


def test_what_broke_off_on_a_gpu_goes_on_anywhere():
    assert anywhere(TrainConfig(device="gpu")).device == "auto"
    assert anywhere(TrainConfig(device="cpu")).device == "cpu"


@pytest.mark.slow
def test_the_command_says_what_it_trained_on(small_npz, command):
    here, few = small_npz.parent, ("train", "small.npz", "--epochs", "1", "--json")
    done = command(here, *few, "--device", "gpu")
    if done.returncode == 0:
        pytest.skip("a GPU is here")
    assert "Error: a GPU was wanted, and jax sees none" in done.stderr
    assert not (here / "runs").exists()
    cuda = {**os.environ, "JAX_PLATFORMS": "cuda"}  # JAX looks for nothing else, and fails
    done = command(here, *few, env=cuda)
    assert done.returncode == 1
    assert "Error: JAX finds nothing to compute on" in done.stderr and "JAX_PLATFORMS is cuda" in done.stderr
    done = command(here, *few, "--device", "cpu", env=cuda)  # forced, whatever the environment says
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["device"], answer["precision"]) == ("cpu", "float32")
    config = json.loads((here / answer["run"] / "config.json").read_text())
    assert (config["device"], config["precision"]) == ("cpu", "float32")
    assert "--device" not in config["command"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        pytest.param({"members": 2, "dropout": 0.3}, marks=pytest.mark.slow),
        pytest.param({"rotation_deg": 8.0, "plain_epochs": 1.0, "epochs": 4}, marks=pytest.mark.slow),
    ],
)
def test_pictures_that_the_device_holds_give_the_very_same_weights(small_mnist, changes):
    config = replace(FAST, **changes)
    plain, held = (weights(small_mnist, replace(config, device=device)) for device in ("cpu", "gpu"))
    assert all(np.array_equal(a, b) for a, b in zip(plain, held, strict=True))


def test_rows_are_given_for_pictures_as_they_are(small_mnist):
    config = replace(FAST, rotation_deg=8.0, plain_epochs=1.0)
    batches = Batches(small_mnist.train, 10, config, as_rows=True)
    batches.plain_from = 2
    kinds = [batch.images.ndim for batch in islice(batches, 4)]
    assert kinds == [4, 4, 1, 1]
    batch = next(iter(Batches(small_mnist.train, 10, replace(FAST, outliers=0.1), as_rows=True)))
    assert batch.images.ndim == 4


@pytest.mark.parametrize("net", ["strided", pytest.param("compact", marks=pytest.mark.slow)])
@pytest.mark.slow
def test_bfloat16_learns_as_well_and_exports_in_float32(small_mnist, net):
    config = replace(FAST, net=net, epochs=4)
    scores = {}
    for precision in ("float32", "bfloat16"):
        model = build_model(small_mnist, config)
        fitted = fit(model, small_mnist, replace(config, precision=precision), "jax")
        facts = dict.fromkeys(("preset", "backend", "seed", "command", "data", "versions", "started"))
        difference, _ = export(model, small_mnist, facts)
        assert difference <= TOLERANCE
        assert {str(weight.dtype) for weight in model.get_weights()} == {"float32"}
        assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
        scores[precision] = (fitted.history[-1]["val_accuracy"], model.get_weights())
    assert abs(scores["bfloat16"][0] - scores["float32"][0]) <= 0.02
    assert not all(np.array_equal(a, b) for a, b in zip(scores["float32"][1], scores["bfloat16"][1], strict=True))
