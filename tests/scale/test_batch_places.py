"""Where batches come from and go to: full disks, URLs, object stores without rights; and the command itself."""

import io
import json
import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec

import pytest
from PIL import Image

import inksight
from inksight.errors import DataError, StorageError

pytestmark = [pytest.mark.cluster, pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")]

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
pytest.importorskip("pyarrow.dataset")


PICTURES = 1200


@pytest.fixture(scope="module")
def contents(mnist):
    """Real digits as the bytes of PNG files."""
    found = []
    for image in mnist.test.images[:PICTURES]:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        found.append(file.getvalue())
    return found


@pytest.fixture(scope="module")
def labels(contents, digit_run):
    """What Predictor.predict says of each."""
    reader = inksight.Predictor.load(digit_run)
    return [reader.predict(content).label for content in contents]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, contents):
    root = tmp_path_factory.mktemp("batch") / "pictures"
    root.mkdir()
    for index, content in enumerate(contents):
        (root / f"{index:05}.png").write_bytes(content)
    return root


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr("inksight.inference.batch.listing.PICTURES", 100)


ON_A_SMALL_DISK = """
import glob, os, shutil, subprocess, sys
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=70k", "none", "small"], check=True)
import inksight, inksight.inference.batch.listing as listing
from inksight.errors import StorageError
listing.PICTURES = 100
source, model, address = sys.argv[1:]
def run():
    return inksight.predict_batch(source, "small/a.parquet", model=model, ray_address=address)
for size in ("180k", "20m"):
    try:
        run()
    except StorageError as error:
        print(len(glob.glob("small/*.unfinished/part-*")), "parts:", error)
    subprocess.run(["mount", "-o", f"remount,size={size}", "small"], check=True)
run()
shutil.copy("small/a.parquet", ".")
print("left:", os.listdir("small"))
"""


def test_a_disk_that_fills_again_and_again_loses_nothing(address, pictures, labels, digit_run, tmp_path):
    (tmp_path / "small").mkdir()
    own_mounts = ["unshare", "-rm"]
    if subprocess.run(
        [*own_mounts, "mount", "-t", "tmpfs", "none", tmp_path / "small"], capture_output=True
    ).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    command = [*own_mounts, sys.executable, "-c", ON_A_SMALL_DISK, str(pictures), str(digit_run), address]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    counts = [
        int(count)
        for count in re.findall(r"^(\d+) parts: .* could not be written: the disk is full; free", done.stdout, re.M)
    ]
    assert len(counts) == 2 and 0 < counts[0] < counts[1] <= 12
    assert "is kept in small/a.parquet.unfinished: the same command goes on from there" in done.stdout
    assert "left: ['a.parquet']" in done.stdout
    rows = pq.read_table(tmp_path / "a.parquet").to_pydict()
    assert rows["source"] == [f"{pictures}/{index:05}.png" for index in range(PICTURES)]
    assert rows["label"] == labels and rows["error"] == [None] * PICTURES


def test_a_folder_of_parts_on_the_disk(address, pictures, labels, digit_run, tmp_path, small_shards):
    batch = inksight.predict_batch(pictures, f"{tmp_path}/parts/", model=digit_run, ray_address=address)
    assert batch.pictures == PICTURES
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == [f"part-{n:06}.parquet" for n in range(12)]
    assert [path.name for path in tmp_path.iterdir()] == ["parts"]
    assert pa.dataset.dataset(tmp_path / "parts").to_table()["label"].to_pylist() == labels


def test_a_folder_of_parts_behind_a_url(address, pictures, labels, digit_run, tmp_path, small_shards):
    """The workers write it. A lost part is made again, and no other."""
    out = f"file://{tmp_path}/parts/"
    threads = set(threading.enumerate())

    def lose(done, total, what):
        if what == "answering" and done == 700:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inksight.predict_batch(f"file://{pictures}", out, model=digit_run, ray_address=address, progress=lose)
    assert set(threading.enumerate()) <= threads  # one that asks Ray after its end would end the process
    there = sorted((tmp_path / "parts").glob("part-*"))
    assert 7 <= len(there) < 12 and not (tmp_path / "parts" / "_SUCCESS").exists()
    there[0].write_bytes(there[0].read_bytes()[:-10])
    with pytest.raises(StorageError, match="parts was begun otherwise"):
        inksight.predict_batch(f"file://{pictures}", out, ray_address=address)
    batch = inksight.predict_batch(f"file://{pictures}", out, model=digit_run, ray_address=address)
    assert 600 <= batch.resumed_from < PICTURES == batch.pictures
    rows = pa.dataset.dataset(tmp_path / "parts").to_table().to_pydict()
    assert rows["label"] == labels
    assert rows["source"] == [f"file://{pictures}/{index:05}.png" for index in range(PICTURES)]
    assert json.loads((tmp_path / "parts" / "_SUCCESS").read_text()) == {"pictures": PICTURES, "errors": 0}
    with pytest.raises(StorageError, match="holds a finished batch already; it is left as it was"):
        inksight.predict_batch(f"file://{pictures}", out, model=digit_run, ray_address=address)


