"""The engine under Keras: which backend, and the settings that make a CPU fast. Runs before Keras is imported."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import sys
import time
from contextlib import nullcontext, suppress
from importlib import metadata
from typing import Any

import inksight_keras as keras_backend
from inksight.errors import EngineError, UsageError, unknown
from inksight.models.deferred import deferred
from inksight.utils.atomic import cache_folder

BACKENDS = ("jax", "tensorflow", "torch")
# What makes each backend leave a GPU alone; read when it is imported.
LEAVES_ALONE = {
    "jax": ("JAX_PLATFORMS", "cpu"),
    "tensorflow": ("CUDA_VISIBLE_DEVICES", "-1"),
    "torch": ("KERAS_TORCH_DEVICE", "cpu"),
}
# jaxlib versions on which the XLA flags were tried, on Linux and x86-64; an unknown flag aborts the process.
TRIED_JAXLIB = ("0.10.2",)
_DECIDING = ("keras", "jax", "jaxlib", "tensorflow", "torch", "numpy", "onnx", "onnxruntime", "opencv-python-headless")
XLA_FLAGS = {
    "xla_cpu_experimental_ynn_fusion_type": "",  # YNNPACK trains convolutions at a fifth of the speed of XLA's own
    "xla_cpu_use_fusion_emitters": "false",  # the older way to write loops: as fast, compiled in two thirds of the time
}
_KEPT_S = 30 * 24 * 3600.0  # compiled code

HIDDEN_HERE: set[str] = set()  # backends that this process has kept on the CPU


def prepare(backend: str | None, device: str = "auto") -> str:
    """Fixes Keras's backend and tunes the process for it.

    Args:
        backend: one of BACKENDS, or None for the one that is loaded already, else the one that KERAS_BACKEND or
            keras.json names, else jax.
        device: one of DEVICES; "cpu" hides a GPU.
    Returns:
        the backend's name.
    Raises:
        UsageError: no such backend.
        EngineError: the backend is not installed, or Keras runs on another one already.
    """
    loaded = _loaded_backend()
    named, where = keras_backend.named() or (None, "")
    wanted = backend or loaded or named or keras_backend.DEFAULT
    if wanted not in BACKENDS:
        hint = "" if wanted == backend else f" {where} names it; give --backend, or change that."
        raise UsageError(unknown("backend", wanted, BACKENDS) + hint)
    if loaded is not None and loaded != wanted:
        raise EngineError(
            f"Keras is loaded with the backend {loaded} already; {wanted} was wanted. "
            f"Start a new process, or set KERAS_BACKEND={wanted} before importing keras."
        )
    if (trouble := keras_backend.not_installed(wanted)) is not None:
        raise EngineError(trouble)
    if device == "cpu":
        hide_gpus(wanted)
    if loaded is None:
        os.environ["KERAS_BACKEND"] = wanted
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        _keep_memory()
        if wanted == "jax" and _is_tried():
            _set_compiler_flags()
            _keep_compiled()
    return wanted


def hide_gpus(backend: str) -> None:
    """Keeps `backend` on the CPU, if it has not looked for devices yet."""
    name, value = LEAVES_ALONE[backend]
    os.environ[name] = value
    HIDDEN_HERE.add(backend)
    if backend == "jax" and "jax" in sys.modules:  # it has read its environment
        import jax

        jax.config.update("jax_platforms", "cpu")


def load_keras() -> None:
    """Imports Keras on the backend that was prepared; takes about a second."""
    with deferred() if "keras" not in sys.modules else nullcontext():
        import keras  # noqa: F401


def versions() -> dict[str, str]:
    """Versions of what decides a training's numbers."""
    return {name: metadata.version(name) for name in _DECIDING if _is_installed(name)}


def package_version() -> str:
    """Inksight's own version."""
    return metadata.version("inksight")


def processor() -> str:
    """The processor's name."""
    names = _cpuinfo("model name")
    return names[0] if names else platform.processor() or platform.machine()


def processor_flags() -> list[str]:
    """What the processor can: "avx2" for instance; nothing where the system does not tell."""
    return [flag for line in _cpuinfo("flags") + _cpuinfo("Features") for flag in line.split()]


def _cpuinfo(name: str) -> list[str]:
    """What Linux says under `name`, of the first processor; nothing elsewhere."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return [line.split(":", 1)[1].strip() for line in file if line.startswith(name)][:1]
    except OSError:
        return []


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _loaded_backend() -> str | None:
    """The backend of the Keras that is imported in this process, if one is."""
    keras = sys.modules.get("keras")
    return keras.backend.backend() if keras is not None else None


def _is_tried() -> bool:
    """Whether this jaxlib and platform are known to take our settings, and JAX is still to be imported."""
    return metadata.version("jaxlib") in TRIED_JAXLIB and has_flags() and "jax" not in sys.modules


def has_flags() -> bool:
    """Whether XLA_FLAGS were tried on a platform like this."""
    return (sys.platform, platform.machine()) == ("linux", "x86_64")


def _set_compiler_flags() -> None:
    """Adds XLA_FLAGS to those of the environment, which go first."""
    given = os.environ.get("XLA_FLAGS", "")
    ours = [f"--{name}={value}" for name, value in XLA_FLAGS.items() if name not in given]
    os.environ["XLA_FLAGS"] = " ".join([given, *ours]).strip()


def _keep_compiled() -> None:
    """Keeps what XLA compiles for the next process, by kind of processor: code for one may not run on another."""
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    kind = hashlib.sha256("".join(_cpuinfo("model name") + _cpuinfo("flags")).encode()).hexdigest()[:16]
    folder = cache_folder() / "compiled" / kind
    with suppress(OSError):  # a place that takes no files costs a second, and is no error
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():
            if file.stat().st_mtime < time.time() - _KEPT_S:
                file.unlink()
        if os.access(folder, os.W_OK):
            os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
            os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


def allocator() -> Any:
    """glibc's function that tunes its allocator; None where there is none, as in musl."""
    return getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform.startswith("linux") else None


def _keep_memory() -> None:
    """glibc gives big buffers back after every step and faults them in again; tell it to keep them."""
    mallopt = allocator()
    if mallopt is not None:
        trim_threshold, top_pad, mmap_threshold = -1, -2, -3
        mallopt(mmap_threshold, 1 << 30)
        mallopt(trim_threshold, 2**31 - 1)
        mallopt(top_pad, 1 << 28)
