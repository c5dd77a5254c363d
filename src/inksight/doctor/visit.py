"""What several checks of one visit want to know, found out once."""

from __future__ import annotations

import importlib.util
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial

from inksight.doctor.child import Told, ask

DEFAULT_BACKEND = "jax"


class Visit:
    """One call of `examine`."""

    def __init__(self, quick: bool = False) -> None:
        self.quick = quick

    @cached_property
    def wanted_backend(self) -> str:
        """The backend that a training takes when nobody says which."""
        from inksight.training.config import BACKENDS

        named = os.environ.get("KERAS_BACKEND")
        return named if named in BACKENDS else DEFAULT_BACKEND

    @cached_property
    def backends(self) -> dict[str, Told]:
        """What each installed backend says for itself, imported in a process of its own."""
        from inksight.training.config import BACKENDS

        there = [name for name in BACKENDS if importlib.util.find_spec(name) is not None]
        with ThreadPoolExecutor() as waiting:
            return dict(zip(there, waiting.map(partial(ask, "backend"), there), strict=True))
