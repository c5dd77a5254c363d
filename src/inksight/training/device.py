"""What a training runs on and in which numbers: what was asked for against what is there."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from inksight.config import TrainConfig
from inksight.errors import EngineError
from inksight.models.engine import HIDDEN_HERE

_HAS_BFLOAT16 = 8.0  # NVIDIA's compute capability: Ampere and later
_NVIDIA_SMI_S = 10.0


def what_hides(backend: str) -> str | None:
    """`NAME=value` of the environment that keeps `backend` from a GPU; None where nothing does."""
    platforms = os.environ.get("JAX_PLATFORMS")
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES={os.environ['CUDA_VISIBLE_DEVICES']}"
    if backend == "jax" and platforms and not {"cuda", "gpu", "rocm"} & set(platforms.split(",")):
        return f"JAX_PLATFORMS={platforms}"
    if backend == "torch" and os.environ.get("KERAS_TORCH_DEVICE") == "cpu":
        return "KERAS_TORCH_DEVICE=cpu"
    return None


def gpus(backend: str) -> list[str]:
    """Names of the GPUs that `backend` computes on; Keras is loaded with it."""
    return _SEEN[backend]()


def resolve_device(config: TrainConfig, backend: str) -> TrainConfig:
    """`config` with what this process takes in place of "auto": its backend, device and precision. Keras is loaded.

    Raises:
        EngineError: a GPU is wanted and none is seen, or the CPU is and the backend holds a GPU already.
    """
    seen = gpus(backend)
    if config.device == "gpu" and not seen:
        raise EngineError(f"a GPU was wanted, and {backend} sees none: {_why_none(backend)}")
    if config.device == "cpu" and seen:
        raise EngineError(
            f"the CPU was wanted, but {backend} computes on {seen[0]} in this process already. Start a new process."
        )
    device = "gpu" if seen else "cpu"
    precision = config.precision
    if precision == "auto":
        precision = best_precision(_capability() if seen and backend == "jax" else "")
    return replace(config, backend=backend, device=device, precision=precision)


def anywhere(config: TrainConfig) -> TrainConfig:
    """`config` of a training that broke off, on whatever there is now: its GPU may be gone."""
    return replace(config, device="auto") if config.device == "gpu" else config


def best_precision(capability: str) -> str:
    """What a training computes in by itself. capability: NVIDIA's, "9.0" for instance; "" where there is none."""
    try:
        return "bfloat16" if float(capability) >= _HAS_BFLOAT16 else "float32"
    except ValueError:  # other makers number otherwise
        return "float32"


def nvidia_cards() -> tuple[list[str], str]:
    """What NVIDIA's driver names, whatever a backend sees of it: (name, memory and driver of each, or why none)."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return [], "nvidia-smi is not there"
    query = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=_NVIDIA_SMI_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], f"nvidia-smi gives no answer ({error})"
    cards = [line.strip() for line in done.stdout.splitlines() if line.strip()] if done.returncode == 0 else []
    return cards, "" if cards else f"nvidia-smi says: {' '.join((done.stdout + done.stderr).split())[:200]}"


def _why_none(backend: str) -> str:
    """What is there instead of a GPU, and what to do."""
    if backend in HIDDEN_HERE:
        return "an earlier training of this process was kept on the CPU. Start a new process."
    if hiding := what_hides(backend):
        return f"{hiding} hides it. Unset {hiding.partition('=')[0]} and start a new process."
    cards, why = nvidia_cards()
    if not cards:
        return f"{why}. Leave device out to train on the CPU, or go to a machine with an NVIDIA GPU."
    return f"the driver has {cards[0]}. Install what {backend} needs for it: {INSTALLS[backend]}."


INSTALLS = {
    "jax": 'pip install "inksight[gpu]"',
    "tensorflow": 'pip install "tensorflow[and-cuda]"',
    "torch": "pip install torch --index-url https://download.pytorch.org/whl/cu130",
}


def _of_jax() -> list[str]:
    import jax

    try:
        devices = jax.devices()
    except Exception as error:  # an AssertionError among them, where JAX_PLATFORMS names what is not installed
        platforms = os.environ.get("JAX_PLATFORMS")
        raise EngineError(
            f"JAX finds nothing to compute on ({error or 'it does not say why'}); JAX_PLATFORMS is {platforms}. "
            "Unset JAX_PLATFORMS, or run inksight doctor."
        ) from error
    return [device.device_kind for device in devices if device.platform == "gpu"]


def _of_tensorflow() -> list[str]:
    tensorflow: Any = importlib.import_module("tensorflow")
    return [device.name for device in tensorflow.config.get_visible_devices("GPU")]


def _of_torch() -> list[str]:
    taken = str(importlib.import_module("keras.src.backend.torch.core").DEFAULT_DEVICE)  # as Keras chose when it came
    if not taken.startswith("cuda"):
        return [] if taken == "cpu" else [taken]
    cuda: Any = importlib.import_module("torch").cuda
    return [cuda.get_device_name(number) for number in range(cuda.device_count())]


def _capability() -> str:
    import jax

    return str(getattr(jax.devices()[0], "compute_capability", ""))


_SEEN: dict[str, Callable[[], list[str]]] = {"jax": _of_jax, "tensorflow": _of_tensorflow, "torch": _of_torch}
