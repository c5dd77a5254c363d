"""Runs pushed to and pulled from disks, memory, a web server; and what must not be installed."""

import hashlib
import json
import shutil
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec

import fsspec
import pytest

import inksight
from inksight import runs
from inksight.errors import DataError, RunError, StorageError, UsageError
from inksight.integrations.hub import BEGUN, MANIFEST

needs_http = pytest.mark.skipif(
    find_spec("aiohttp") is None, reason="aiohttp is not installed; fsspec needs it for HTTP"
)


@pytest.fixture
def copy(quick_run, tmp_path):
    """A copy of a real run that a test may damage."""
    return shutil.copytree(quick_run.path, tmp_path / "mine")


@pytest.fixture
def shared(copy, tmp_path):
    """Where it was pushed."""
    inksight.push(copy, f"file://{tmp_path}/shared")
    return tmp_path / "shared"


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("place", ["file://{}/a/b", "{}/a/b", "memory://{}/run"])
def test_there_and_back(copy, tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    url, told = place.format(tmp_path), []
    inksight.push(copy, url + "/", progress=lambda *step: told.append(step))
    assert told[-1][0] == told[-1][1] == sum(map(len, content(copy).values()))
    run = inksight.pull(url)
    assert run.path == runs.DEFAULT_ROOT / "mine"
    assert content(run.path) == content(copy)
    assert inksight.Predictor.load(run.path).predict(copy / "confusion.png").label in run.card.classes
    with pytest.raises(StorageError, match="runs/mine exists already; it is left as it was. Choose another --out"):
        inksight.pull(url)
    assert content(inksight.pull(url, out="other").path) == content(copy)


def test_the_list_is_written_last_and_names_each_hash(copy, shared):
    manifest = json.loads((shared / MANIFEST).read_text())
    assert manifest["run"] == "mine"
    assert {name: each["sha256"] for name, each in manifest["files"].items()} == {
        name: hashlib.sha256(data).hexdigest() for name, data in content(copy).items()
    }
    newest = max(shared.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert newest.name == MANIFEST


def test_the_same_run_once_more_is_nothing_new_and_another_is_refused(copy, shared, tmp_path):
    before = {path.name: path.stat().st_mtime_ns for path in shared.iterdir()}
    inksight.push(copy, str(shared))
    inksight.write_readme(copy, license="mit")
    with pytest.raises(StorageError, match="shared holds another run already; it is left as it was"):
        inksight.push(copy, f"file://{shared}")
    assert {path.name: path.stat().st_mtime_ns for path in shared.iterdir()} == before


def test_a_push_that_broke_off_is_no_run_until_it_is_done(copy, shared, tmp_path):
    (shared / MANIFEST).rename(shared / BEGUN)
    (shared / "model.onnx").write_bytes(b"half")
    with pytest.raises(RunError, match=f"shared is no run that was pushed: there is no {MANIFEST}"):
        inksight.pull(f"file://{shared}", out=tmp_path / "back")
    inksight.push(copy, f"file://{shared}")
    assert content(inksight.pull(f"file://{shared}", out=tmp_path / "back").path) == content(copy)
    assert not (shared / BEGUN).exists()
    (shared / MANIFEST).rename(shared / BEGUN)
    before = content(shared)
    inksight.write_readme(copy, license="mit")
    with pytest.raises(StorageError, match=f"another run is being pushed to .*shared, or its push broke off .{BEGUN}"):
        inksight.push(copy, shared)
    assert content(shared) == before


@pytest.mark.parametrize("place", ["other", "file://{}/other", "memory://other"])
def test_nobody_elses_files_are_written_over(quick_run, copy, tmp_path, monkeypatch, place):
    """A run folder that was never pushed, here and behind a URL."""
    monkeypatch.chdir(tmp_path)
    other = shutil.copytree(quick_run.path, tmp_path / "other")
    inksight.write_readme(copy, license="mit")
    files = fsspec.filesystem("memory")
    files.pipe({f"/other/{name}": data for name, data in content(other).items()})
    with pytest.raises(StorageError, match="holds files that are not of this run: README.md. Nothing was sent"):
        inksight.push(copy, place.format(tmp_path))
    assert content(other) == {path.rpartition("/")[2]: data for path, data in files.cat("/other/*").items()}
    files.rm("/other", recursive=True)


def test_a_projects_files_are_left(copy, tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / "README.md").write_text("# My project")
    (project / "config.json").write_text("{}")
    with pytest.raises(StorageError, match="project holds files that are not of this run: README.md, config.json. No"):
        inksight.push(copy, project)
    assert content(project) == {"README.md": b"# My project", "config.json": b"{}"}


def test_what_is_damaged_there_is_sent_again(copy, shared, tmp_path):
    sizes = [(shared / name).stat().st_size for name in ("model.onnx", "history.csv")]
    (shared / "model.onnx").write_bytes(bytes(sizes[0]))
    (shared / "history.csv").unlink()
    told, untouched = [], (shared / "model.keras").stat().st_mtime_ns
    inksight.push(copy, f"file://{shared}", progress=lambda *step: told.append(step))
    assert told[-1] == (sum(sizes), sum(sizes), "sending")
    assert (shared / "model.keras").stat().st_mtime_ns == untouched
    assert content(inksight.pull(f"file://{shared}", out=tmp_path / "back").path) == content(copy)


@pytest.mark.parametrize("keep", [0, 100])
def test_a_torn_list_is_written_anew(copy, shared, tmp_path, keep):
    whole = (shared / MANIFEST).read_bytes()
    (shared / MANIFEST).write_bytes(whole[:keep])
    (shared / BEGUN).write_bytes(whole)
    (shared / "model.onnx").write_bytes(b"half")
    inksight.push(copy, f"file://{shared}")
    assert content(shared) == {**content(copy), MANIFEST: whole}
    (shared / MANIFEST).write_bytes(whole[:keep])
    inksight.write_readme(copy, license="mit")
    with pytest.raises(StorageError, match="shared holds files that are not of this run: README.md. Nothing was sent"):
        inksight.push(copy, f"file://{shared}")


def test_a_strange_name_of_a_run_comes_back_and_that_of_a_file_is_refused(copy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    odd = copy.rename(tmp_path / "odd: 1")
    inksight.push(odd, "memory://odd")
    assert inksight.pull("memory://odd").path == runs.DEFAULT_ROOT / "odd_ 1"
    (odd / "notes: mine.txt").write_text("odd")
    with pytest.raises(RunError, match="odd: 1 holds a file called 'notes: mine.txt'; not every place takes such"):
        inksight.push(odd, tmp_path / "there")
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize("harm", [lambda data: data[:-1], lambda data: data + b"x", lambda data: b"X" + data[1:]])
def test_a_wrong_hash_installs_nothing(copy, shared, tmp_path, harm):
    right = (copy / "model.keras").read_bytes()
    wrong = harm(right)
    (shared / "model.keras").write_bytes(wrong)
    expected = f"{len(right):,} bytes with SHA-256 {hashlib.sha256(right).hexdigest()} expected, {len(wrong):,} with"
    found = "more found" if len(wrong) > len(right) else f"{hashlib.sha256(wrong).hexdigest()} found"
    with pytest.raises(RunError, match=f"model.keras is not the file that was pushed: {expected} {found}. Nothing was"):
        inksight.pull(f"file://{shared}", out=tmp_path / "there" / "back")
    assert not list((tmp_path / "there").iterdir())


@pytest.mark.parametrize(
    "change, text",
    [
        (
            lambda said: said["files"].update({"../../evil": said["files"]["model.onnx"]}),
            r"names '../../evil', which is no",
        ),
        (
            lambda said: said["files"].update({".bashrc": said["files"]["model.onnx"]}),
            r"names '.bashrc', which is no name",
        ),
        (lambda said: said.update(run="/etc"), "names '/etc', which is no name"),
        (lambda said: said["files"].pop("model.keras"), "is not a whole run: model.keras missing"),
        (lambda said: said.update(format=2), "is of format 2; 1 was wanted. Install a newer Inksight"),
        (lambda said: said.pop("files"), r"is damaged .KeyError\('files'\)"),
        (lambda said: said.update(files=[]), "is damaged .AttributeError"),
        (lambda said: said["files"]["model.onnx"].update(bytes=float("inf")), "is damaged .OverflowError"),
    ],
)
def test_a_strange_list_is_refused(shared, tmp_path, change, text):
    said = json.loads((shared / MANIFEST).read_text())
    change(said)
    (shared / MANIFEST).write_text(json.dumps(said))
    with pytest.raises(RunError, match=text):
        inksight.pull(f"file://{shared}", out=tmp_path / "there" / "back")
    assert not (tmp_path / "there").exists()


def test_a_file_that_is_gone(shared, tmp_path):
    (shared / "report.html").unlink()
    with pytest.raises(DataError, match="report.html could not be read: there is no such thing"):
        inksight.pull(f"file://{shared}", out=tmp_path / "there" / "back")
    assert not list((tmp_path / "there").iterdir())


@pytest.mark.slow
@needs_http
def test_over_http(copy, shared, tmp_path, command):
    """A web server that knows no ranges gives a run, and takes none."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *told):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        done = command(tmp_path, "pull", f"{url}/shared", "--out", "back", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["run"] == "back"
        assert content(tmp_path / "back") == content(copy)
        done = command(tmp_path, "pull", f"{url}/elsewhere")
        assert done.returncode == 1 and f"Error: {url}/elsewhere is no run that was pushed" in done.stderr
        done = command(tmp_path, "push", "mine", f"{url}/new")
        refused = f"Error: {url}/new/{BEGUN} could not be written: that place takes no files"
        assert done.returncode == 1 and refused in done.stderr
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Refusing(BaseHTTPRequestHandler):
    """Answers with the number that is the first part of the path."""

    def do_GET(self):
        self.send_error(int(self.path.split("/")[1]))

    do_HEAD = do_GET

    def log_message(self, *told):
        pass


@pytest.mark.parametrize(
    "status, text",
    [
        (401, "could not be read: no right to it .401, message='Unauthorized'"),
        (403, "could not be read: no right to it .403, message='Forbidden'"),
        (500, "could not be read: 500, message='Internal Server Error'.* Try again when it can be reached"),
        (503, "could not be read: 503, message='Service Unavailable'.* Try again when it can be reached"),
    ],
)
@needs_http
@pytest.mark.slow
def test_what_a_web_server_answers_is_told(copy, tmp_path, status, text):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    place = f"127.0.0.1:{server.server_port}"
    try:
        with pytest.raises(DataError, match=f"http://{place}/{status}/run/{MANIFEST} {text}") as refused:
            inksight.pull(f"http://ada:secret@{place}/{status}/run", out=tmp_path / "back")
        assert "secret" not in str(refused.value)
        with pytest.raises(StorageError, match=f"http://{place}/{status}/run/{MANIFEST} {text}.* Nothing was sent"):
            inksight.push(copy, f"http://{place}/{status}/run")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    with pytest.raises(DataError, match="could not be read: .*Connect call failed .* Try again when it can be reached"):
        inksight.pull(f"http://{place}/{status}/run", out=tmp_path / "back")


class Full(fsspec.get_filesystem_class("memory")):
    """A store that refuses in the middle."""

    protocol = "full"

    def pipe_file(self, path, value, mode="overwrite", **options):
        if path.endswith("model.keras"):
            raise PermissionError("Access Denied")
        super().pipe_file(path, value, mode, **options)


def test_a_place_that_refuses_holds_no_run(copy, tmp_path):
    fsspec.register_implementation("full", Full, clobber=True)
    with pytest.raises(StorageError, match="full://x/run/model.keras could not be written: no right to it"):
        inksight.push(copy, "full://x/run")
    with pytest.raises(RunError, match="full://x/run is no run that was pushed"):
        inksight.pull("full://x/run", out=tmp_path / "back")
    with pytest.raises(UsageError, match="nowhere://x needs a package|nowhere://x is of a kind that nobody here knows"):
        inksight.push(copy, "nowhere://x")


def test_latest_is_told_by_its_name(quick, tmp_path, command):
    answer, folder = quick
    done = command(folder, "push", "latest", str(tmp_path / "shared"), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"run": answer["run"], "url": str(tmp_path / "shared")}
    done = command(folder, "track", "latest", "--to", "tensorboard", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run"] == answer["run"]
    shutil.rmtree(folder / "runs" / "tensorboard")


def test_without_a_card_that_says_how_good_it_is_nothing_is_pushed(copy, tmp_path):
    card = (copy / "README.md").read_text()
    (copy / "README.md").write_text(card.replace("- type: accuracy", "- type: speed"))
    with pytest.raises(RunError, match="does not say how accurate the model is .* inksight card .*mine writes one"):
        inksight.push(copy, tmp_path / "shared")
    (copy / "README.md").unlink()
    with pytest.raises(RunError, match=r"mine has no model card \(README.md\).* inksight card .*mine writes one"):
        inksight.push(copy, tmp_path / "shared")
    assert not (tmp_path / "shared").exists()
    with pytest.raises(UsageError, match="the shipped model comes with every Inksight"):
        inksight.push("shipped", tmp_path / "shared")


def test_a_changed_model_is_not_pushed(copy, tmp_path):
    (copy / "model.onnx").write_bytes((copy / "model.onnx").read_bytes() + b"\0")
    with pytest.raises(RunError, match="model.onnx is not the model that model.json describes"):
        inksight.push(copy, tmp_path / "shared")
