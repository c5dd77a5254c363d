"""Where a run comes from: everything config.json says besides the choices themselves."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from inksight.config import IMPLIED, PRESETS, TrainConfig
from inksight.data import SIZE_PX
from inksight.data.dataset import Dataset
from inksight.data.registry import SETS
from inksight.models import engine

# What of it travels with the model.
CARRIED = ("preset", "backend", "seed", "command", "data", "versions", "started")


def provenance(
    dataset: Dataset, preset: str, config: TrainConfig, time_limit_s: float | None, workers: int = 1
) -> dict[str, Any]:
    """All that is needed to make a run again and to judge its figures.

    Args:
        dataset: as it was loaded, before a validation part was taken from it.
        config: with the backend that was taken. workers: processes that train.
    """
    return {
        "preset": preset,
        **config.to_dict(),
        "size_px": dataset.size_px,
        "preprocessing": dataset.preprocessing,
        "time_limit_s": time_limit_s,
        "workers": workers,
        "command": command_line(dataset, preset, config, time_limit_s, workers),
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


def command_line(
    dataset: Dataset, preset: str, config: TrainConfig, time_limit_s: float | None, workers: int = 1
) -> str | None:
    """The command that makes this run again (under a time limit: one like it); None for arrays out of a program.

    A config that comes from no preset is told from the tutorial's.
    """
    if not dataset.source:
        return None
    base_name = preset if preset in PRESETS else "tutorial"
    base = replace(PRESETS[base_name], backend="jax", device="cpu", precision="float32")
    words = ["inksight", "train", dataset.source, "--preset", base_name]
    words += data_flags(dataset.source, dataset.size_px, dataset.preprocessing)
    if time_limit_s is not None:
        words += ["--time", f"{time_limit_s:g}s"]
    if workers > 1:
        words += ["--workers", str(workers)]
    return shlex.join([*words, *config_flags(base, config)])


def data_flags(source: str, size_px: int, preprocessing: str) -> list[str]:
    """The flags of what is not as `source` has it by itself."""
    known = SETS.get(source)
    words = [] if size_px == SIZE_PX else ["--size", str(size_px)]
    if preprocessing != (known.preprocessing if known else "resize"):
        words += ["--preprocessing", preprocessing]
    return words


def config_flags(base: TrainConfig, config: TrainConfig, turned: Iterable[str] = ()) -> list[str]:
    """The flags that make `config` of `base`.

    Args:
        turned: fields that are given other values besides; what they imply is told.
    """
    plain, wanted = base.to_dict(), config.to_dict()
    told = [name for name, value in wanted.items() if value is not None and value != plain[name]]
    told += [name for name, (others, _) in IMPLIED.items() if name not in told and {*others} & {*told, *turned}]
    return [word for name in told for word in (f"--{name.replace('_', '-')}", str(wanted[name]))]
