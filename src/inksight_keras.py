"""The backend that Keras takes where nobody names one.

Runs when Python starts, by inksight_keras.pth, and when `inksight` is imported. It is a module beside the package,
because `import inksight` would make every start of Python slower; it imports no package.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

DEFAULT = "jax"
_KERAS_DEFAULT = "tensorflow"
PACKAGES = {"jax": "JAX", "tensorflow": "TensorFlow", "torch": "PyTorch"}


class _AtImport:
    """A finder that finds nothing. It sets the default when `keras` is imported, so that programs which never import
    Keras, and those they start, have an untouched environment."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "keras":
            set_default()


def install() -> None:
    """Have Python set the default when it imports Keras."""
    if not any(isinstance(finder, _AtImport) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AtImport())


def set_default() -> None:
    """Set KERAS_BACKEND to jax where nothing names a backend and TensorFlow, which Keras would take, is absent."""
    if named() is None and find_spec(_KERAS_DEFAULT) is None and find_spec(DEFAULT) is not None:
        os.environ["KERAS_BACKEND"] = DEFAULT


def named() -> tuple[str, str] | None:
    """The backend that the user has named, and where: KERAS_BACKEND, else keras.json.

    None where neither names one. "tensorflow" in keras.json names none: Keras writes it into each new keras.json,
    whatever it runs on.
    """
    if backend := os.environ.get("KERAS_BACKEND"):
        return backend, "KERAS_BACKEND"
    path = config_file()
    try:
        with open(path, encoding="utf-8") as file:
            content = file.read()
    except (OSError, ValueError):
        return None
    import json

    try:
        backend = json.loads(content)["backend"]
    except (ValueError, TypeError, KeyError):
        return None
    return (backend, path) if isinstance(backend, str) and backend != _KERAS_DEFAULT else None


def not_installed(backend: str) -> str | None:
    """Why a training cannot take `backend`, and the fix; None where it is installed."""
    if find_spec(backend) is not None:
        return None
    package = PACKAGES[backend]
    install = f'pip install "inksight[{backend}]"' if backend != DEFAULT else "pip install jax"
    match named():
        case (name, "KERAS_BACKEND") if name == backend:
            return f"KERAS_BACKEND is {backend}, but {package} is not installed: {install}, or unset KERAS_BACKEND."
        case (name, path) if name == backend:
            return f"{path} names {backend}, but {package} is not installed: {install}, or set KERAS_BACKEND={DEFAULT}."
        case _:
            return f"the backend {backend} is not installed. Install it: {install}."


def config_file() -> str:
    """The path of keras.json, by Keras's own rule."""
    home = os.path.expanduser("~")
    folder = os.environ.get("KERAS_HOME") or os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras")
    return os.path.join(os.path.expanduser(folder), "keras.json")
