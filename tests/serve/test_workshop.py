"""Train, Runs and Teach over HTTP: a real `inksight app` with a small real data set, trainings in real processes."""

import base64
import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

import inksight

WHILE_S = 120


@contextlib.contextmanager
def app(folder, *arguments, **environment):
    """`inksight app` in a folder: (client, process)."""
    program = [sys.executable, "-W", "error", "-m", "inksight", "app", "--no-browser", "--port", "0", "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = {**os.environ, **environment}
    with subprocess.Popen([*program, *arguments], cwd=folder, env=environment, **pipes) as process:
        try:
            address = json.loads(process.stdout.readline())["address"].rstrip("/")
            with httpx.Client(base_url=address, timeout=60) as client:
                yield client, process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def place(tmp_path_factory, small_mnist):
    """A folder with a set of 400 digits."""
    folder = tmp_path_factory.mktemp("workshop")
    for index in range(400):
        kind = folder / "digits" / str(small_mnist.train.labels[index])
        kind.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(kind / f"{index}.png"), small_mnist.train.images[index])
    return folder


@pytest.fixture(scope="module")
def client(place, tmp_path_factory):
    cache = str(tmp_path_factory.mktemp("cache"))
    with app(place, "--data", "digits", INKSIGHT_CACHE=cache) as (client, _):
        yield client


@pytest.fixture(scope="module")
def trained(client) -> dict:
    """A training that went well, as the page sees it in the end."""
    wish = {"data": "digits", "preset": "quick", "choices": {"epochs": 30, "batch_size": 32}}
    assert client.post("/app/training", json=wish).status_code == 201
    return until(client, lambda training: training["state"] != "running")


def until(client, is_so, after=0) -> dict:
    """How the training goes once it is so."""
    ends = time.monotonic() + WHILE_S
    while time.monotonic() < ends:
        training = client.get("/app/training", params={"after": after}).json()
        if is_so(training):
            return training
        time.sleep(0.05)
    raise AssertionError(training)


def same(rows: list[dict], kept: list[dict]) -> bool:
    """Whether rows are those that were kept; files have nine digits."""
    return rows == [pytest.approx(row, rel=1e-8) for row in kept]


def processes_of(program: str) -> list[int]:
    """Processes whose command line holds a text."""
    found = []
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if entry.isdecimal() and program in Path(f"/proc/{entry}/cmdline").read_text().replace("\0", " "):
                found.append(int(entry))
    return found


def gone(program: str) -> bool:
    """Whether no process with this in its command line is left, soon."""
    ends = time.monotonic() + WHILE_S
    while processes_of(program) and time.monotonic() < ends:
        time.sleep(0.05)
    return not processes_of(program)


def test_what_can_be_chosen_comes_from_the_fields_of_the_config(client):
    options = client.get("/app/training/options").json()
    assert options["data"] == ["mnist", "digits"]
    assert [preset["name"] for preset in options["presets"]] == ["quick", "tutorial", "standard", "thorough", "robust"]
    assert set(inksight.PRESETS) == {preset["name"] for preset in options["presets"]}
    knobs = {knob["name"]: knob for knob in options["knobs"]}
    assert list(knobs)[:5] == ["kernel_size", "pool_size", "activation", "dropout", "dense_units"]
    assert knobs["dropout"] == {
        "name": "dropout",
        "help": "Share of units dropped before the last layer.",
        "among": None,
        "low": 0,
        "high": 0.99,
        "whole": False,
    }
    assert "sgd" in knobs["optimizer"]["among"] and knobs["epochs"]["whole"]
    assert options["presets"][1]["values"]["dense_units"] == 128, "the network's own"


