"""Where Ray runs: on this machine alone, started for one command, or on a cluster that is there already."""

from __future__ import annotations

import importlib.util
import logging
import os
import platform
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from inksight.errors import EngineError, UsageError
from inksight.models import engine

LOCAL = "local"
_REACH_S = 5.0
_ANSWERED_S = 60.0
_ENVIRONMENT = {
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # it would pack this folder and install it anew on every node
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anybody
    "RAY_task_events_report_interval_ms": "0",  # a history of tasks for a dashboard, which would only grow
    "RAY_ENABLE_AUTO_CONNECT": "0",  # a thread of Ray's that ends late would start another one
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # as Ray itself will do; it warns until then
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
}


@dataclass(frozen=True)
class Cluster:
    """A Ray that this process is connected to. address: as asked for, or "local". nodes: alive. cpus, gpus: of all."""

    address: str
    nodes: int
    cpus: int
    gpus: int = 0

    @property
    def where(self) -> str:
        """It in words, for a person."""
        power = _counted(self.cpus, "CPU") + (f", {_counted(self.gpus, 'GPU')}" if self.gpus else "")
        if self.address == LOCAL:
            return f"this machine, {power}"
        return f"the cluster at {self.address}, {_counted(self.nodes, 'node')}, {power}"


@contextmanager
def connected(address: str | None = None) -> Iterator[Cluster]:
    """Connects to Ray for the time of the block.

    Args:
        address: "auto" for the cluster that this machine is a node of, or HOST:PORT of its head; None for RAY_ADDRESS,
            and where that is not set for a Ray of this machine alone, which ends with the block.
    Raises:
        EngineError: Ray is not installed or cannot be reached, or its nodes have other versions than this one.
        UsageError: the address is none.
    """
    address = address or os.environ.get("RAY_ADDRESS") or LOCAL
    _require_ray()
    _require_address(address)
    os.environ |= {name: os.environ.get(name, value) for name, value in _ENVIRONMENT.items()}
    import ray

    if ray.is_initialized():
        raise EngineError("this process is connected to Ray already. Call ray.shutdown() first.")
    try:
        ray._private.worker._worker_logs_enabled = False  # it tells of lost nodes and their logs on stdout
        _start(address)
        cluster = _look_around(address)
        _require_same_versions(cluster)
        yield cluster
    finally:
        ray.shutdown()
        ray._private.worker._worker_logs_enabled = True


def versions() -> dict[str, str]:
    """Versions that all nodes must share: of Inksight, of Python, and of what decides numbers."""
    return {"inksight": engine.package_version(), "python": platform.python_version(), **engine.versions()}


def _require_ray() -> None:
    """Raises EngineError where the extra is missing."""
    for name in ("ray", "optuna", "pyarrow"):
        if importlib.util.find_spec(name) is None:
            raise EngineError(f'{name} is not installed. Install what scales: pip install "inksight[ray]".')


def _require_address(address: str) -> None:
    """Raises where nobody answers at `address`: Ray itself would try for more than a minute."""
    if address in (LOCAL, "auto"):
        return
    host, _, port = address.rpartition(":")
    if address.startswith("ray://") or not host or not port.isdigit():
        raise UsageError(
            f'the Ray address is "{address}"; auto or HOST:PORT of the cluster\'s head was wanted, 10.0.0.5:6379 for '
            "instance. Run the command on a machine that is a node of the cluster."
        )
    try:
        socket.create_connection((host, int(port)), _REACH_S).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, getattr(error, "strerror", None) or str(error)) from error


def _start(address: str) -> None:
    """Starts Ray or connects to it, quietly."""
    import ray

    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address == LOCAL:
        with warnings.catch_warnings():  # JAX warns of the fork; what comes of it is another program at once
            warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
            try:
                ray.init(LOCAL, include_dashboard=False, **quiet)
            except (OSError, RuntimeError) as error:
                raise EngineError(f"Ray could not be started on this machine ({error}).") from error
        return
    try:
        ray.init(address, **quiet)
    except ConnectionError as error:
        raise _unreachable(address, str(error)) from error
    except (RuntimeError, SystemExit) as error:  # Ray leaves the process where nobody answers in its language
        if "Version mismatch" in str(error):
            raise EngineError(f"{' '.join(str(error).split())} Install the same on all of them.") from error
        raise _unreachable(address, "whatever answers there is no Ray") from error


def _unreachable(address: str, reason: str) -> EngineError:
    where = "a cluster on this machine" if address == "auto" else address
    return EngineError(
        f"Ray cannot be reached: {where} ({reason}). Start it with `ray start --head` there, or leave --ray-address "
        "out to use this machine alone."
    )


def _look_around(address: str) -> Cluster:
    import ray

    nodes = [node for node in ray.nodes() if node["Alive"]]
    cpus, gpus = (int(sum(node["Resources"].get(kind, 0) for node in nodes)) for kind in ("CPU", "GPU"))
    cluster = Cluster(address, len(nodes), cpus, gpus)
    if cpus < 1:
        raise EngineError(f"{cluster.where}, has no CPU to work with. Add a node: ray start --address=HOST:PORT.")
    return cluster


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _require_same_versions(cluster: Cluster) -> None:
    """Raises EngineError, with the versions of both, where a node has others than this process."""
    if cluster.address == LOCAL:
        return
    own = versions()
    for place, found in _versions_there():
        if isinstance(found, str):
            raise EngineError(f"the node {place} has no Inksight ({found}). Install inksight {own['inksight']} there.")
        different = [
            f"{name} {found.get(name)} there, {value} here" for name, value in own.items() if found.get(name) != value
        ]
        if different:
            raise EngineError(
                f"the node {place} has other versions than this one: {'; '.join(different)}. Install the same on all."
            )


def _versions_there() -> list[tuple[str, dict[str, str] | str]]:
    """The versions of each node by its name and address, or why it has none."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    def found() -> dict[str, str] | str:  # local, so that it is sent whole and runs where Inksight is missing
        try:
            from inksight import cluster
        except ImportError as error:
            return str(error)
        return cluster.versions()

    alive = [node for node in ray.nodes() if node["Alive"]]
    asked = [
        ray.remote(num_cpus=0)(found)
        .options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False))
        .remote()
        for node in alive
    ]
    try:
        answers = ray.get(asked, timeout=_ANSWERED_S)
    except ray.exceptions.RayError as error:
        raise EngineError(f"not every node answers ({str(error).splitlines()[0]}). Try again.") from error
    return [(node["NodeManagerAddress"], answer) for node, answer in zip(alive, answers, strict=True)]
