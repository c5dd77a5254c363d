"""The folders that are written to: whether they take files, and how much is left there."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from inksight.doctor.finding import CheckResult, megabytes
from inksight.doctor.visit import Visit

_LEAST_BYTES = 20_000_000  # a run folder has 2 to 10 MB, and is written beside its checkpoint
_EASY_BYTES = 1_000_000_000


def runs(visit: Visit) -> CheckResult:
    """Where trainings leave their runs."""
    from inksight.runs import DEFAULT_ROOT

    elsewhere = "go to a folder of your own, or give: --out FOLDER"
    try:
        here = Path.cwd()
    except OSError:
        return CheckResult("runs", "fault", "the folder that this was started in is gone", elsewhere)
    return _place("runs", here / DEFAULT_ROOT, elsewhere)


def cache(visit: Visit) -> CheckResult:
    """Where fetched data and compiled code are kept."""
    from inksight.utils.atomic import cache_folder

    folder = cache_folder()
    finding = _place("cache", folder.absolute(), "export INKSIGHT_CACHE=FOLDER")
    if finding.verdict == "fault":
        return finding
    size = 0
    with suppress(OSError):  # another process tidies up
        size = sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
    facts = finding.facts | {"size_bytes": size}
    return CheckResult("cache", finding.verdict, f"{finding.words}; {megabytes(size)} are in it", finding.mend, facts)


def temporary(visit: Visit) -> CheckResult:
    """Where a run finds refuge when its own place takes no files."""
    return _place("temporary", Path(tempfile.gettempdir()), "export TMPDIR=FOLDER")


def _place(name: str, folder: Path, elsewhere: str) -> CheckResult:
    """Writes a file there, or where the folder would be made, and takes it away again."""
    there = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    facts = {"folder": str(folder), "exists": there == folder, "writable": False}
    try:
        with tempfile.TemporaryDirectory(prefix=".inksight-doctor-", dir=there) as made:
            Path(made, "file").write_bytes(b"\0" * 4096)
        free = shutil.disk_usage(there).free
    except OSError as error:
        words = f"{folder} cannot be written: {error.strerror or error}"
        if not there.is_dir():
            words = f"{folder} cannot be written: {there} is no folder"
        return CheckResult(name, "fault", words, elsewhere, facts)
    facts |= {"writable": True, "free_bytes": free}
    words = f"{folder} can be {'written' if facts['exists'] else 'made'}, {megabytes(free)} free"
    if free < _LEAST_BYTES:
        return CheckResult(name, "fault", f"{words}: too little for a run", f"free some space, or: {elsewhere}", facts)
    if free < _EASY_BYTES:
        return CheckResult(name, "warning", words, f"free some space, or: {elsewhere}", facts)
    return CheckResult(name, "fine", words, facts=facts)
