"""From the first answer to the last: what it loads, a model replaced under load, SIGTERM."""

import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import numpy as np
import pytest

import inksight
from inksight.runs import MODEL, SHIPPED, load_model_card, write_model

PNG = {"Content-Type": "image/png"}
NOT_ACCEPTED = (httpx.ConnectError, httpx.ReadError, httpx.WriteError)  # not: disconnected without an answer


def test_neither_keras_nor_jax_is_loaded():
    code = (
        "import inksight.serve.server, sys; print(sorted({'keras', 'jax', 'tensorflow', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_the_command_line_does_not_wait_for_the_service():
    heavy = {"starlette", "uvicorn", "onnxruntime", "cv2", "numpy"}
    code = f"import inksight.cli, sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_sigterm_answers_what_is_inside(start, drawing, finish):
    with start() as server:
        inside = server.half_a_request(drawing)
        while server.inside() < 1:
            pass
        server.process.terminate()
        for path, said in (("/v2/health/ready", {"ready": False}), ("/health/ready", {"ready": False})):
            while (answer := server.client.get(path)).status_code == 200:
                pass
            assert (answer.status_code, answer.json()) == (503, said)
        answer = server.client.get("/v2/models/shipped/ready")
        assert (answer.status_code, answer.json()) == (503, {"name": "shipped", "ready": False})
        assert server.client.get("/v2/health/live").json() == {"live": True}
        assert answer.headers["connection"] == "close"
        assert (
            server.client.post("/predict", content=drawing, headers=PNG).status_code == 200
        )  # until it stops listening
        with pytest.raises(ConnectionError, match="refused|reset"):
            while True:
                server.connect().close()
        inside.sendall(drawing[-1:])
        status, _, content = finish(inside)
        assert status == 200 and b'"label":"7"' in content
        assert server.process.wait(timeout=10) == 0
        assert server.process.stderr.read() == "Model: shipped (no run in runs/ yet).\n"


def test_sigterm_under_load_loses_no_request(start, drawing):
    """Eight clients that keep their connections: each is answered with 200 until nobody listens any more."""
    answers: list[int] = []

    def ask(address: str) -> None:
        with httpx.Client(base_url=address, timeout=30) as client, pytest.raises(NOT_ACCEPTED, match="refused|reset"):
            while True:
                answers.append(client.post("/predict", content=drawing, headers=PNG).status_code)

    with start() as server, ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(ask, server.address) for _ in range(8)]
        while len(answers) < 30:
            pass
        server.process.terminate()
        for client in clients:
            client.result()
        assert set(answers) == {200}
        assert server.process.wait(timeout=10) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.slow
def test_an_idle_service_ends_with_0(start, number):
    with start() as server:
        assert server.client.get("/v2/health/ready").status_code == 200
        server.process.send_signal(number)
        assert server.process.wait(timeout=10) == 0


def test_a_second_signal_does_not_wait(start, drawing):
    with start() as server, server.half_a_request(drawing):
        while server.inside() < 1:
            pass
        server.process.terminate()
        while server.client.get("/v2/health/ready").status_code == 200:
            pass
        server.process.terminate()
        assert server.process.wait(timeout=10) == 0


@pytest.fixture
def link(tmp_path):
    """A link called `current`, to the shipped model for now; and a softer model to point it to."""
    softer = tmp_path / "softer"
    softer.mkdir()
    write_model(softer, (SHIPPED / MODEL).read_bytes(), replace(load_model_card(SHIPPED), temperature=4.0))
    current = tmp_path / "current"
    current.symlink_to(SHIPPED)
    return current, softer


def test_a_model_is_replaced_without_a_lost_request(start, link, mnist, ask_tensor, reader):
    """Four clients ask all the while; every answer is 200 and wholly of the version that it names."""
    current, softer = link
    images = mnist.test.images[:3]
    expected = {
        "1": reader.probabilities(images),
        "2": inksight.Predictor.load(softer).probabilities(images),
    }
    seen: list[tuple[int, str, float]] = []
    stop = threading.Event()

    def ask(address: str) -> None:
        with httpx.Client(base_url=address, timeout=30) as client:
            while not stop.is_set():
                answer = client.post("/v2/models/current/infer", json=ask_tensor(images))
                content = answer.json()
                rows = np.float32(content["outputs"][0]["data"]).reshape(3, 10)
                version = content["model_version"]
                seen.append((answer.status_code, version, float(np.abs(rows - expected[version]).max())))

    with start("--model", str(current)) as server:
        clients = [threading.Thread(target=ask, args=(server.address,)) for _ in range(4)]
        for client in clients:
            client.start()
        while len(seen) < 40:
            pass
        current.unlink()
        current.symlink_to(softer)
        server.process.send_signal(signal.SIGHUP)
        while server.client.get("/v2/models/current").json()["versions"] != ["2"]:
            pass
        enough = len(seen) + 40
        while len(seen) < enough:
            pass
        stop.set()
        for client in clients:
            client.join()
        model = [
            line for line in server.client.get("/metrics").text.splitlines() if line.startswith("inksight_model_i")
        ]
        assert model == ['inksight_model_info{name="current",version="2"} 1.0']
    assert {status for status, _, _ in seen} == {200}
    assert {version for _, version, _ in seen} == {"1", "2"}
    assert max(difference for _, _, difference in seen) <= 1e-6


def test_a_model_that_cannot_be_loaded_does_not_replace_the_old(start, link, drawing):
    current, _ = link
    with start("--model", str(current)) as server:
        current.unlink()
        server.process.send_signal(signal.SIGHUP)
        line = server.process.stderr.readline()
        assert line == (
            f'no run "{current}": there is no such folder. Give a run folder, latest or shipped. '
            "The model that was loaded before goes on.\n"
        )
        assert server.client.get("/v2/models/current").json()["versions"] == ["1"]
        assert server.client.post("/predict", content=drawing, headers=PNG).json()["label"] == "7"


def test_who_is_told_what_at_the_start(start):
    with start("--host", "0.0.0.0") as server:
        assert "Warning: whoever reaches 0.0.0.0 may ask this service." in server.process.stderr.readline()
    with start("--host", "localhost", "--token", "secret") as server:
        assert server.address.startswith(("http://127.0.0.1:", "http://[::1]:"))
    if socket.has_ipv6:
        with start("--host", "::1") as server:
            assert server.address.startswith("http://[::1]:")
            assert server.client.get("/v2/health/ready").json() == {"ready": True}