def test_a_training_is_watched_and_then_used(client, trained, place):
    assert trained["state"] == "done", trained["error"]
    assert trained["what"] == {"data": "digits", "preset": "quick", "choices": {"epochs": 30, "batch_size": 32}}
    run = inksight.load_run(place / "runs" / trained["run"])
    assert same(trained["rows"], run.history) and trained["done"] == trained["planned"] == 240
    assert trained["result"]["test"]["accuracy"] > 0.5
    again = client.get("/app/training", params={"after": len(run.history) - 1}).json()
    assert again["rows"] == trained["rows"][-1:] and again["num_rows"] == len(run.history)
    assert client.get("/app/model").json()["name"] == "shipped"
    assert client.post(f"/app/runs/{trained['run']}/use").json() == {"answers": trained["run"]}
    assert client.get("/app/model").json()["name"] == trained["run"]
    assert client.get(f"/v2/models/{trained['run']}").status_code == 200
    assert client.post("/app/runs/shipped/use").json() == {"answers": "shipped"}


def test_a_model_is_replaced_without_a_lost_answer(client, trained, drawing):
    def ask(_) -> tuple[int, str]:
        answer = client.post("/predict", content=drawing, headers={"Content-Type": "image/png"})
        return answer.status_code, answer.json()["label"]

    with ThreadPoolExecutor(6) as pool:
        answers = pool.map(ask, range(120))
        for name in (trained["run"], "shipped") * 3:
            assert client.post(f"/app/runs/{name}/use").status_code == 200
        assert [status for status, _ in answers] == [200] * 120


def test_runs_are_listed_with_their_curves_and_mistakes(client, trained):
    table = client.get("/app/runs").json()
    assert table["answers"] == "shipped"
    mine, shipped = (next(run for run in table["runs"] if run["name"] == name) for name in (trained["run"], "shipped"))
    assert mine["test"]["accuracy"] == trained["result"]["test"]["accuracy"] and mine["can_be_finetuned"]
    assert shipped["test"]["images"] == 10_000 and not shipped["can_be_finetuned"]
    run = client.get(f"/app/runs/{trained['run']}").json()
    assert same(trained["rows"], run["history"]) and run["layers"][-1]["name"] == "probabilities"
    assert run["command"].startswith("inksight train ") and "digits --preset quick" in run["command"]
    asked = client.get(f"/app/runs/{trained['run']}/evaluation").json()
    assert np.sum(asked["confusion"]) == asked["images"] == trained["result"]["test"]["images"]
    assert asked["num_wrong"] == trained["result"]["test"]["errors"] == len(asked["wrong"])
    for wrong in asked["wrong"]:
        assert wrong["predicted"] != wrong["label"] and wrong["file"].startswith(f"{wrong['label']}/")
    content = base64.b64decode(asked["wrong"][0]["picture"].removeprefix("data:image/png;base64,"))
    assert cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE).shape == (28, 28)


@pytest.mark.parametrize("name", ["..", "%2e%2e%2fdigits", "..%2F..%2Fetc", "%2Ftmp", "nothing", "digits"])
def test_no_path_is_ever_opened(client, name):
    for path in (f"/app/runs/{name}", f"/app/runs/{name}/evaluation"):
        assert client.get(path).status_code == 404
    assert client.post(f"/app/runs/{name}/use").status_code == 404
    assert client.post("/app/training", json={"data": f"../{name}"}).status_code == 400


BAD_WISHES = {
    "no JSON": (b"{", "the request is not JSON"),
    "no object": (b"[]", "the request is no JSON object; one was wanted."),
    "no such set": ({"data": "digit"}, 'no data set "digit". Did you mean digits? Known: digits'),
    "no such preset": ({"preset": "quik"}, 'no preset "quik". Did you mean quick?'),
    "no such knob": ({"choices": {"epoch": 3}}, 'no knob "epoch". Did you mean epochs?'),
    "no knob": ({"choices": {"net": "compact"}}, 'no knob "net". Known: activation, '),
    "too much": ({"choices": {"dropout": 1}}, "dropout is 1; a number from 0 to 0.99 was wanted."),
    "not whole": ({"choices": {"epochs": 1.5}}, "epochs is 1.5; a whole number from 1 to 100000 was wanted."),
    "no number": ({"choices": {"dropout": "many"}}, "dropout is 'many'; a number from 0 to 0.99 was wanted."),
    "no such name": ({"choices": {"optimizer": "adm"}}, 'no optimizer "adm". Did you mean adam'),
    "no text": ({"choices": {"loss": 3}}, "loss is 3; a text was wanted"),
    "a list": ({"choices": []}, "the preset has to be a text and the choices an object of knobs and values."),
    "no time": ({"time_s": 0}, "the time limit is 0 seconds; a number from 1 to 86400 was wanted."),
    "no run": ({"finetune": "mnist-quick-99"}, 'no run "mnist-quick-99".'),
}