@contextmanager
def served(files, status=200):
    """Answers GET and HEAD, pieces too, and the same `status` for all; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            content = files.get(self.path, b"")
            start, end = 0, len(content)
            if status == 200 and (wanted := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))):
                start, end = int(wanted[1]), min(end, int(wanted[2]) + 1)
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
            else:
                self.send_response(status if self.path in files else 404)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(end - start))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content[start:end])

        do_HEAD = do_GET

        def log_message(self, *told):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_parquet_over_http(address, contents, labels, digit_run, tmp_path):
    file = io.BytesIO()
    pq.write_table(pa.table({"image": [{"bytes": each} for each in contents]}), file, row_group_size=500)
    with served({"/digits.parquet": file.getvalue()}) as url:
        batch = inksight.predict_batch(
            f"{url}/digits.parquet", tmp_path / "a.parquet", model=digit_run, ray_address=address
        )
        with pytest.raises(DataError, match="nothing.parquet could not be read: there is no such thing"):
            inksight.predict_batch(f"{url}/nothing.parquet", tmp_path / "b.parquet", ray_address=address)
    assert (batch.pictures, batch.errors) == (PICTURES, 0)
    rows = pq.read_table(tmp_path / "a.parquet").to_pydict()
    assert rows["label"] == labels
    assert rows["source"] == [f"{url}/digits.parquet#{index}" for index in range(PICTURES)]


@pytest.mark.parametrize("status", [401, 403])
def test_a_store_without_rights(tmp_path, status):
    with (
        served({"/digits.parquet": b"secret"}, status) as url,
        pytest.raises(DataError, match=f"digits.parquet could not be read: no right to it .*{status}.*credentials"),
    ):
        inksight.predict_batch(f"{url}/digits.parquet", tmp_path / "a.parquet")
    assert not list(tmp_path.iterdir())


def test_a_folder_without_rights(tmp_path):
    (tmp_path / "pictures" / "mine").mkdir(parents=True)
    (tmp_path / "pictures" / "mine").chmod(0)
    if os.access(tmp_path / "pictures" / "mine", os.R_OK):
        pytest.skip("root may read everything")
    with pytest.raises(DataError, match="pictures could not be read: no right to it"):
        inksight.predict_batch(tmp_path / "pictures", tmp_path / "a.parquet")


def test_the_command_on_this_machine_alone(command, pictures, labels, digit_run, tmp_path):
    done = command(
        tmp_path,
        *("predict", "--batch", str(pictures), "--out", "a.parquet", "--model", str(digit_run), "--json"),
    )
    assert done.returncode == 0
    assert all(line.startswith("answering: ") for line in done.stderr.splitlines())
    answer = json.loads(done.stdout)
    assert answer["pictures"] == PICTURES and answer["errors"] == 0 and answer["out"] == "a.parquet"
    assert set(answer["seconds"]) == {"total", "list", "start", "answering", "join"}
    assert pq.read_table(tmp_path / "a.parquet")["label"].to_pylist() == labels
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


CTRL_C_AFTER_THE_FIRST_PART = """
import os, signal, sys
from inksight.cli import run
from inksight.inference.batch import job, listing
listing.PICTURES = 25
add = job._Tally.add
def add_and_interrupt(self, rows, errors):
    add(self, rows, errors)
    os.kill(os.getpid(), signal.SIGINT)
if sys.argv.pop(1) == "interrupt":
    job._Tally.add = add_and_interrupt
run()
"""


def test_ctrl_c_says_how_to_go_on(address, pictures, labels, digit_run, tmp_path):
    def run(how: str) -> subprocess.CompletedProcess:
        program = [sys.executable, "-c", CTRL_C_AFTER_THE_FIRST_PART, how, "predict", "--batch", str(pictures)]
        program += ["--out", "a.parquet", "--model", str(digit_run), "--ray-address", address]
        return subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    cut = run("interrupt")
    assert (cut.returncode, cut.stdout) == (130, "")
    *progress, last = cut.stderr.splitlines()  # on a slow machine it has told its progress before
    assert last == "Interrupted. The same command goes on from what was answered."
    assert all(line.startswith("answering: ") for line in progress)
    assert not (tmp_path / "a.parquet").exists() and list(tmp_path.glob("*.unfinished/part-*"))
    done = run("to the end")
    assert re.match(r"1,200 pictures answered, [\d,]+ of them by an earlier command; all could be read\.", done.stdout)
    assert done.stdout.endswith("Saved in a.parquet.\n")
    assert all(line.startswith("answering: ") for line in done.stderr.splitlines())
    assert pq.read_table(tmp_path / "a.parquet")["label"].to_pylist() == labels
