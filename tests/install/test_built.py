"""The wheel and the sdist hold what they should, and nothing else."""

import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
KINDS = ("data/mnist/", "export/page/", "serve/static/", "shipped/", "report/page.css", "py.typed")


def test_the_wheel_is_the_package(wheel, tracked):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        places = [name for name in names if str(ROOT).encode() in archive.read(name)]
    assert {f"src/{name}" for name in names} == tracked
    assert places == []
    for kind in KINDS:
        assert any(name.startswith(f"inksight/{kind}") for name in names), kind


def test_the_wheel_says_what_it_is(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("METADATA"))
        said = Parser().parsestr(archive.read(name).decode())
    assert said["Requires-Python"] == ">=3.11"
    assert said["License-Expression"] == "Apache-2.0" and said.get_all("License-File") == ["LICENSE"]
    versions = {line.rpartition(" ")[2] for line in said.get_all("Classifier") if "Python :: 3." in line}
    assert versions == {"3.11", "3.12", "3.13"}
    assert said.get_all("Project-URL") is None  # there is no public address yet
    assert wheel.name.endswith("-py3-none-any.whl")


def test_the_sdist_is_the_sources(sdist, tracked):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    beside = {".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}
    assert names == tracked | beside
