"""What a test said, picture by picture: enough to report on it and to compare it without the data it was made of."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from inksight.errors import RunError

MOST_BYTES = 16 * 1024**2  # of wrong pictures; 20,000 of 28 × 28
MOST_EXAMPLES = 100
MOST_UNPACKED_BYTES = 1024**3
_FIELDS = {"labels": "i", "answers": "i", "confidences": "f", "sha256": "U", "wrong_images": "u", "examples": "u"}
_FILES = "files"  # bytes: the names with a 0 between them, none of a set without files


@dataclass(frozen=True, eq=False)
class AnswerSheet:
    """The answers to a test part.

    labels, answers: int64 (n,), true and given class. confidences: float32 (n,), of the answer, 0–1.
    sha256: of the pictures and labels, to know the same test again.
    wrong_images: uint8 (k, size, size[, 3]), the pictures of the first k of `wrong`; all unless they are very many.
    examples: uint8 (m, size, size[, 3]), a right answer of each class that has one, at most MOST_EXAMPLES.
    files: n names of picture files, relative to the data set; None for a set that came as arrays.
    """

    labels: np.ndarray
    answers: np.ndarray
    confidences: np.ndarray
    sha256: str
    wrong_images: np.ndarray
    examples: np.ndarray
    files: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"AnswerSheet: {int(self.right.sum()):,} of {len(self):,} pictures right"

    @property
    def right(self) -> np.ndarray:
        """bool (n,)."""
        return np.asarray(self.answers == self.labels)

    @property
    def wrong(self) -> np.ndarray:
        """Indices of the wrong answers, the surest first: int64 (k,)."""
        return surest_mistakes(self.right, self.confidences)


def surest_mistakes(right: np.ndarray, confidences: np.ndarray) -> np.ndarray:
    """Indices of the wrong answers, the surest first: int64 (k,). right: bool (n,); confidences: float (n,)."""
    wrong = np.flatnonzero(~right)
    return wrong[np.argsort(-confidences[wrong], kind="stable")]


def sheet_of(
    images: np.ndarray,
    labels: np.ndarray,
    answers: np.ndarray,
    confidences: np.ndarray,
    sha256: str,
    files: tuple[str, ...] | None = None,
) -> AnswerSheet:
    """Keeps of the pictures, uint8 (n, size, size[, 3]), what a report shows; other arguments as in AnswerSheet."""
    sheet = AnswerSheet(labels, answers, confidences.astype(np.float32), sha256, images[:0], images[:0], files)
    fitting = MOST_BYTES // max(1, int(np.prod(images.shape[1:])))
    right = np.flatnonzero(sheet.right)
    firsts = right[np.unique(labels[right], return_index=True)[1]][:MOST_EXAMPLES]
    return AnswerSheet(
        **{**vars(sheet), "wrong_images": images[sheet.wrong[:fitting]], "examples": images[firsts]},
    )


def to_bytes(sheet: AnswerSheet) -> bytes:
    """As an .npz file."""
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {name: np.asarray(getattr(sheet, name)) for name in _FIELDS}
    arrays[_FILES] = np.frombuffer("\0".join(sheet.files or ()).encode(), np.uint8)
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def parse(content: bytes, name: str) -> AnswerSheet:
    """Out of an .npz file; `name` is what errors call it.

    Raises:
        RunError: it is damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED_BYTES:
                raise ValueError("it is larger than any that was written")
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            fields = {field: file[field] for field in _FIELDS}
            names = file[_FILES].tobytes().decode()
        files = tuple(names.split("\0")) if names else None
        _require_whole(fields)
        if files is not None and len(files) != len(fields["labels"]):
            raise ValueError("files and labels of different number")
    except (ValueError, TypeError, KeyError, OSError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise RunError(f"{name} is damaged ({error}). Copy the run folder again.") from error
    return AnswerSheet(**{**fields, "sha256": str(fields["sha256"])}, files=files)


def _require_whole(fields: dict[str, np.ndarray]) -> None:
    """Raises ValueError unless the arrays are as they were written."""
    if any(value.dtype.kind != _FIELDS[field] for field, value in fields.items()):
        raise ValueError("arrays of other types than were written")
    columns = [fields[field] for field in ("labels", "answers", "confidences")]
    if any(column.ndim != 1 for column in columns) or len({len(column) for column in columns}) != 1:
        raise ValueError("answers and labels of different number")
    if not len(columns[0]) or min(column.min() for column in columns) < 0:
        raise ValueError("no answers, or impossible ones")
    wrong = int((fields["labels"] != fields["answers"]).sum())
    if fields["wrong_images"].ndim not in (3, 4) or len(fields["wrong_images"]) > wrong:
        raise ValueError("pictures of other answers")
