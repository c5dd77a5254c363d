"""The service under load, against what one writes first: FastAPI and `keras.Model.predict`.

    python benchmarks/serve.py [RUN | shipped] [--repeats 5] [--seconds 3] [--starts 5] [--peer PYTHON]

Both serve the network of RUN and get the same request: a form with one MNIST digit as a PNG. 1, 8 and 64 clients ask it
from a second process (service/load.py) on the same cores. Each repeat lasts --seconds, and the two take turns, so that
a slow minute hits both; the first turn of each is the warm-up and does not count. Where there is no model.keras, as in
`shipped`, the peer is left out. It runs on JAX, or on TensorFlow in the interpreter that --peer names (with FastAPI,
uvicorn, python-multipart and Pillow), as it would in the tutorial. Then ours alone: a tensor over `/v2`, a drawing of
140 px whose ink has to be found, from the start of the process to its first "ready", and its memory after all of that.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
from sitting import report, spread

import inksight
from inksight import runs

HERE = Path(__file__).resolve().parent / "service"
CLIENTS = (1, 8, 64)
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
BOUNDARY = "a-digit-ends-here"
FORM = f"multipart/form-data; boundary={BOUNDARY}"

Question = tuple[str, str, Path]  # path, content type, file of the body


@contextlib.contextmanager
def ours(run: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Our service; entered when it is ready."""
    program = [sys.executable, "-m", "inksight", "serve", "--port", "0", "--json", "--model", run]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["address"]
        urllib.request.urlopen(f"{address}/v2/health/ready").close()
        try:
            yield process, int(address.rpartition(":")[2])
        finally:
            process.terminate()


@contextlib.contextmanager
def theirs(model: Path, port: int, python: str | None) -> Iterator[int]:
    """The peer, entered when it listens."""
    program = [python or sys.executable, str(HERE / "keras_service.py"), str(model), str(port)]
    backend = "jax" if python is None else "tensorflow"
    with subprocess.Popen(program, env={**ENVIRONMENT, "KERAS_BACKEND": backend}) as process:
        while process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json").close()
                break
            time.sleep(0.1)
        try:
            yield port
        finally:
            process.terminate()


def questions(folder: Path) -> dict[str, Question]:
    """What is asked, as files."""
    image = inksight.load("mnist").test.images[0]
    tensor = {"name": "images", "shape": [1, 28, 28, 1], "datatype": "UINT8", "data": image.ravel().tolist()}
    disposition = 'Content-Disposition: form-data; name="file"; filename="7.png"\r\nContent-Type: image/png'
    bodies = {
        "form": f"--{BOUNDARY}\r\n{disposition}\r\n\r\n".encode() + _png(image) + f"\r\n--{BOUNDARY}--\r\n".encode(),
        "drawing": _png(255 - cv2.resize(image, (140, 140))),
        "tensor": json.dumps({"inputs": [tensor]}).encode(),
    }
    for name, body in bodies.items():
        (folder / name).write_bytes(body)
    return {
        "form": ("/predict", FORM, folder / "form"),
        "drawing": ("/predict", "image/png", folder / "drawing"),
        "tensor": ("/v2/models/MODEL/infer", "application/json", folder / "tensor"),
    }


def _png(image: Any) -> bytes:
    """An array as a PNG."""
    content: bytes = cv2.imencode(".png", image)[1].tobytes()
    return content


def load(port: int, question: Question, clients: int, seconds: float) -> dict[str, float]:
    """One turn of the load tool; ends the script if anything was refused."""
    path, kind, body = question
    arguments = [str(port), path, kind, str(body), "--clients", str(clients), "--seconds", str(seconds)]
    done = subprocess.run([sys.executable, str(HERE / "load.py"), *arguments], check=True, stdout=subprocess.PIPE)
    answer: dict[str, float] = json.loads(done.stdout)
    if answer["refused"]:
        sys.exit(f"{answer['refused']} of {answer['requests']} requests for {path} were refused")
    return answer


def turns(ports: dict[str, int], question: Question, clients: int, wishes: argparse.Namespace) -> dict[str, Any]:
    """Each service's figures over the repeats."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ports}
    for _ in range(1 + wishes.repeats):
        for name, port in ports.items():
            found[name].append(load(port, question, clients, wishes.seconds))
    measured = ("requests_per_s", "p50_ms", "p99_ms")
    return {
        name: {figure: spread([each[figure] for each in rows[1:]], 2) for figure in measured}
        for name, rows in found.items()
    }


def cold_starts(run: str, starts: int) -> list[float]:
    """Seconds from the start of the process to the answer of its readiness route."""
    seconds = []
    for _ in range(starts):
        start = time.perf_counter()
        with ours(run):
            seconds.append(time.perf_counter() - start)
    return seconds


def resident_mb(process: subprocess.Popen[str]) -> float:
    """Resident memory, Linux only."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", default="shipped")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--peer", help="interpreter with TensorFlow to run the peer on")
    wishes = parser.parse_args()
    keras_model = runs.resolve(wishes.run) / runs.KERAS
    with contextlib.ExitStack() as stack:
        asked = questions(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        process, port = stack.enter_context(ours(wishes.run))
        ports = {"inksight": port}
        if keras_model.is_file():
            ports["keras"] = stack.enter_context(theirs(keras_model, port + 1, wishes.peer))
        under_load = {str(clients): turns(ports, asked["form"], clients, wishes) for clients in CLIENTS}
        path, *rest = asked["tensor"]
        tensor = (path.replace("MODEL", runs.resolve(wishes.run).name), *rest)
        alone = {"inksight": port}
        report(
            "serve",
            model=wishes.run,
            peer="keras on tensorflow" if wishes.peer else "keras on jax",
            clients=under_load,
            times_keras={
                clients: round(
                    each["inksight"]["requests_per_s"]["median"] / each["keras"]["requests_per_s"]["median"], 1
                )
                for clients, each in under_load.items()
                if "keras" in each
            },
            tensor=turns(alone, tensor, 1, wishes)["inksight"],
            drawing=turns(alone, asked["drawing"], 1, wishes)["inksight"],
            resident_mb=resident_mb(process),
            cold_start_s=spread(cold_starts(wishes.run, wishes.starts), 3),
        )


if __name__ == "__main__":
    main()