@pytest.mark.parametrize(("wish", "text"), BAD_WISHES.values(), ids=BAD_WISHES)
def test_bad_wishes_are_refused_in_words(client, wish, text):
    body = wish if isinstance(wish, bytes) else json.dumps(wish).encode()
    answer = client.post("/app/training", content=body)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"].startswith(text), answer.json()


@pytest.mark.slow
def test_one_at_a_time_and_stop_keeps_what_was_learned(client, trained, place):
    wish = {"data": "digits", "preset": "quick", "choices": {"epochs": 100_000}}
    assert client.post("/app/training/stop").json()["error"] == "no training is running."
    assert client.post("/app/training", json=wish).status_code == 201
    refused = client.post("/app/training", json=wish)
    assert refused.status_code == 400
    assert refused.json()["error"] == "a training is running already; stop it, or wait for its end."
    going = until(client, lambda training: len(training["rows"]) > 3 and training["seconds_left"])
    assert (going["state"], going["phase"]) == ("running", "training") and 0 < going["done"] < going["planned"]
    assert client.post("/app/training/stop").status_code == 200
    ended = until(client, lambda training: training["state"] not in ("running", "stopping"))
    assert ended["state"] == "done" and ended["result"]["ended"] == "interrupted"
    assert inksight.load_run(place / "runs" / ended["run"]).metrics["ended"] == "interrupted"


@pytest.mark.slow
def test_stopped_twice_it_gives_up(client, trained):
    client.post("/app/training", json={"data": "digits", "choices": {"epochs": 100_000}})
    until(client, lambda training: training["phase"] == "training")
    client.post("/app/training/stop")
    client.post("/app/training/stop")
    ended = until(client, lambda training: training["state"] not in ("running", "stopping"))
    assert ended["state"] in ("given up", "done"), ended


def test_a_training_that_fails_says_why(client, trained):
    client.post("/app/training", json={"data": "digits", "preset": "tutorial", "choices": {"kernel_size": 60}})
    ended = until(client, lambda training: training["state"] != "running")
    assert ended["state"] == "failed" and ended["run"] is None
    assert ended["error"].startswith("kernel_size 60 is too large for pictures of 28×28 px: ")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks for processes in /proc")
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
@pytest.mark.slow
def test_the_training_ends_with_the_service(place, ending, tmp_path):
    shutil.copytree(place / "digits", tmp_path / "unlike-any-other")
    with app(tmp_path, "--data", "unlike-any-other", INKSIGHT_CACHE=str(tmp_path)) as (client, process):
        client.post("/app/training", json={"data": "unlike-any-other", "choices": {"epochs": 100_000}})
        until(client, lambda training: training["phase"] == "training")
        assert processes_of("unlike-any-other --preset")
        process.send_signal(ending)
        assert process.wait(30) == (0 if ending == signal.SIGTERM else -signal.SIGKILL)
        assert gone("unlike-any-other --preset")


def zipped(place, names=("0", "1", "2")) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            for path in sorted((place / "digits" / name).iterdir())[:12]:
                archive.write(path, f"my digits/{name}/{path.name}")
    return stream.getvalue()


