"""What is wrong with a data set, all of it at once. An error makes training refuse or its figures false."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inksight.data import find
from inksight.data.address import picture_name
from inksight.data.dataset import Dataset
from inksight.data.listing import Listing
from inksight.data.named import load_named
from inksight.data.progress import Progress, silent
from inksight.data.registry import KnownSet
from inksight.data.sources import open_path
from inksight.errors import PictureError
from inksight.imaging.decode import load_picture

IMBALANCE = 3.0
FEW = 20
BLANK_CONTRAST = 2


@dataclass(frozen=True)
class DataIssue:
    """One thing that is wrong. severity: "error" or "warning". examples: every picture or class concerned."""

    kind: str
    severity: str
    text: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """One picture after a look at it. `problem` is why it cannot be read, or ""."""

    part: str
    class_name: str
    name: str
    digest: bytes
    blank: bool
    problem: str


def check(source: str | Path, *, seed: int = 0, progress: Progress | None = None) -> list[DataIssue]:
    """Looks at every picture of a set. Pictures that cannot be read are listed; they do not end the check.

    Args:
        source: a name or a path, as for `load`.
        seed: as for `load`: where the set brings no test part, it is the same one.
    Returns:
        the findings, errors first; none if all is well.
    Raises:
        UsageError, DataError: no set there at all.
    """
    place = find(source)
    opened = load_named(place, progress or silent) if isinstance(place, KnownSet) else open_path(place, seed)
    report = progress or silent
    seen = list(_look_at_files(opened, report) if isinstance(opened, Listing) else _look_at_arrays(opened, report))
    readable = [one for one in seen if not one.problem]
    findings = [
        *_unreadable(seen),
        *_classes(opened.classes, seen),
        *_duplicates(readable),
        *_few(readable),
        *_imbalance(readable),
        *_blank(readable),
    ]
    return sorted(findings, key=lambda finding: finding.severity != "error")


def _look_at_files(listing: Listing, progress: Progress) -> Iterator[Seen]:
    """Decodes each file of a listing in turn."""
    total = sum(len(part.paths) for part in listing.parts.values())
    done = 0
    for name, part in listing.parts.items():
        for path, label in zip(part.paths, part.labels, strict=True):
            progress(done, total, "checking pictures")
            done += 1
            try:
                yield _seen(name, listing.classes[label], path, load_picture(path).pixels)
            except PictureError as error:
                yield Seen(name, listing.classes[label], path, b"", False, str(error))
    progress(done, total, "checking pictures")


def _look_at_arrays(data: Dataset, progress: Progress) -> Iterator[Seen]:
    """Takes each image of a set that came as arrays; its name is its address."""
    for name, part in data.parts.items():
        for index in range(len(part)):
            progress(index, len(part), f"checking {name} pictures")
            yield _seen(
                name, data.classes[part.labels[index]], picture_name(None, data.source, name, index), part.images[index]
            )


def _seen(part: str, class_name: str, name: str, picture: np.ndarray) -> Seen:
    """What is kept of a picture: a hash over its shape and pixels, and whether it is blank."""
    digest = hashlib.blake2b(repr(picture.shape).encode() + picture.tobytes(), digest_size=16).digest()
    return Seen(part, class_name, name, digest, int(picture.max()) - int(picture.min()) <= BLANK_CONTRAST, "")


def _unreadable(seen: list[Seen]) -> Iterator[DataIssue]:
    """Files that are no pictures, damaged, or too big."""
    bad = tuple(one.problem for one in seen if one.problem)
    if bad:
        yield DataIssue("unreadable", "error", f"{_count(bad, 'picture')} cannot be read", bad)


def _classes(classes: Iterable[str], seen: list[Seen]) -> Iterator[DataIssue]:
    """Classes without pictures, and classes that are in one part but not in another."""
    present = defaultdict(set)
    for one in seen:
        present[one.part].add(one.class_name)
    everywhere = set().union(*present.values())
    if len(everywhere) < 2:
        yield DataIssue("one-class", "error", "fewer than two classes have pictures", tuple(sorted(everywhere)))
    if empty := tuple(name for name in classes if name not in everywhere):
        yield DataIssue("empty-class", "error", f"{_count(empty, 'class')} without any picture", empty)
    for part in present:
        if missing := tuple(name for name in classes if name in everywhere and name not in present[part]):
            severity = "error" if part == "train" else "warning"
            yield DataIssue(
                "missing-class", severity, f"{_count(missing, 'class')} without a picture in the {part} part", missing
            )


def _duplicates(seen: list[Seen]) -> Iterator[DataIssue]:
    """Pictures that are equal pixel for pixel: across parts, under different labels, or merely twice."""
    groups = defaultdict(list)
    for one in seen:
        groups[one.digest].append(one)
    same = [group for group in groups.values() if len(group) > 1 and not group[0].blank]
    leaks = [group for group in same if len({one.part for one in group}) > 1]
    torn = [group for group in same if len({one.class_name for one in group}) > 1]
    plain = [group for group in same if len({(one.part, one.class_name) for one in group}) == 1]
    for kind, severity, text, chosen in (
        ("duplicate-across-parts", "error", "in more than one part: what is tested on was trained on", leaks),
        ("duplicate-labels", "error", "under different labels", torn),
        ("duplicate", "warning", "more than once in the same part and class", plain),
    ):
        if chosen:
            examples = tuple(
                " = ".join(f"{one.name} ({one.part}, {one.class_name})" for one in group) for group in chosen
            )
            yield DataIssue(kind, severity, f"{_count(chosen, 'picture')} {text}", examples)


def _few(seen: list[Seen]) -> Iterator[DataIssue]:
    """Training classes with fewer pictures than can be learned from."""
    counts = Counter(one.class_name for one in seen if one.part == "train").most_common()
    if few := tuple(f"{name}: {count:,}" for name, count in reversed(counts) if count < FEW):
        yield DataIssue("few", "warning", f"{_count(few, 'class')} with fewer than {FEW} training pictures", few)


def _imbalance(seen: list[Seen]) -> Iterator[DataIssue]:
    """A largest training class that is more than three times the smallest."""
    counts = Counter(one.class_name for one in seen if one.part == "train").most_common()
    if counts and counts[0][1] > IMBALANCE * counts[-1][1]:
        (largest, most), (smallest, least) = counts[0], counts[-1]
        yield DataIssue(
            "imbalance",
            "warning",
            f"the largest training class is {most / least:.1f} times the smallest; rare ones are recognised less: more "
            "pictures of them help most",
            (f"{largest}: {most:,}", f"{smallest}: {least:,}"),
        )


def _blank(seen: list[Seen]) -> Iterator[DataIssue]:
    """Pictures of one colour."""
    blank = tuple(f"{one.name} ({one.part}, {one.class_name})" for one in seen if one.blank)
    if blank:
        yield DataIssue("blank", "warning", f"{_count(blank, 'picture')} of one colour only", blank)


def _count(things: tuple[str, ...] | list[list[Seen]], word: str) -> str:
    """A number and its noun: "1 picture", "2 classes"."""
    plural = {"picture": "pictures", "class": "classes"}[word]
    return f"{len(things):,} {word if len(things) == 1 else plural}"
