"""Where a run comes from: everything config.json says besides the choices themselves."""

from __future__ import annotations

import os
import platform
import shlex
from datetime import UTC, datetime
from typing import Any

from inksight.data import SIZE_PX
from inksight.data.dataset import Dataset
from inksight.training import engine
from inksight.training.config import PRESETS, TrainConfig

# What of it travels with the model.
CARRIED = ("preset", "backend", "seed", "command", "data", "versions", "finished")


def provenance(
    dataset: Dataset, preset: str, config: TrainConfig, backend: str, time_limit_s: float | None
) -> dict[str, Any]:
    """All that is needed to make a run again and to judge its figures.

    Args:
        dataset: as it was loaded, before a validation part was taken from it.
    """
    return {
        "preset": preset,
        **config.to_dict(),
        "backend": backend,
        "size_px": dataset.size_px,
        "preprocessing": dataset.preprocessing,
        "time_limit_s": time_limit_s,
        "command": command_line(dataset, preset, config),
        "data": {
            "name": dataset.name,
            "source": dataset.source,
            "sha256": dataset.sha256,
            "license": dataset.license,
        },
        "versions": {"inksight": engine.package_version(), "python": platform.python_version(), **engine.versions()},
        "machine": {"processor": engine.processor(), "cores": os.cpu_count(), "system": platform.platform()},
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def command_line(dataset: Dataset, preset: str, config: TrainConfig) -> str:
    """The command that makes this run again; a config that comes from no preset is told from the tutorial's."""
    base_name = preset if preset in PRESETS else "tutorial"
    words = ["inksight", "train", dataset.source or dataset.name, "--preset", base_name]
    if dataset.size_px != SIZE_PX:
        words += ["--size", str(dataset.size_px)]
    if dataset.preprocessing == "digits" and dataset.source != "mnist":
        words += ["--preprocessing", "digits"]
    for name, value in config.to_dict().items():
        if value != getattr(PRESETS[base_name], name):
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(words)
