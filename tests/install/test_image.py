"""The Dockerfile's own lines, run by scripts/docker/steps.py: what comes of them answers, and lacks what trains."""

import json
import signal
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ABSENT = {"jax", "jaxlib", "keras", "matplotlib", "onnx", "scipy"}


@pytest.fixture(scope="module")
def image(interpreter, tmp_path_factory):
    """How a container starts."""
    python = interpreter("3.13") or sys.executable
    steps = [sys.executable, str(ROOT / "scripts/docker/steps.py"), str(tmp_path_factory.mktemp("image"))]
    done = subprocess.run([*steps, "--python", python], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def seven(mnist, tmp_path) -> Path:
    path = tmp_path / "seven.png"
    Image.fromarray(255 - mnist.test.images[0]).resize((140, 140)).save(path)
    return path


class Container:
    """A command in the image, whose port is another one here."""

    def __init__(self, image, command):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.image, self.address = image, f"http://127.0.0.1:{self.port}"
        self.process = started(image, [*command, "--port", str(self.port)])
        self.process.stderr.readline()  # the warning that there is no token
        self.process.stderr.readline()  # which model answers
        assert str(self.port) in self.process.stderr.readline()

    def is_healthy(self):
        return is_healthy(self.image, self.port)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)
        return self.process.returncode


def started(image, command):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=image["folder"], env=image["environment"], **pipes)


def is_healthy(image, port):
    check = [word.replace(image["port"], str(port)) for word in image["healthcheck"]]
    return subprocess.run(check, env=image["environment"], capture_output=True, timeout=30).returncode == 0


def test_it_holds_what_is_pinned_and_nothing_that_trains(image):
    python = Path(image["root"]) / "opt/inksight/bin/python"
    check = subprocess.run([python, ROOT / "scripts/pin", "--check"], capture_output=True, text=True)
    assert check.returncode == 0, check.stdout
    (packages,) = Path(image["root"]).rglob("site-packages")
    installed = {metadata.Distribution.at(path).name.lower() for path in packages.glob("*.dist-info")}
    assert {"inksight", "onnxruntime", "starlette"} <= installed
    assert not ABSENT & installed


def test_it_answers_over_http(image, seven):
    container = Container(image, image["entrypoint"])
    try:
        assert container.is_healthy()
        content = seven.read_bytes()
        png = {"Content-Type": "image/png"}
        with httpx.Client(base_url=container.address) as client:
            assert client.get("/v2/health/ready").status_code == 200
            assert client.post("/predict", content=content, headers=png).json()["label"] == "7"
            assert client.post("/read", content=content, headers=png).json()["text"] == "7"
            data = np.zeros(784, int).tolist()
            tensor = {"name": "images", "shape": [1, 28, 28, 1], "datatype": "UINT8", "data": data}
            answer = client.post("/v2/models/shipped/infer", json={"inputs": [tensor]}).json()
            assert answer["outputs"][0]["shape"] == [1, 10]
    finally:
        code = container.stop()
    assert code == 0
    assert not container.is_healthy()


def test_the_page_opens_there_too(image, seven):
    container = Container(image, ["inksight", "app", "--no-browser", "--host", "0.0.0.0"])
    try:
        with httpx.Client(base_url=container.address) as client:
            assert "<title>" in client.get("/").text
            assert client.post("/app/seen", content=seven.read_bytes()).json()["answer"]["label"] == "7"
            inside = client.post("/app/inside", content=seven.read_bytes())
            assert inside.status_code == 500
            assert inside.json()["error"].startswith(
                "onnx is not installed; an installation that only serves lacks it."
            )
    finally:
        assert container.stop() == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("predict seven.png", 0, "seven.png: 7 ("),
        ("read seven.png", 0, "seven.png: 7"),
        ("predict mnist:4444 --json", 0, '"label": "9"'),
        ("data list", 0, "mnist"),
        ("train", 1, "Error: the backend jax is not installed. Install it: pip install jax."),
        (
            "explain seven.png",
            1,
            "Error: onnx is not installed; an installation that only serves lacks it.",
        ),
        ("evaluate shipped --out figures", 1, "Error: matplotlib is not installed; "),
        (
            "predict --batch . --out all.parquet",
            1,
            "Error: pyarrow is not installed. Install what needs it: ",
        ),
    ],
)
def test_the_other_commands_work_or_say_what_is_missing(image, seven, words, code, said):
    program = ["inksight", *words.split()]
    environment = {name: value for name, value in image["environment"].items() if name != "KERAS_BACKEND"}  # the tests'
    done = subprocess.run(program, cwd=seven.parent, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
