"""What to say when a package is not installed: an extra that was not asked for, or an installation that only serves."""

from __future__ import annotations

import re
from importlib import metadata

from inksight.errors import EngineError

DISTRIBUTIONS = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "mlflow": "mlflow-skinny",
    "sklearn": "scikit-learn",
}
"""Module -> its distribution, where the names differ by more than signs and case."""
_NAMED = re.compile(r"(?P<name>[\w.-]+)(?:\[.*\])?(?P<versions>[^;]*)(?:.*\bextra == .(?P<extra>[\w-]+))?")


def not_installed(error: ModuleNotFoundError) -> EngineError | None:
    """The error in words; None where it is no package that Inksight asks for, but our own mistake."""
    module = (error.name or "").partition(".")[0]
    wanted = DISTRIBUTIONS.get(module, module)
    asked = [found for found in map(_NAMED.match, metadata.requires("inksight") or ()) if found]
    asking = [found for found in asked if _normal(found["name"]) == _normal(wanted)]
    for requirement in asking:
        if not requirement["extra"]:
            return EngineError(
                f"{requirement['name']} is not installed; an installation that only serves lacks it. "
                f'Install it: pip install "{requirement["name"]}{requirement["versions"].strip()}".'
            )
    if not asking:
        return None
    extras = [found["extra"] for found in asked]
    best = min(asking, key=lambda found: (_normal(found["extra"]) != _normal(module), extras.count(found["extra"])))
    return EngineError(
        f'{best["name"]} is not installed. Install what needs it: pip install "inksight[{best["extra"]}]".'
    )


def _normal(name: str) -> str:
    """A distribution's name as all ways to write it are compared, which is PEP 503's."""
    return re.sub(r"[-_.]+", "-", name).lower()
