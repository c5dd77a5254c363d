"""What can go wrong, as a tree. Every text says what came, what was wanted and what to do next.

InksightError
├── UsageError          a wrong choice: an unknown name, a value out of range (exit code 2)
├── DataError           a data set that cannot be read, or is not what it says it is
│   └── FetchError      a data set that could not be brought from the network
├── PictureError        a picture that cannot be decoded, is too big, or holds nothing
├── RunError            a run folder that is missing, half copied, or from another world
├── EngineError         a backend that is not installed, an export that is not equal, a training that diverged
├── StorageError        the disk is full or will not take the file
└── ServiceError        a service that cannot listen where it was told to
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Sequence


class InksightError(Exception):
    """The root of all errors that Inksight raises on purpose."""


class UsageError(InksightError):
    """A choice that does not exist or a value out of its range."""


class DataError(InksightError):
    """A data set that cannot be read."""


class FetchError(DataError):
    """A data set that could not be fetched."""


class PictureError(InksightError):
    """A picture that cannot be read."""


class RunError(InksightError):
    """A run folder that cannot be used."""


class EngineError(InksightError):
    """The training or exporting engine cannot do what was asked."""


class StorageError(InksightError):
    """A file could not be written."""


class ServiceError(InksightError):
    """A service could not be started."""


def unknown(kind: str, name: str, known: Iterable[str], hint: str = "") -> str:
    """The text for a name that is not in a table, with the nearest that is.

    >>> unknown("data set", "mnits", ["mnist", "kmnist"], "or give a path")
    'no data set "mnits". Did you mean mnist? Known: kmnist, mnist, or give a path.'
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    guess = f" Did you mean {near[0]}?" if near else ""
    return f'no {kind} "{name}".{guess} Known: {", ".join(names)}{", " + hint if hint else ""}.'


def shortened(names: Sequence[str], most: int = 10) -> str:
    """Return the first names of a long list, for a message.

    >>> shortened(["circle", "square", "star"], most=2)
    'circle, square and 1 more'
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def command(*words: object) -> str:
    """Return an `inksight` command line for a message, quoted where a shell needs it.

    >>> command("predict", "PICTURE", "--model", "runs/my run-1")
    "inksight predict PICTURE --model 'runs/my run-1'"
    """
    return shlex.join(["inksight", *map(str, words)])
