"""Python, the packages and their versions, Keras's own settings, the backends."""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import inksight_keras as keras_backend
from inksight.doctor.child import import_keras
from inksight.doctor.finding import CheckResult, Verdict
from inksight.doctor.visit import Visit

if TYPE_CHECKING:
    from packaging.requirements import Requirement

# Those that a person is asked for; all are checked.
_TOLD = ("keras", "jax", "jaxlib", "tensorflow", "torch", "onnx", "onnxruntime", "numpy", "pillow")
_BUILT_IN = {"floatx": "float32", "image_data_format": "channels_last", "nnx_enabled": False}  # of Keras


def python(visit: Visit) -> CheckResult:
    """The interpreter that runs this."""
    facts = {"version": platform.python_version(), "executable": sys.executable, "system": platform.platform()}
    return CheckResult("python", "fine", "{version} at {executable}, {system}".format(**facts), facts=facts)


def packages(visit: Visit) -> CheckResult:
    """Whether all that Inksight needs is there, and new enough."""
    versions = {"inksight": metadata.version("inksight")}
    told = (*_TOLD, "opencv-python-headless")
    versions |= {name: version for name in told if (version := _version(name)) is not None}
    bad = {str(each): found for each in _required() if (found := _unfit(each)) is not None}
    words = ", ".join(f"{name} {version}" for name, version in versions.items())
    if bad:
        words = f"{'; '.join(f'{name} is wanted, {found}' for name, found in bad.items())} ({words})"
        return CheckResult("packages", "fault", words, _install(*bad), {"versions": versions, "unfit": bad})
    return CheckResult("packages", "fine", words, facts={"versions": versions, "unfit": {}})


def extras(visit: Visit) -> CheckResult:
    """Which extras are there."""
    there: list[str] = []
    lacking: list[str] = []
    old: dict[str, dict[str, str]] = {}
    for name in metadata.metadata("inksight").get_all("Provides-Extra") or []:
        unfit = {str(each): _unfit(each) for each in _required(name)}
        found = {each: trouble for each, trouble in unfit.items() if trouble}
        (there if unfit and not found else lacking).append(name)  # some are for other systems
        if "missing" not in found.values():
            old |= {name: found} if found else {}
    words = f"{', '.join(there) or 'none'} (not there: {', '.join(lacking) or 'none'})"
    facts = {"there": there, "not_there": lacking}
    if not old:
        return CheckResult("extras", "fine", words, facts=facts)
    troubles = "; ".join(f"{each} is wanted, {why}" for found in old.values() for each, why in found.items())
    return CheckResult(
        "extras", "warning", f"{words}; {troubles}", _install(*(f"inksight[{name}]" for name in old)), facts
    )


def keras_settings(visit: Visit) -> CheckResult:
    """keras.json, which Keras reads whatever the program: what our networks cannot be built or trained with."""
    path = Path(keras_backend.config_file())
    facts: dict[str, Any] = {"path": str(path)}
    if not path.exists():
        return _imported(visit, f"no {path}: Keras's own settings", facts)
    mend = shlex.join(["mv", str(path), f"{path}.old"])  # Keras writes a new one
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        return CheckResult("keras", "warning", f"{path} is no JSON ({error}): Keras does not heed it", mend, facts)
    except OSError as error:
        return CheckResult(
            "keras", "fault", f"{path} cannot be read ({error.strerror}): Keras does not start", mend, facts
        )
    if not isinstance(settings, dict):
        return CheckResult("keras", "fault", f"{path} holds no JSON object: Keras does not start", mend, facts)
    facts = {"path": str(path), "settings": settings}
    bad = [f"{name} {settings[name]}" for name, good in _BUILT_IN.items() if settings.get(name, good) != good]
    if not isinstance(settings.get("epsilon", 1e-7), float):
        bad.append(f"epsilon {settings['epsilon']}")
    if bad:
        words = f"{path} has {', '.join(bad)}; networks here need its own settings"
        return CheckResult("keras", "fault", words, mend, facts)
    return _imported(visit, f"{path} changes nothing that matters here", facts)