@pytest.mark.slow
def test_an_uploaded_zip_can_be_trained_on(client, trained, place):
    content = zipped(place)
    added = client.post("/app/data", params={"name": "../../My Digits!.zip"}, content=content).json()
    assert added["classes"] == ["0", "1", "2"] and added["pictures"] == 36
    assert added["findings"] == ["3 classes with fewer than 20 training pictures"]
    assert added["name"].startswith("My-Digits-")
    assert client.post("/app/data", params={"name": "My Digits!"}, content=content).json() == added, "the same again"
    assert client.get("/app/training/options").json()["data"] == ["mnist", "digits", added["name"]]
    client.post("/app/training", json={"data": added["name"], "choices": {"epochs": 5, "batch_size": 8}})
    ended = until(client, lambda training: training["state"] != "running")
    assert ended["state"] == "done", ended["error"]
    assert len(client.get("/app/runs").json()["runs"]) >= 3


@pytest.mark.parametrize("kind", ["up", "nothing", "one class"])
def test_bad_zips_are_refused(client, place, kind):
    content = {"up": zipped(place).replace(b"my digits/0/", b"my digit/../"), "nothing": b"", "one class": b"PK"}[kind]
    answer = client.post("/app/data", params={"name": "some.zip"}, content=content)
    assert answer.status_code == 422
    text = "leads out of its folder; nothing was unpacked" if kind == "up" else "some.zip is no zip that can be read"
    assert text in answer.json()["error"]


@pytest.mark.slow
def test_an_answer_is_corrected_exported_taken_back_and_learned(client, trained, place, drawing, png, small_mnist):
    def correct(content: bytes, label: str) -> httpx.Response:
        return client.post("/app/corrections", params={"label": label}, content=content)

    kept = correct(drawing, "1").json()
    assert (kept["label"], kept["given"], kept["model"]) == ("1", "7", "shipped") and kept["confidence"] > 0.5
    assert client.get("/app/corrections").json()["corrections"] == [kept]
    assert client.post(f"/app/corrections/{kept['id']}/undo").json() == {"id": kept["id"], "label": "1"}
    assert client.post(f"/app/corrections/{kept['id']}/undo").status_code == 400
    assert client.get("/app/corrections.zip").status_code == 422
    assert 'no class "seven". ' in correct(drawing, "seven").json()["error"]
    assert correct(b"no picture", "7").status_code == 422
    assert correct(png(np.full((60, 60), 250, np.uint8)), "7").status_code == 422, "a blank"

    pictures = [png(255 - cv2.resize(image, (84, 84))) for image in small_mnist.validation.images[:8]]
    labels = [str(label) for label in small_mnist.validation.labels[:8]]
    with ThreadPoolExecutor(8) as pool:
        assert {answer.status_code for answer in pool.map(correct, pictures, labels)} == {201}
    found = client.get("/app/corrections").json()
    assert found["count"] == 8 and sorted(each["label"] for each in found["corrections"]) == sorted(labels)
    exported = client.get("/app/corrections.zip")
    assert exported.headers["content-disposition"] == 'attachment; filename="corrections.zip"'
    with zipfile.ZipFile(io.BytesIO(exported.content)) as archive:
        assert len(archive.namelist()) == 9 and archive.testzip() is None

    assert client.post("/app/training", json={"finetune": trained["run"]}).status_code == 201
    ended = until(client, lambda training: training["state"] != "running")
    assert ended["state"] == "done", ended["error"]
    tuned = ended["result"]["finetune"]
    assert tuned["learned"]["images"] == 8 and tuned["test_before"]["images"] == trained["result"]["test"]["images"]
    assert client.get(f"/app/runs/{ended['run']}").json()["finetune"] == tuned


def test_serve_has_none_of_it(server):
    for path in ("/app/training", "/app/runs", "/app/corrections", "/app/data", "/app/training/options"):
        assert server.client.get(path).status_code == 404
        assert server.client.post(path, content=b"{}").status_code == 404
