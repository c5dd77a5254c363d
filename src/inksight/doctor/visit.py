"""What several checks of one visit want to know, found out once."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial

import inksight_keras as keras_backend
from inksight.doctor.child import ChildResult, ask


class Visit:
    """One call of `examine`."""

    def __init__(self, quick: bool = False) -> None:
        self.quick = quick

    @cached_property
    def wanted_backend(self) -> str:
        """The backend that a training takes when nobody says which."""
        from inksight.models.engine import BACKENDS

        named, _ = keras_backend.named() or ("", "")
        return named if named in BACKENDS else keras_backend.DEFAULT

    @cached_property
    def backends(self) -> dict[str, ChildResult]:
        """What each installed backend says for itself, imported in a process of its own."""
        from inksight.models.engine import BACKENDS

        there = [name for name in BACKENDS if importlib.util.find_spec(name) is not None]
        with ThreadPoolExecutor() as waiting:
            return dict(zip(there, waiting.map(partial(ask, "backend"), there), strict=True))