def _imported(visit: Visit, words: str, facts: dict[str, Any]) -> CheckResult:
    """Whether `import keras` works in a program that does not import Inksight; a missing backend is told elsewhere."""
    if find_spec(visit.wanted_backend) is None:
        return CheckResult("keras", "fine", words, facts=facts)
    told = import_keras()
    facts |= told.facts
    if told.trouble is None:
        return CheckResult("keras", "fine", f"{words}; import keras runs on {told.facts['backend']}", facts=facts)
    mend = f"export KERAS_BACKEND={visit.wanted_backend}, or: pip install --force-reinstall inksight"
    return CheckResult("keras", "fault", f"{words}; import keras fails: {told.trouble}", mend, facts)


def backends(visit: Visit) -> CheckResult:
    """Which backends come up, and which of them a training takes."""
    from inksight.models.engine import BACKENDS

    wanted, told = visit.wanted_backend, visit.backends
    named, where = keras_backend.named() or (None, "")
    unset = "unset KERAS_BACKEND" if where == "KERAS_BACKEND" else f"export KERAS_BACKEND={keras_backend.DEFAULT}"
    troubles = {name: each.trouble for name, each in told.items() if each.trouble is not None}
    working = [name for name in told if name not in troubles]
    facts = {"used": wanted, "working": working, "troubles": troubles, "named": named}
    words = [f"{name} works{', and is used' * (name == wanted)}" for name in working]
    words += [f"{name} does not start: {trouble}" for name, trouble in troubles.items()]
    mends = [_mend_of(name, trouble) for name, trouble in troubles.items()]
    if wanted not in told:
        words.append(f"{where} names {named}, which is not installed" if named else f"{wanted} is not installed")
        mends = [_install(f"inksight[{wanted}]" if named else wanted) + f", or: {unset}" * bool(named)]
    elif named and named not in BACKENDS:
        words.append(f"{where} names {named}, which is none of {', '.join(BACKENDS)}")
        mends.append(unset)
    verdict: Verdict = "warning" if mends else "fine"
    if wanted not in working:
        verdict = "fault"
    return CheckResult("backends", verdict, "; ".join(words), "; ".join(mends) or None, facts)


def _mend_of(backend: str, trouble: str) -> str:
    """What may bring a backend up: a setting left out, else itself anew."""
    if "XLA_FLAGS" in trouble:
        return "unset XLA_FLAGS"
    if backend == "jax" and os.environ.get("JAX_PLATFORMS"):
        return "unset JAX_PLATFORMS"
    return f"pip install --force-reinstall {backend}"


def _required(extra: str = "", of: str = "inksight") -> list[Requirement]:
    """What a package needs here: at all, or for an extra besides; of what is wanted with extras, what those need."""
    from packaging.requirements import Requirement

    every = [Requirement(text) for text in metadata.requires(of) or []]
    mine = [each for each in every if _is_for(each, extra) and not (extra and _is_for(each, ""))]
    inner = [
        more for each in mine if _version(each.name) for wish in each.extras for more in _required(wish, each.name)
    ]
    return mine + inner


def _is_for(wanted: Requirement, extra: str) -> bool:
    """Whether it holds on this system, with an extra or, by "", without."""
    return wanted.marker is None or wanted.marker.evaluate({"extra": extra})


def _unfit(wanted: Requirement) -> str | None:
    """Why it is not fulfilled: "missing", or "1.26.4 is there"; None where it is."""
    found = _version(wanted.name)
    if found is None:
        return "missing"
    return None if wanted.specifier.contains(found, prereleases=True) else f"{found} is there"


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _install(*wanted: str) -> str:
    """The command that installs these."""
    return f"pip install --upgrade {' '.join(shlex.quote(each.split(';')[0].strip()) for each in wanted)}"
