"""What `check` finds, all of it at once, and what it passes over in silence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inksight.data import load
from inksight.data.check import DataIssue, check
from inksight.errors import DataError, UsageError

Write = Callable[..., Path]


@pytest.fixture
def clean(tmp_path: Path, write_picture: Write) -> Path:
    """A split set with nothing wrong in it."""
    seed = 0
    for part, number in (("train", 21), ("test", 2)):
        for label in ("a", "b"):
            for index in range(number):
                seed += 1
                write_picture(tmp_path / "set" / part / label / f"{index}.png", seed=seed)
    return tmp_path / "set"


def by_kind(findings: list[DataIssue]) -> dict[str, DataIssue]:
    return {finding.kind: finding for finding in findings}


def test_nothing_wrong(clean: Path) -> None:
    assert check(clean) == []
    assert check("mnist") == []


def test_everything_unreadable_is_listed(clean: Path, write_picture: Write) -> None:
    cut = clean / "train" / "a" / "0.png"
    cut.write_bytes(cut.read_bytes()[:80])
    (clean / "test" / "b" / "0.png").write_text("text")
    (clean / "test" / "b" / "9.png").write_bytes(b"")
    (finding,) = check(clean)
    assert (finding.kind, finding.severity, finding.text) == ("unreadable", "error", "3 pictures cannot be read")
    assert [Path(example.split(".png")[0]).name for example in finding.examples] == ["0", "0", "9"]
    with pytest.raises(DataError, match="train/a/0"):
        load(clean)


def test_duplicates_across_parts_and_labels(clean: Path, write_picture: Write) -> None:
    write_picture(clean / "train" / "a" / "same.png", seed=100)
    write_picture(clean / "test" / "a" / "same.png", seed=100)
    write_picture(clean / "train" / "a" / "torn.png", seed=101)
    write_picture(clean / "train" / "b" / "torn.png", seed=101)
    for name in ("one.png", "two.png"):
        write_picture(clean / "train" / "b" / name, seed=102)
    found = by_kind(check(clean))
    assert set(found) == {"duplicate-across-parts", "duplicate-labels", "duplicate"}
    leak = found["duplicate-across-parts"]
    assert leak.severity == "error" and leak.text.startswith("1 picture in more than one part")
    train, test = clean / "train" / "a" / "same.png", clean / "test" / "a" / "same.png"
    assert leak.examples == (f"{train} (train, a) = {test} (test, a)",)
    assert (found["duplicate-labels"].severity, found["duplicate"].severity) == ("error", "warning")
    assert "two.png" in found["duplicate"].examples[0]


def test_classes_that_miss_somewhere(clean: Path, write_picture: Write) -> None:
    write_picture(clean / "train" / "only train" / "1.png", seed=200)
    write_picture(clean / "test" / "only test" / "1.png", seed=201)
    (clean / "train" / "nothing").mkdir()
    findings = check(clean)
    told = [(finding.kind, finding.severity, finding.examples) for finding in findings]
    assert ("empty-class", "error", ("nothing",)) in told
    assert ("missing-class", "error", ("only test",)) in told
    assert ("missing-class", "warning", ("only train",)) in told
    assert [finding.severity for finding in findings] == sorted(finding.severity for finding in findings)


def test_imbalance_and_blanks_are_warnings(clean: Path, write_picture: Write) -> None:
    for index in range(30, 82):
        write_picture(clean / "train" / "a" / f"{index}.png", seed=300 + index)
    blank = write_picture(clean / "train" / "a" / "blank.png", value=254)
    found = by_kind(check(clean))
    assert found["imbalance"].examples == ("a: 74", "b: 21")
    assert "3.5 times the smallest" in found["imbalance"].text
    assert found["blank"].examples == (f"{blank} (train, a)",)
    assert {finding.severity for finding in found.values()} == {"warning"}


def test_one_class_is_an_error(tmp_path: Path, write_picture: Write) -> None:
    for index in range(5):
        write_picture(tmp_path / "a" / f"{index}.png", seed=index)
    assert check(tmp_path)[0] == DataIssue("one-class", "error", "fewer than two classes have pictures", ("a",))


def test_arrays_are_checked_too(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 28, 28), np.uint8)
    images[5] = images[1]
    np.savez(
        tmp_path / "x.npz", x_train=images[:4], y_train=np.arange(4) % 2, x_test=images[4:], y_test=np.arange(4) % 2
    )
    finding, few = check(tmp_path / "x.npz")
    assert (few.kind, few.severity, few.examples) == ("few", "warning", ("1: 2", "0: 2"))
    assert few.text == "2 classes with fewer than 20 training pictures"
    assert finding.kind == "duplicate-across-parts"
    assert finding.examples == (f"{tmp_path}/x.npz:train/1 (train, 1) = {tmp_path}/x.npz:test/1 (test, 1)",)


def test_progress_reaches_the_end(clean: Path) -> None:
    told: list[tuple[int, int, str]] = []
    check(clean, progress=lambda *step: told.append(step))
    assert told[-1] == (46, 46, "checking pictures")


def test_no_set_at_all(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='no data set "nonsense"'):
        check("nonsense")
    with pytest.raises(DataError, match="is empty"):
        check(tmp_path)
