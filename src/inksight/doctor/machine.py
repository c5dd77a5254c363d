"""Processor, threads, memory, GPU: what is there, and what of it this process may use."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from inksight.doctor.finding import CheckResult, megabytes
from inksight.doctor.visit import Visit

_FEATURES = ("avx", "fma", "f16c", "avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "sve")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
_LEAST_MEMORY, _EASY_MEMORY = 500_000_000, 1_500_000_000  # MNIST and one training take about 1 GB
CGROUPS = Path("/sys/fs/cgroup")


def processor(visit: Visit) -> CheckResult:
    """Its name, what it can, and how many of its cores are ours."""
    from inksight.models import engine

    known = engine.processor_flags()
    features = [name for name in _FEATURES if name in known]
    there, ours, quota = os.cpu_count() or 1, _affinity(), _cpu_quota()
    usable = ours if quota is None else min(ours, quota)
    facts = {"name": engine.processor(), "features": features, "cores": there, "usable": usable, "quota": quota}
    words = f"{facts['name']}, {usable:g} of {there} cores usable; {', '.join(features) or 'no features told'}"
    if quota is not None and math.ceil(quota) < ours:
        words += f"; {ours} threads would wait for {quota:g} cores, the limit of this container"
        some = sorted(os.sched_getaffinity(0))[: max(math.ceil(quota), 1)]
        mend = f"taskset -c {','.join(map(str, some))} inksight …"
        return CheckResult("processor", "warning", words, mend, facts)
    return CheckResult("processor", "fine", words, facts=facts)


def threads(visit: Visit) -> CheckResult:
    """How many threads work at once, and who says so."""
    ours = _affinity()
    told = {name: os.environ[name] for name in _THREADS if name in os.environ}
    facts = {"training": ours, "environment": told}
    words = f"{ours} for a training"
    if told:
        words += f"; {', '.join(f'{name}={value}' for name, value in told.items())} in the environment"
    slowing = [name for name, value in told.items() if value.isdigit() and 0 < int(value) < ours]
    if slowing and visit.wanted_backend != "jax":
        return CheckResult("threads", "warning", words, f"unset {' '.join(slowing)}", facts)
    return CheckResult("threads", "fine", words, facts=facts)


def memory(visit: Visit) -> CheckResult:
    """How much is free, and whether a training fits."""
    total, free = _memory()
    facts = {"total_bytes": total, "free_bytes": free}
    if total is None or free is None:
        return CheckResult("memory", "fine", "this system does not tell", facts=facts)
    words = f"{megabytes(free)} of {megabytes(total)} free"
    if free < _EASY_MEMORY:
        mend = "end other programs, or train on fewer pictures"
        return CheckResult("memory", "fault" if free < _LEAST_MEMORY else "warning", f"{words}: little", mend, facts)
    return CheckResult("memory", "fine", words, facts=facts)


def gpu(visit: Visit) -> CheckResult:
    """Whether there is one, and whether the backend that is used sees it."""
    from inksight.training.device import INSTALLS, nvidia_cards, what_hides

    backend = visit.wanted_backend
    cards, why = nvidia_cards()
    told = visit.backends.get(backend)
    seen = told.facts.get("gpus", []) if told is not None else []
    facts = {"cards": cards, "backend": backend, "seen": seen}
    if seen:
        return CheckResult("gpu", "fine", f"{', '.join(seen)}: {backend} trains there", facts=facts)
    if not cards:
        return CheckResult("gpu", "fine", f"none: {why}", facts=facts)
    words = f"{'; '.join(cards)}: {backend} does not see it"
    if hiding := what_hides(backend):
        return CheckResult("gpu", "warning", f"{words} ({hiding})", f"unset {hiding.partition('=')[0]}", facts)
    return CheckResult("gpu", "fault", words, INSTALLS[backend], facts)


def _affinity() -> int:
    """Cores that the system lets this process run on."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _cpu_quota(root: Path = CGROUPS, own: Path = Path("/proc/self/cgroup")) -> float | None:
    """Cores' worth of time that a container may use; None where there is no limit."""
    limits = []
    for folder in _cgroups("cpu", root, own):
        with suppress(OSError, ValueError):
            quota, period = (folder / "cpu.max").read_text().split()
            limits.append(float(quota) / float(period))
        with suppress(OSError, ValueError):
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
            limits.append(float(quota) / float(period))
    return min((limit for limit in limits if limit > 0), default=None)


def _memory_limit(root: Path = CGROUPS, own: Path = Path("/proc/self/cgroup")) -> tuple[float, float] | None:
    """(limit, used) in bytes of the narrowest container around this process; None where there is no limit."""
    found = []
    for folder in _cgroups("memory", root, own):
        for limit, used in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
            with suppress(OSError, ValueError):
                found.append((float((folder / limit).read_text()), float((folder / used).read_text())))
    return min((each for each in found if each[0] < 2**60), default=None)


def _cgroups(controller: str, root: Path, own: Path) -> Iterator[Path]:
    """The folders of the control groups around this process, in both versions of them; limits hold from all."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        base = root / controllers if controllers else root
        inner = base / path.lstrip("/")
        for folder in (inner, *inner.parents):
            yield folder
            if folder == base:
                break


def _memory() -> tuple[float | None, float | None]:
    """(total, free) in bytes, of the machine or of the container if that has less."""
    total, free = None, None
    with suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        table = {line.split(":")[0]: 1024.0 * int(line.split()[1]) for line in lines}
        total, free = table.get("MemTotal"), table.get("MemAvailable")
    limit = _memory_limit()
    if limit is not None and total is not None and free is not None:
        total, free = min(total, limit[0]), min(free, limit[0] - limit[1])
    return total, free
