"""What a C file itself answers, compiled here."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from inksight.errors import EngineError

COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-std=c99", "-O2")


def c_answers(path: Path, images: np.ndarray) -> np.ndarray:
    """Compiles a C file and has it answer pictures.

    Args:
        path: as `c_source` wrote it.
        images: uint8 (n, height, width, channels), at least one.
    Returns:
        float32 (n, classes), calibrated by the temperature.
    Raises:
        EngineError: there is no C compiler, or it refuses the file, or the program does not answer.
    """
    compiler = c_compiler()
    with tempfile.TemporaryDirectory(prefix="inksight-") as folder:
        program, pictures = Path(folder) / "model", Path(folder) / "pictures"
        pictures.write_bytes(np.ascontiguousarray(images, np.uint8).tobytes())
        _run([*compiler, *FLAGS, "-DINKSIGHT_MAIN", str(path), "-o", str(program), "-lm"], "compile")
        lines = _run([str(program), str(pictures)], "answer with").splitlines()
    if len(lines) != len(images):
        raise EngineError(f"{path} answered {len(lines)} pictures where {len(images)} of {images[0].size} bytes came.")
    return np.array([line.split()[2:] for line in lines], np.float32)


def c_compiler() -> list[str]:
    """The C compiler of this machine as a command: what CC names, or the first of COMPILERS that there is.

    Raises:
        EngineError: there is none.
    """
    try:
        named = shlex.split(os.environ.get("CC", ""))
    except ValueError as error:
        raise EngineError(
            f"CC is {os.environ['CC']}, which is no command ({error}). Name a C compiler, or unset CC."
        ) from error
    for command in (named, *([name] for name in COMPILERS)):
        if command and shutil.which(command[0]):
            return command
    raise EngineError(
        f"no C compiler was found ({', '.join(COMPILERS)} were looked for), and a C file must be compiled to be "
        "proved. Install one: apt install gcc on Debian and Ubuntu, xcode-select --install on macOS, MinGW-w64 "
        "on Windows; or name it in CC."
    )


def _run(command: list[str], verb: str) -> str:
    """What a command prints; EngineError with the first lines of its complaint if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    except OSError as error:
        raise EngineError(
            f"{command[0]} does not run here ({error.strerror}), and a C file is asked before it stays. The compiler "
            "must be one for this machine (CC says which), and programs must be allowed to run in TMPDIR."
        ) from error
    if done.returncode:
        complaint = "\n".join(done.stderr.splitlines()[:10])
        raise EngineError(f"{command[0]} could not {verb} the C file (exit code {done.returncode}):\n{complaint}")
    return done.stdout
