"""The modules of scripts/docs, which is no package."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def made_by():
    """(name) -> a module of scripts/docs."""

    def load(name):
        path = Path(__file__).parent.parent.parent / "scripts/docs" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"docs_{name}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
