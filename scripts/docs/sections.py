"""Our docstrings put no empty line before `Returns:` and its like; the reader of docstrings wants one."""

from __future__ import annotations

import re
from typing import Any

import griffe

SECTION = re.compile(r"(?<!\n)\n(?=(?:Returns|Raises|Yields|Source):)")


class Sections(griffe.Extension):  # type: ignore[misc]
    """Gives each section of a docstring an empty line before it."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Changes the docstring of one function, class or module."""
        if obj.docstring is not None:
            obj.docstring.value = SECTION.sub("\n\n", obj.docstring.value)
