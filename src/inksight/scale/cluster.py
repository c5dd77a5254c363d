"""Where Ray runs: on this machine alone, started for one command, or on a cluster that is there already."""

from __future__ import annotations

import importlib.util
import logging
import os
import platform
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from inksight.errors import EngineError, UsageError
from inksight.training import engine

LOCAL = "local"
_REACH_S = 5.0
_ENVIRONMENT = {
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # it would pack this folder and install it anew on every node
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anybody
    "RAY_ENABLE_AUTO_CONNECT": "0",  # a thread of Ray's that ends late would start another one
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # as Ray itself will do; it warns until then
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
}


@dataclass(frozen=True)
class Cluster:
    """A Ray that this process is connected to. address: as it was asked for, or "local". nodes: alive. cpus: in all."""

    address: str
    nodes: int
    cpus: int

    @property
    def where(self) -> str:
        """It in words, for a person."""
        if self.address == LOCAL:
            return f"this machine, {self.cpus} CPUs"
        return f"the cluster at {self.address}, {self.nodes} {'node' if self.nodes == 1 else 'nodes'}, {self.cpus} CPUs"


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
    try:
        if address == LOCAL:
            ray.init(LOCAL, include_dashboard=False, **quiet)
        else:
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
    return Cluster(address, len(nodes), int(sum(node["Resources"].get("CPU", 0) for node in nodes)))


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
            from inksight.scale import cluster
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
    return [(node["NodeManagerAddress"], ray.get(answer)) for node, answer in zip(alive, asked, strict=True)]
