import os
import re
import subprocess
import sys

import pytest

from inksight.errors import StorageError
from inksight.utils.atomic import LEFT_BEHIND, whole_file, whole_folder


def test_a_file_appears_only_when_its_block_ends_well(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with whole_file(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]


def test_an_error_leaves_the_old_file_and_no_traces(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ValueError, match="half way"), whole_file(path) as temporary:
        temporary.write_text("new")
        raise ValueError("half way")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_that_exists_is_never_replaced(tmp_path):
    path = tmp_path / "run"
    path.mkdir()
    (path / "precious").touch()
    with pytest.raises(StorageError, match="exists already; it is left as it was"), whole_folder(path) as folder:
        (folder / "new").touch()
    assert [entry.name for entry in path.iterdir()] == ["precious"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]


def test_a_folder_being_filled_has_a_name_that_nobody_else_gives(tmp_path):
    with whole_folder(tmp_path / "run") as folder:
        assert re.fullmatch(rf"\.run{LEFT_BEHIND}", folder.name)
        assert folder.parent == tmp_path


def test_rights_are_those_of_an_ordinary_file(tmp_path):
    with whole_file(tmp_path / "a") as temporary:
        temporary.touch()
    plain = tmp_path / "b"
    plain.touch()
    assert (tmp_path / "a").stat().st_mode == plain.stat().st_mode


# A file-size limit makes the kernel refuse a write just as a full disk does, with EFBIG for ENOSPC.
_WRITER = """
import errno, resource, signal, sys
from pathlib import Path
from inksight.utils import atomic
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with atomic.whole_folder(Path(sys.argv[1])) as folder:
    (folder / "big").write_bytes(bytes(5000))
"""


def test_a_refused_write_is_a_storage_error_and_leaves_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _WRITER, str(tmp_path / "run")], capture_output=True, text=True, timeout=60
    )
    assert "StorageError" in done.stderr
    assert "could not be written" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_named(tmp_path):
    with (
        pytest.raises(StorageError, match="the disk is full; free some space"),
        whole_folder(tmp_path / "run"),
        open("/dev/full", "w") as file,
    ):
        file.write("x" * 100_000)
