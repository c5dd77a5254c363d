"""MLflow: parameters, metrics by training step, the run folder as artefacts, the model as `mlflow.onnx` loads it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from inksight.runs import MODEL, Run
from inksight.tracking.table import Alive
from inksight.tracking.training import PROJECT, Row, TrackedTraining, files_of, rows_of
from inksight.utils.storage import shown

MODEL_FOLDER = "model"
_KEY = "inksight.key"
_HTTP = {  # MLflow's own are minutes of waiting for a server that is gone
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
}
_MOST_PARAMETERS, _MOST_METRICS = 100, 1000  # that the server takes at once


class MLflow:
    """A run of MLflow, where MLFLOW_TRACKING_URI says, in the experiment of MLFLOW_EXPERIMENT_NAME or "inksight"."""

    def __init__(self, alive: Alive) -> None:
        self._alive = alive

    def begin(self, training: TrackedTraining) -> None:
        """See Tracker."""
        for name, value in _HTTP.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        self._training = training
        self._client = MlflowClient()
        self._experiment = _experiment(self._client)
        self._known: set[tuple[str, int]] = set()  # names and steps of metrics that are there
        found = self._client.search_runs([self._experiment], f"tags.`{_KEY}` = '{training.key}'", max_results=1)
        if found:
            self._id = found[0].info.run_id
            self._client.update_run(self._id, "RUNNING")
            for name in found[0].data.metrics:
                history = self._client.get_metric_history(self._id, name)
                self._alive()
                self._known |= {(name, metric.step) for metric in history}
        else:
            tags = {_KEY: training.key, "inksight.command": training.command}
            made = self._client.create_run(
                self._experiment, int(1000 * training.started_s), tags, run_name=training.name
            )
            self._id = made.info.run_id
        self._log_parameters(training)

    def row(self, row: Row) -> None:
        """See Tracker."""
        self._log_rows([row])

    def finish(self, run: Run) -> str:
        """See Tracker."""
        self._log_rows(rows_of(run))
        for path in files_of(run):
            self._client.log_artifact(self._id, str(path))
            self._alive()
        with tempfile.TemporaryDirectory() as folder:
            for name, text in _about_model(run).items():
                Path(folder, name).write_text(text, encoding="utf-8")
                self._client.log_artifact(self._id, str(Path(folder, name)), MODEL_FOLDER)
                self._alive()
        self._client.log_artifact(self._id, str(run.path / MODEL), MODEL_FOLDER)
        self._client.set_terminated(self._id)
        address = shown(self._client.tracking_uri).rstrip("/")
        served = address.startswith(("http://", "https://"))
        return f"{address}/#/experiments/{self._experiment}/runs/{self._id}" if served else address

    def broken(self) -> None:
        """See Tracker."""
        self._client.set_terminated(self._id, "FAILED")

    def _log_parameters(self, training: TrackedTraining) -> None:
        """All of them; MLflow takes the same ones once more."""
        from mlflow.entities import Param

        parameters = [Param(name, str(value)) for name, value in training.parameters.items()]
        for start in range(0, len(parameters), _MOST_PARAMETERS):
            self._client.log_batch(self._id, params=parameters[start : start + _MOST_PARAMETERS])
            self._alive()

    def _log_rows(self, rows: Sequence[Row]) -> None:
        """Rows at their steps and times, without what is there already."""
        from mlflow.entities import Metric

        metrics = [
            Metric(name, value, self._milliseconds(row), int(row["step"]))
            for row in rows
            for name, value in row.items()
            if name != "step" and (name, int(row["step"])) not in self._known
        ]
        for start in range(0, len(metrics), _MOST_METRICS):
            self._client.log_batch(self._id, metrics=metrics[start : start + _MOST_METRICS])
            self._alive()
        self._known |= {(metric.key, metric.step) for metric in metrics}

    def _milliseconds(self, row: Row) -> int:
        return int(1000 * (self._training.started_s + row["seconds"]))


def _experiment(client: Any) -> str:
    """The experiment's ID; it is made where it is missing."""
    from mlflow.exceptions import MlflowException

    if identity := os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return identity
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or PROJECT
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:  # somebody was faster
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return str(found.experiment_id)


def _about_model(run: Run) -> dict[str, str]:
    """What makes a folder with model.onnx a model of MLflow, by file name (JSON is YAML)."""
    card = run.card
    shape = [-1, card.size_px, card.size_px, card.channels]
    classes = len(card.classes)
    signature = {
        "inputs": _tensor("images", "uint8", shape),
        "outputs": _tensor("probabilities", "float32", [-1, classes]),
        "params": None,
    }
    flavors = {
        "onnx": {
            "data": MODEL,
            "onnx_version": metadata.version("onnx"),
            "providers": ["CPUExecutionProvider"],
            "onnx_session_options": None,
            "code": None,
        },
        "python_function": {"loader_module": "mlflow.onnx", "data": MODEL, "env": {"virtualenv": "python_env.yaml"}},
    }
    needs = [f"{name}=={metadata.version(name)}" for name in ("onnx", "onnxruntime", "numpy")]
    about = {"artifact_path": MODEL_FOLDER, "flavors": flavors, "signature": signature}
    python = {"python": run.config["versions"]["python"], "dependencies": ["-r requirements.txt"]}
    return {
        "MLmodel": json.dumps(about, indent=2),
        "python_env.yaml": json.dumps(python),
        "requirements.txt": "\n".join(["mlflow", *needs, "pandas", ""]),
    }


def _tensor(name: str, kind: str, shape: list[int]) -> str:
    """A tensor of a model's signature, as MLflow writes it."""
    return json.dumps([{"name": name, "type": "tensor", "tensor-spec": {"dtype": kind, "shape": shape}}])
