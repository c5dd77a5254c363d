"""What stands beside an export: how to use it, where it comes from, and what it must answer.

For a file it is `FILE.json`, for a folder `inksight.json` in it. The answers to the golden pictures are kept in it, so
that an export can be checked again on any machine, years later and without its run.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inksight.errors import RunError
from inksight.export.format import Format
from inksight.export.proof import Proof
from inksight.runs import ModelCard

VERSION = 1
IN_FOLDER = "inksight.json"
LITTLE_ENDIAN = "<f4"
DIGITS = (
    "the model knows digits as MNIST frames them: bright ink on dark ground (0 is ground), cropped to the ink, scaled "
    "into 20 × 20 px with proportions kept, its centre of mass at pixel (14, 14) of 28 × 28"
)
RESIZE = (
    "a picture is scaled until its longer side is the network's size and set in the middle of a square of its border's "
    "colour; grey as it is, colour as RGB"
)


def place_of(export: Path) -> Path:
    """Where the sidecar of an export stands."""
    return export / IN_FOLDER if export.is_dir() else beside(export)


def beside(file: Path) -> Path:
    """Where the sidecar of a file stands."""
    return file.with_name(f"{file.name}.json")


def is_one(path: Path) -> bool:
    """Whether a file is the sidecar of an export, of this version or another."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        return False
    return isinstance(content, dict) and {"version", "format", "expected"} <= content.keys()


def describe(
    format: str, row: Format, card: ModelCard, export: Path, name: str, expected: np.ndarray, proof: Proof
) -> dict[str, Any]:
    """The sidecar of an export that lies at `export` for now and will be called `name`."""
    return {
        "version": VERSION,
        "format": format,
        "classes": list(card.classes),
        "input": {
            "name": "images",
            "dtype": "uint8",
            "shape": ["n", card.size_px, card.size_px, card.channels],
            "range": [0, 255],
        },
        "output": {"name": "probabilities", "dtype": "float32", "shape": ["n", len(card.classes)], "calibrated": True},
        "preprocessing": {
            "kind": card.preprocessing,
            "inside": card.preprocessing in row.frames,
            "words": DIGITS if card.preprocessing == "digits" else RESIZE,
        },
        "unsure_below": card.unsure_below,
        "rejected_below": card.rejected_below,
        "about": card.about,
        "files": hashes(export),
        "proof": {
            **asdict(proof),
            "of": f"the first {proof.pictures:,} pictures of MNIST's test part, brought to the network's size",
        },
        "snippet": row.snippet(name, card),
        "expected": base64.b64encode(expected.astype(LITTLE_ENDIAN).tobytes()).decode(),
    }


def hashes(export: Path) -> dict[str, str]:
    """File -> SHA-256: of the file itself ("."), or of each in a folder, by its path there."""
    if export.is_file():
        return {".": _sha256(export)}
    files = sorted(file for file in export.rglob("*") if file.is_file() and file.name != IN_FOLDER)
    return {file.relative_to(export).as_posix(): _sha256(file) for file in files}


@dataclass(frozen=True, eq=False)
class Sidecar:
    """What an export says of itself, as far as a check needs it. files: SHA-256 by name. expected: float32
    (n, classes)."""

    format: str
    size_px: int
    channels: int
    files: dict[str, str]
    expected: np.ndarray
    snippet: str


def load(export: Path) -> Sidecar:
    """The sidecar of an export.

    Raises:
        RunError: there is no such export, it has none, or one that is damaged or of another version.
    """
    if not export.exists():
        raise RunError(f"there is no {export}. Give a file or folder that inksight export has written.")
    path = place_of(export)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            raise RunError(
                f"{path} is of version {content['version']}, and {VERSION} is known here. Export the run again, or "
                "check it with the version of Inksight that wrote it."
            )
        _, size_px, _, channels = content["input"]["shape"]
        return Sidecar(
            format=str(content["format"]),
            size_px=int(size_px),
            channels=int(channels),
            files={str(name): str(digest) for name, digest in content["files"].items()},
            expected=_answers(content),
            snippet=str(content["snippet"]),
        )
    except FileNotFoundError:
        raise RunError(
            f"{path} is missing, which says what {export.name} must answer. Copy it too, or export the run again."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise RunError(f"{path} is damaged ({error!r}). Export the run again.") from error


def require_unchanged(export: Path, files: Mapping[str, str]) -> None:
    """Raises RunError that names the first file whose bytes are not those that were written."""
    found = hashes(export)
    for name in {**files, **found}:
        if files.get(name) != found.get(name):
            where = export if name == "." else export / name
            raise RunError(
                f"{where} has changed since it was exported: SHA-256 {files.get(name, 'none')} expected, "
                f"{found.get(name, 'none')} found. Copy it again, or export the run again."
            )


def _answers(content: dict[str, Any]) -> np.ndarray:
    values = np.frombuffer(base64.b64decode(content["expected"]), LITTLE_ENDIAN)
    return values.reshape(-1, len(content["classes"])).astype(np.float32)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
