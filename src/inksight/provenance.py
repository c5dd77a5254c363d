"""Where a run comes from: everything config.json says besides the choices themselves."""

from __future__ import annotations

import os
import platform
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from inksight.data import SIZE_PX
from inksight.data.dataset import Dataset
from inksight.data.registry import SETS
from inksight.training import engine
from inksight.training.config import IMPLIED, PRESETS, TrainConfig

# What of it travels with the model.
CARRIED = ("preset", "backend", "seed", "command", "data", "versions", "started")


def provenance(dataset: Dataset, preset: str, config: TrainConfig, time_limit_s: float | None) -> dict[str, Any]:
    """All that is needed to make a run again and to judge its figures.

    Args:
        dataset: as it was loaded, before a validation part was taken from it.
        config: with the backend that was taken.
    """
    return {
        "preset": preset,
        **config.to_dict(),
        "size_px": dataset.size_px,
        "preprocessing": dataset.preprocessing,
        "time_limit_s": time_limit_s,
        "command": command_line(dataset, preset, config, time_limit_s),
        "data": {
            "name": dataset.name,
            "source": dataset.source,
            "sha256": dataset.sha256,
            "license": dataset.license,
        },
        "versions": {"inksight": engine.package_version(), "python": platform.python_version(), **engine.versions()},
        "machine": {"processor": engine.processor(), "cores": os.cpu_count(), "system": platform.platform()},
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def command_line(dataset: Dataset, preset: str, config: TrainConfig, time_limit_s: float | None) -> str | None:
    """The command that makes this run again (under a time limit: one like it); None for arrays out of a program.

    A config that comes from no preset is told from the tutorial's.
    """
    if not dataset.source:
        return None
    base_name = preset if preset in PRESETS else "tutorial"
    base = replace(PRESETS[base_name], backend="jax")
    words = ["inksight", "train", dataset.source, "--preset", base_name]
    if dataset.size_px != SIZE_PX:
        words += ["--size", str(dataset.size_px)]
    known = SETS.get(dataset.source)
    if dataset.preprocessing != (known.preprocessing if known else "resize"):
        words += ["--preprocessing", dataset.preprocessing]
    if time_limit_s is not None:
        words += ["--time", f"{time_limit_s:g}s"]
    plain, wanted = base.to_dict(), config.to_dict()
    told = [name for name, value in wanted.items() if value is not None and value != plain[name]]
    told += [name for name, (others, _) in IMPLIED.items() if name not in told and set(others) & set(told)]
    for name in told:
        words += [f"--{name.replace('_', '-')}", str(wanted[name])]
    return shlex.join(words)
