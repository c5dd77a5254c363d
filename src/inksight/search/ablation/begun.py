"""What a folder was begun with: read back, and held against what is wanted now, by experiments and searches alike."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inksight.errors import RunError, StorageError, command
from inksight.models import engine
from inksight.utils.atomic import alone, numbered, storage_errors

FORMAT = 1


def load_begun(file: Path, kind: str, verb: str) -> dict[str, Any]:
    """The JSON that a folder holds of its beginning, without its format.

    Args:
        kind: what the folder is: "experiment". verb: the command that makes such: "experiment".
    Raises:
        RunError: there is none, it is damaged, or of another version.
    """
    if not file.is_file():
        raise RunError(f"no {kind} in {file.parent}: {file.name} is missing. Give a folder made by inksight {verb}.")
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        found, version = content.pop("format", None), content["versions"]["inksight"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(file, error) from error
    own = engine.package_version()
    if found != FORMAT or version != own:
        raise RunError(
            f"{file.parent} was made by inksight {version} (format {found}); this is inksight {own} (format {FORMAT}), "
            "which may train otherwise. Go on with the version that began it, or start anew in another --out."
        )
    return content


def damaged(file: Path, error: Exception) -> RunError:
    """The error for a beginning that cannot be understood."""
    return RunError(f"{file} is damaged ({error!r}). Start anew in another --out.")


@contextmanager
def held_place(path: Path | None, root: Path, stem: str, busy: str) -> Iterator[Path]:
    """A folder for this process alone as long as the block lasts.

    Args:
        path: where it is or will be; None for the next free `root/stem-N`.
        busy: what goes on there where another process has it: "the experiment in {} is being trained".
    Raises:
        RunError: another process has it.
    """
    if path is None:
        path = numbered(root, stem)
    elif not path.is_file():
        with storage_errors(path):
            path.mkdir(parents=True, exist_ok=True)
    text = f"{busy.format(path)} by another process now; wait for its end, or choose another --out."
    with alone(path, text):
        yield path


def require_no_difference(folder: Path, different: Sequence[str], resumed: bool, kind: str, verb: str) -> None:
    """Raises StorageError where something is not as the folder was begun with.

    Args:
        different: what is, in words. resumed: whether somebody wants to go on with just this folder.
    """
    if different and resumed:
        raise StorageError(
            f"{folder} cannot go on, for not all is as when it began ({'; '.join(different)}); it is left as it was. "
            "Bring that back, or start anew in another --out."
        )
    if different:
        raise StorageError(
            f"{folder} holds another {kind} ({'; '.join(different)}); it is left as it was. Choose another --out, or "
            f"go on with that one: {command(verb, '--resume', folder)}."
        )
