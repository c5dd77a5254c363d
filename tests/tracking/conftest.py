"""A real MLflow server with its SQLite store, which may be stopped and started again."""

import os
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

OWN = Path(__file__).parents[2] / ".venv-mlflow/bin/mlflow"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INKSIGHT_TRACKING_S", "200")  # the machine may be busy
    for name in [name for name in os.environ if name.startswith(("MLFLOW", "WANDB"))]:
        monkeypatch.delenv(name)
    return tmp_path


class Server:
    """`mlflow server`; its data lives on in `folder` when it is stopped."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program, self.folder = program, folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                *(self.program, "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"),
                *("--backend-store-uri", "sqlite:///store.db", "--artifacts-destination", "artifacts"),
            ],
            cwd=self.folder,
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while True:
            assert self.process.poll() is None, "the server ended"
            try:
                if httpx.get(f"{self.url}/health", timeout=5).is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, 9)
            self.process.wait()


@pytest.fixture
def server(tmp_path_factory):
    """INKSIGHT_MLFLOW says which `mlflow` must be there; without it, that of .venv-mlflow is taken if there is one."""
    program = Path(os.environ.get("INKSIGHT_MLFLOW", OWN))
    if not program.is_file() and "INKSIGHT_MLFLOW" not in os.environ:
        pytest.skip("MLflow's server is not installed in .venv-mlflow")
    server = Server(program, tmp_path_factory.mktemp("mlflow"))
    yield server
    server.stop()
