"""`pip install inksight` in an empty environment of each Python, and what would be installed on other machines."""

import json
import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.11", "3.12", "3.13")
OTHERS = (("3.12", "x86_64-pc-windows-msvc"), ("3.13", "aarch64-apple-darwin"))
FREE = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}


@pytest.mark.parametrize(("version", "platform"), OTHERS)
def test_others_get_everything_as_wheels(version, platform):
    require_wheels(version, platform)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_empty_environment_trains_and_predicts(version, interpreter, wheel, small_file, tmp_path):
    python = interpreter(version)
    if python is None:
        require_wheels(version, "x86_64-manylinux_2_28")
        pytest.skip(f"no Python {version} here: all that it would install can be had, but it was not run")
    place = tmp_path / "environment"
    subprocess.run(["uv", "venv", "--quiet", "--python", python, str(place)], check=True, env=FREE)
    install = ["uv", "pip", "install", "--quiet", "--python", str(place / "bin/python"), str(wheel)]
    subprocess.run(install, cwd=ROOT, check=True, env=FREE)  # from here, in the versions that are pinned

    answer = inksight(place, tmp_path, "predict", "mnist:4444", "--json")
    assert (answer["label"], answer["verdict"]) == ("9", "class")
    if version == "3.11":
        return  # all other tests train there
    run = inksight(place, tmp_path, "train", str(small_file), "--filters", "8", "--json")
    assert run["test"]["images"] == 500
    assert inksight(place, tmp_path, "predict", "mnist:4444", "--model", "latest", "--json")["label"]


def require_wheels(version: str, platform: str) -> None:
    """Resolves what would be installed, from wheels alone."""
    command = ["uv", "pip", "compile", "--quiet", "--no-header", "--only-binary", ":all:", "--extra", "ray", "--extra"]
    wanted = ["sklearn", "--python-version", version, "--python-platform", platform, "pyproject.toml"]
    oldest = {**FREE, "MACOSX_DEPLOYMENT_TARGET": "14.0"}  # that the pinned ONNX Runtime is for
    done = subprocess.run([*command, *wanted], cwd=ROOT, env=oldest, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "\nkeras==" in done.stdout


def inksight(place: Path, folder: Path, *arguments: str) -> dict:
    """What a command of the installed package prints."""
    program = [str(place / "bin/inksight"), *arguments]
    done = subprocess.run(program, cwd=folder, env=FREE, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
