"""Fetching from a real local server: good, dead, missing, wrong, cut, stalled; a full disk; two at once."""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inksight.data import fetch as fetching
from inksight.data import load, sample
from inksight.data.fetch import fetch_file, fetch_set, is_fetched
from inksight.data.named import load_named_part
from inksight.data.registry import IDX_FILES, MNIST, SETS, KnownSet
from inksight.errors import DataError, FetchError, StorageError

NAME = "train-images-idx3-ubyte.gz"


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@pytest.fixture
def dead() -> str:
    """An address where nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}/"


@pytest.fixture
def tiny(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KnownSet:
    """A small set in the registry that lives on the local server, and an empty cache."""
    monkeypatch.setenv("INKSIGHT_CACHE", str(tmp_path / "cache"))
    known = KnownSet(
        name="tiny",
        title="small",
        classes=("a", "b"),
        license="none",
        homepage="",
        hashes={key: sha256(server.files[name]) for key, name in IDX_FILES.items()},
        packed_bytes=0,
        mirrors=(server.address(),),
        count=(20, 10),
    )
    monkeypatch.setitem(SETS, "tiny", known)
    return known


@pytest.mark.parametrize("bad", ["missing", "wrong", "cut"])
def test_the_second_mirror_is_used(server: Any, tmp_path: Path, bad: str) -> None:
    content = server.files[NAME]
    path = fetch_file((server.address(bad), server.address()), NAME, sha256(content), tmp_path)
    assert path.read_bytes() == content
    assert server.asked == [f"/{bad}/{NAME}", f"/good/{NAME}"]
    assert list(tmp_path.iterdir()) == [path]


def test_the_error_names_every_source_and_what_was_wrong(server: Any, dead: str, tmp_path: Path) -> None:
    content = server.files[NAME]
    mirrors = (dead, *map(server.address, ("missing", "wrong", "cut")))
    with pytest.raises(FetchError) as caught:
        fetch_file(mirrors, NAME, sha256(content), tmp_path / "set")
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{NAME} could not be fetched; nothing was kept. Tried:"
    assert lines[1] == f"  {dead}{NAME}: unreachable (Connection refused)"
    assert lines[2] == f"  {mirrors[1]}{NAME}: the server answered HTTP 404"
    wrong = sha256(bytes(len(content)))
    assert lines[3] == f"  {mirrors[2]}{NAME}: wrong content: expected {sha256(content)}, found {wrong}"
    assert lines[4] == f"  {mirrors[3]}{NAME}: the connection was cut before all of it came"
    assert lines[5].startswith("Check the connection") and str(tmp_path / "set" / NAME) in lines[5]
    assert list((tmp_path / "set").iterdir()) == []


def test_a_silent_server_is_given_up(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT_S", 0.2)
    with pytest.raises(FetchError, match="no answer in time"):
        fetch_file((server.address("stalled"),), NAME, sha256(b""), tmp_path)


def test_what_is_there_and_right_is_not_fetched_again(server: Any, tmp_path: Path) -> None:
    content = server.files[NAME]
    for _ in range(2):
        fetch_file((server.address(),), NAME, sha256(content), tmp_path)
    assert len(server.asked) == 1
    (tmp_path / NAME).write_bytes(content[:100])
    assert fetch_file((server.address(),), NAME, sha256(content), tmp_path).read_bytes() == content


def test_md5_is_checked_too(server: Any, tmp_path: Path) -> None:
    known = "md5:" + hashlib.md5(server.files[NAME]).hexdigest()
    assert fetch_file((server.address(),), NAME, known, tmp_path).is_file()
    with pytest.raises(FetchError, match=r"expected md5:0, found md5:[0-9a-f]{32}"):
        fetch_file((server.address(),), NAME, "md5:0", tmp_path)


def test_progress_reaches_the_end(server: Any, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    content = server.files[NAME]
    fetch_file((server.address(),), NAME, sha256(content), tmp_path, lambda *step: told.append(step))
    assert told[-1] == (len(content), len(content), f"fetching {NAME}")
    assert all(done <= total for done, total, _ in told)


FETCH = """
import sys
from pathlib import Path
from inksight.data.fetch import fetch_file
from inksight.errors import StorageError
try:
    print(fetch_file((sys.argv[1],), sys.argv[2], sys.argv[3], Path(sys.argv[4])))
