"""Kinds of pictures that are made here, one a file: each has `pictures`, and the table KINDS its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from made import digits, icons, letters
from made.picture import Picture

KINDS: dict[str, Callable[[float], Iterator[Picture]]] = {
    "digits": digits.pictures,
    "letters": letters.pictures,
    "icons": icons.pictures,
}
