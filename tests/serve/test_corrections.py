"""The folder of corrections: nothing is lost, whatever happens at once or is killed."""

import json
import signal
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from inksight.data import load_labelled
from inksight.errors import DataError, UsageError
from inksight.imaging.decode import fit_square
from inksight.serve.corrections import LOG, Correction, Corrections


def picture(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (28, 28), np.uint8)


def keep(corrections: Corrections, number: int, label: str = "7") -> Correction:
    return corrections.add(picture(number), label, "1", 0.75, "shipped")


def labels(corrections: Corrections) -> list[str]:
    return [each.label for each in corrections.all()]


@pytest.fixture
def corrections(tmp_path) -> Corrections:
    return Corrections(tmp_path / "corrections")


def test_it_is_an_image_folder_with_a_log(corrections):
    assert corrections.all() == []
    first, second = keep(corrections, 0, "7"), keep(corrections, 1, "4")
    assert corrections.all() == [first, second]
    assert (first.given, first.confidence, first.model) == ("1", 0.75, "shipped") and first.time.endswith("+00:00")
    assert np.array_equal(corrections.picture(first), picture(0))
    split, classes = load_labelled(corrections.folder, size_px=28, prepare=lambda image: fit_square(image, 28))
    assert classes == ("4", "7") and len(split) == 2
    deeds = [json.loads(line) for line in (corrections.folder / LOG).read_text().split("\n") if line]
    assert [(deed["deed"], deed["label"]) for deed in deeds] == [("kept", "7"), ("kept", "4")]


def test_undo_takes_the_picture_away_and_the_log_remembers(corrections):
    first, second = keep(corrections, 0), keep(corrections, 1)
    assert corrections.undo(first.id) == first
    assert corrections.all() == [second]
    assert sorted(path.stem for path in corrections.folder.glob("*/*.png")) == [second.id]
    with pytest.raises(UsageError, match=f'there is no correction "{first.id}"; perhaps it was taken back already'):
        corrections.undo(first.id)
    assert keep(corrections, 0).id == first.id and len(corrections.all()) == 2


def test_a_picture_has_one_label(corrections):
    keep(corrections, 0, "7")
    keep(corrections, 0, "1")
    assert labels(corrections) == ["1"]
    assert [path.parent.name for path in corrections.folder.glob("*/*.png")] == ["1"]


def test_many_at_once_all_stay(corrections):
    with ThreadPoolExecutor(16) as pool:
        kept = list(pool.map(lambda number: keep(corrections, number, str(number % 10)), range(120)))
    assert {each.id for each in corrections.all()} == {each.id for each in kept}
    assert all(json.loads(line) for line in (corrections.folder / LOG).read_text().split("\n") if line)
    assert not list(corrections.folder.glob("*/.*")), "no temporary files"


def test_a_process_that_is_killed_loses_nothing_that_it_confirmed(corrections):
    """Two processes write as fast as they can; each is killed at some moment, and both have said what they kept."""
    program = """
import sys
import numpy as np
from pathlib import Path
from inksight.serve.corrections import Corrections
corrections = Corrections(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10**9):
    image = np.random.default_rng(number).integers(0, 256, (28, 28), np.uint8)
    print(corrections.add(image, str(number % 10), "1", 0.5, "shipped").id, flush=True)
"""
    confirmed = set()
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(corrections.folder), str(10_000 * number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in (1, 2)
    ]
    for writer, count in zip(writers, (10, 25), strict=True):
        confirmed |= {writer.stdout.readline().strip() for _ in range(count)}
    for writer in writers:
        writer.send_signal(signal.SIGKILL)
        confirmed |= set(writer.communicate()[0].split())
    found = corrections.all()
    assert confirmed <= {each.id for each in found}
    assert len(confirmed) >= 35 and len(found) <= len(confirmed) + 2
    for each in found:
        assert corrections.picture(each).shape == (28, 28), "whole"


def test_what_was_left_half_done_is_finished(corrections):
    first, second, third = (keep(corrections, number) for number in range(3))
    content = (corrections.folder / "7" / f"{first.id}.png").read_bytes()
    corrections.undo(first.id)
    keep(corrections, 1, "1")
    (corrections.folder / "7" / f"{first.id}.png").write_bytes(content)  # killed before it was removed
    (corrections.folder / "7" / f"{second.id}.png").write_bytes(content)  # killed before it had moved
    (corrections.folder / "7" / f"{16 * 'f'}.png").write_bytes(content)  # killed before its line was written
    with open(corrections.folder / LOG, "a") as log:
        log.write('{"deed": "kept", "id": "cut sho')
    corrections.repair()
    assert corrections.all() == [
        Correction(16 * "f", "7"),
        third,
        next(each for each in corrections.all() if each.id == second.id),
    ]
    fourth = keep(corrections, 4)
    assert corrections.all()[-1] == fourth, "a line that was cut short does not spoil the next"


def test_it_is_exported_as_a_zip_that_can_be_learned(corrections, tmp_path):
    with pytest.raises(DataError, match="there are no corrections yet; put an answer right first"):
        corrections.packed()
    first = keep(corrections, 0)
    with corrections.packed() as file, zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"corrections/7/{first.id}.png", "corrections/log.jsonl"]


@pytest.mark.parametrize("label", ["", ".", "..", "../7", "a/b", "a\\b", "C:x", "7\n", ".hidden"])
def test_labels_cannot_lead_elsewhere(corrections, tmp_path, label):
    with pytest.raises(UsageError, match="no folder can be named after the class"):
        keep(corrections, 0, label)
    assert list(tmp_path.iterdir()) == []


def test_the_same_picture_under_two_labels_at_once_stays_under_one(corrections):
    again = Corrections(corrections.folder)  # as another process has it
    with ThreadPoolExecutor(4) as pool:
        for number in range(20):
            wishes = [pool.submit(keep, kept, number, label) for kept, label in ((corrections, "7"), (again, "1"))]
            assert {wish.result().label for wish in wishes} == {"7", "1"}
    assert len(corrections.all()) == 20
    assert sorted(path.stem for path in corrections.folder.glob("*/*.png")) == sorted(c.id for c in corrections.all())


def test_pictures_of_other_makers_are_left_alone_and_empty_folders_go(corrections):
    kept = keep(corrections, 0, "3")
    for label in ("3", "7"):
        (corrections.folder / label).mkdir(exist_ok=True)
        (corrections.folder / label / "1.png").write_bytes((corrections.folder / "3" / f"{kept.id}.png").read_bytes())
    assert corrections.all() == [kept]
    with pytest.raises(UsageError, match='there is no correction "1"'):
        corrections.undo("1")
    corrections.undo(kept.id)
    assert sorted(str(path.relative_to(corrections.folder)) for path in corrections.folder.glob("*/*.png")) == [
        "3/1.png",
        "7/1.png",
    ]
    corrections.undo(keep(corrections, 1, "9").id)
    assert not (corrections.folder / "9").exists()
