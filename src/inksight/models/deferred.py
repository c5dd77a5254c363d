"""Modules that Keras imports at its start but only a few of its functions use: imported when they are first used.

Together they are nearly half of the time that importing Keras on JAX takes. Nothing is lost: `keras.visualization`
still draws, only then is Matplotlib's pyplot loaded.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from threading import RLock
from types import ModuleType
from typing import Any

_SPLASH = "jax.experimental.pallas.ops.tpu.splash_attention"  # attention on TPUs

# A package and those of its sub-modules that Keras names, each a stand-in of its own.
LATER = (
    "matplotlib",
    "matplotlib.patches",
    "matplotlib.pyplot",
    "requests",
    _SPLASH,
    f"{_SPLASH}.splash_attention_kernel",
    f"{_SPLASH}.splash_attention_mask",
    "jax.experimental.sparse.linalg",
    "keras.wrappers",  # for scikit-learn, which they import where it is installed
)


_LOCK = RLock()


class _Later(ModuleType):
    """Stands in for a module until one of its names is asked for."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        spec = find_spec(name) if "." not in name else None
        if spec is not None and spec.submodule_search_locations:
            self.__path__ = spec.submodule_search_locations  # other threads may import its sub-modules meanwhile

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        with _LOCK:
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def deferred(names: Iterable[str] = LATER) -> Iterator[None]:
    """Inside this block an import of one of `names` gives a stand-in; those that are loaded already stay as they are.

    Afterwards the names are free again: whoever imports them then gets the real modules.
    """
    stand_ins = {name: _Later(name) for name in names if name not in sys.modules}
    for name, module in stand_ins.items():
        package, _, own = name.rpartition(".")
        if package in stand_ins:
            setattr(stand_ins[package], own, module)
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, module in stand_ins.items():
            with _LOCK:
                if sys.modules.get(name) is module:
                    del sys.modules[name]
