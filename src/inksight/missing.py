"""What to say when a package is not installed: an extra that was not asked for, or an installation that only serves."""

from __future__ import annotations

import re
from importlib import metadata

from inksight.errors import EngineError

DISTRIBUTIONS = {"PIL": "pillow", "cv2": "opencv-python-headless", "sklearn": "scikit-learn"}
"""Module -> its distribution, where the names differ."""
_NAMED = re.compile(r"(?P<name>[\w.-]+)(?:\[.*\])?(?P<versions>[^;]*)(?:.*\bextra == .(?P<extra>\w+))?")


def not_installed(error: ModuleNotFoundError) -> EngineError | None:
    """The error in words; None where it is no package that Inksight asks for, but our own mistake."""
    module = (error.name or "").partition(".")[0]
    wanted = DISTRIBUTIONS.get(module, module)
    for requirement in map(_NAMED.match, metadata.requires("inksight") or ()):
        if requirement and requirement["name"] == wanted:
            if extra := requirement["extra"]:
                return EngineError(
                    f'{wanted} is not installed. Install what needs it: pip install "inksight[{extra}]".'
                )
            return EngineError(
                f"{wanted} is not installed; an installation that only serves lacks it. "
                f'Install it: pip install "{wanted}{requirement["versions"].strip()}".'
            )
    return None
