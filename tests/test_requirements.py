"""What is asked for, what of it serving needs, and what is said where it is missing."""

import tomllib
from pathlib import Path

import pytest

from inksight.utils.optional import not_installed

ROOT = Path(__file__).parent.parent
MADE_OF = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_serving_needs_dependencies_in_their_versions():
    assert set(MADE_OF["dependency-groups"]["serve"]) < set(MADE_OF["project"]["dependencies"])


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("pyarrow", 'pyarrow is not installed. Install what needs it: pip install "inksight[ray]".'),
        ("ray", 'ray is not installed. Install what needs it: pip install "inksight[ray]".'),
        ("sklearn.base", 'scikit-learn is not installed. Install what needs it: pip install "inksight[sklearn]".'),
        (
            "onnx.helper",
            'onnx is not installed; an installation that only serves lacks it. Install it: pip install "onnx>=1.21".',
        ),
    ],
)
def test_what_is_not_installed_is_said(module, said):
    assert str(not_installed(ModuleNotFoundError(name=module))) == said


@pytest.mark.parametrize(
    ("module", "asks"),
    [
        ("tensorflow", "inksight[tensorflow]"),
        ("torch", "inksight[torch]"),
        ("fsspec.core", "inksight[share]"),
        ("mlflow.onnx", "inksight[mlflow]"),
        ("sqlalchemy", "inksight[mlflow]"),
        ("ai_edge_litert.interpreter", "inksight[litert]"),
        ("tensorboardX", "inksight[tensorboard]"),
        ("wandb", "inksight[wandb]"),
        ("openvino", "inksight[openvino]"),
        ("prometheus_client", "prometheus-client>=0.22"),
        ("python_multipart.multipart", "python-multipart>=0.0.20"),
        ("jax", "jax>=0.10"),
    ],
)
def test_what_to_install_is_the_least(module, asks):
    assert str(not_installed(ModuleNotFoundError(name=module))).endswith(f'pip install "{asks}".')


def test_a_mistake_of_our_own_keeps_its_traceback():
    assert not_installed(ModuleNotFoundError(name="inksight.nowhere")) is None
    assert not_installed(ModuleNotFoundError("No module")) is None
