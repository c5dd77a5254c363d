"""What is shipped, as others get it. It takes a minute and the network, so only .ci/run asks for it.

INKSIGHT_INSTALL=1 says so; scripts/package has made dist/ by then.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def pytest_collection_modifyitems(items):
    if "INKSIGHT_INSTALL" in os.environ:
        return
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.skip("it takes the network: see INKSIGHT_INSTALL in .ci/run"))


@pytest.fixture(scope="session")
def wheel() -> Path:
    (path,) = (ROOT / "dist").glob("*.whl")
    return path


@pytest.fixture(scope="session")
def sdist() -> Path:
    (path,) = (ROOT / "dist").glob("*.tar.gz")
    return path


@pytest.fixture(scope="session")
def tracked() -> set[str]:
    """The files of the package that git knows, from the root."""
    listed = subprocess.run(["git", "ls-files", "src"], cwd=ROOT, check=True, capture_output=True, text=True)
    return set(listed.stdout.split())


@pytest.fixture(scope="session")
def interpreter():
    """Finds a Python of a version on this machine, also one that only pyenv keeps; None where there is none."""
    return _interpreter


def _interpreter(version: str) -> str | None:
    kept = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/python"))
    for candidate in (shutil.which(f"python{version}"), *map(str, kept)):
        if candidate and subprocess.run([candidate, "-c", "import venv"], capture_output=True).returncode == 0:
            return candidate
    return None