except StorageError as error:
    sys.exit(f"StorageError: {error} Left: {list(Path(sys.argv[4]).iterdir())}")
"""
ON_A_FULL_DISK = """
import subprocess, sys
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", sys.argv[4]], check=True)
"""
WITH_A_FILE_LIMIT = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
"""


def can_mount(place: Path) -> bool:
    """Whether a small disk of our own can be had here, in a namespace that ends with its process."""
    if not shutil.which("unshare"):
        return False
    trial = ["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)]
    return subprocess.run(trial, capture_output=True).returncode == 0


def test_a_full_disk_loses_nothing(server: Any, tmp_path: Path) -> None:
    server.files["big"] = np.random.default_rng(0).bytes(300_000)
    arguments = [server.address(), "big", sha256(server.files["big"]), str(tmp_path)]
    if can_mount(tmp_path):
        command = ["unshare", "-rm", sys.executable, "-c", ON_A_FULL_DISK + FETCH, *arguments]
        reason = "the disk is full; free some space and run it again"
    else:
        command = [sys.executable, "-c", WITH_A_FILE_LIMIT + FETCH, *arguments]
        reason = "File too large"
    result = subprocess.run(command, capture_output=True, text=True)
    assert f"StorageError: {tmp_path}/big could not be written: {reason}" in result.stderr
    assert result.stderr.rstrip().endswith("Left: []")


def test_no_right_to_write_is_a_storage_error(server: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="could not be written"):
        fetch_file((server.address(),), NAME, sha256(server.files[NAME]), tmp_path / "file" / "set")


def test_two_processes_may_fetch_at_once(server: Any, tmp_path: Path) -> None:
    content = np.random.default_rng(1).bytes(3_000_000)
    server.files["big"] = content
    command = [sys.executable, "-c", FETCH, server.address(), "big", sha256(content), str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    for process in processes:
        output, complaint = process.communicate(timeout=60)
        assert (process.returncode, complaint) == (0, b"")
        assert output.decode().strip() == str(tmp_path / "big")
    assert [path.name for path in tmp_path.iterdir()] == ["big"]
    assert (tmp_path / "big").read_bytes() == content


def test_a_named_set_is_fetched_once_and_loaded(server: Any, tiny: KnownSet, tmp_path: Path) -> None:
    assert not is_fetched(tiny)
    data = load("tiny")
    assert is_fetched(tiny) and fetch_set(tiny) == tmp_path / "cache" / "tiny"
    assert (data.train.images.shape, data.test.images.shape) == ((20, 28, 28), (10, 28, 28))
    assert (data.classes, data.preprocessing, str(data.train.labels.dtype)) == (("a", "b"), "resize", "int64")
    assert len(server.asked) == 4


def test_a_sample_fetches_only_its_part(server: Any, tiny: KnownSet) -> None:
    image, label, classes, _ = sample("tiny", 3)
    assert (image.shape, classes[label]) == ((28, 28), "b")
    assert all("t10k" in path for path in server.asked) and len(server.asked) == 2


def test_a_damaged_package_is_noticed() -> None:
    broken = replace(MNIST, hashes={**MNIST.hashes, ("test", "labels"): "sha256:0"})
    with pytest.raises(DataError, match=r"damaged: t10k-labels-idx1-ubyte\.gz unpacks to .* Install inksight again"):
        load_named_part(broken, "test")


def test_every_row_of_the_registry_is_complete() -> None:
    lengths = {"sha256": 64, "md5": 32}
    for name, known in SETS.items():
        assert known.name == name and len(known.classes) == 10
        assert set(known.hashes) == set(IDX_FILES)
        assert all(len(value) == lengths[kind] for kind, value in (hash.split(":") for hash in known.hashes.values()))
        assert known.embedded or all(mirror.endswith("/") for mirror in known.mirrors)
