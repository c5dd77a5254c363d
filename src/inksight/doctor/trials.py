"""What is really tried: a training step with and without the tuning, and a small training from pictures to answers."""

from __future__ import annotations

import os
from importlib import metadata

from inksight.doctor.child import ask
from inksight.doctor.finding import CheckResult
from inksight.doctor.visit import Visit

_LEAST_ACCURACY = 0.8
_MOST_DIFFERENCE = 1e-5


def tuning(visit: Visit) -> CheckResult:
    """Which of the settings that make a CPU fast are in force, and what they give."""
    from inksight.models import engine

    backend = visit.wanted_backend
    told = visit.backends.get(backend)
    if told is None or told.trouble is not None:
        return CheckResult("tuning", "warning", f"not looked at: {backend} does not start", "mend backends first")
    flags = {name: value for name, _, value in map(_parted, told.facts["xla_flags"].split())}
    ours = {name: flags.get(name) == value for name, value in engine.XLA_FLAGS.items()} if backend == "jax" else {}
    keeps = engine.allocator() is not None
    facts = {
        "flags": ours,
        "allocator": keeps,
        "compiled": told.facts["compiled"],
        "xla_flags": told.facts["xla_flags"],
    }
    words = (
        f"{sum(ours.values())} of {len(ours)} XLA flags, " * bool(ours) + f"memory {'kept' if keeps else 'as it is'}"
    )
    if not visit.quick:
        measured = {name: ask("step", backend, name) for name in ("plain", "tuned")}
        if trouble := next((each.trouble for each in measured.values() if each.trouble), None):
            return CheckResult(
                "tuning", "fault", f"{words}; the measurement failed: {trouble}", "mend backends first", facts
            )
        plain, tuned = (measured[name].facts["step_ms"] for name in ("plain", "tuned"))
        facts |= {"plain_step_ms": round(plain, 2), "tuned_step_ms": round(tuned, 2)}
        words += f": {tuned:.1f} ms a training step instead of {plain:.1f}"
    if all(ours.values()):
        return CheckResult("tuning", "fine", words, facts=facts)
    given = [name for name, kept in ours.items() if not kept and name in os.environ.get("XLA_FLAGS", "")]
    if given:
        words += f"; XLA_FLAGS in the environment sets {', '.join(given)} otherwise"
        return CheckResult("tuning", "warning", words, "unset XLA_FLAGS", facts)
    if not engine.has_flags():
        return CheckResult("tuning", "fine", f"{words}; the flags were tried on Linux and x86-64 only", facts=facts)
    words += f"; the flags were not tried with jaxlib {metadata.version('jaxlib')}"
    best = engine.TRIED_JAXLIB[-1]
    return CheckResult("tuning", "warning", words, f"pip install jax=={best} jaxlib=={best}", facts)


def training(visit: Visit) -> CheckResult:
    """A short training on real digits, its ONNX answers against Keras's, and a digit for the shipped model."""
    told = ask("training", visit.wanted_backend)
    if told.trouble is not None:
        return CheckResult(
            "training", "fault", f"a small training failed: {told.trouble}", "mend the other findings first"
        )
    facts = told.facts
    words = (
        f"{facts['pictures']:,} digits learned and tested in {facts['seconds']:.1f} s, {100 * facts['accuracy']:.0f} % "
        f"right; ONNX Runtime differs from Keras by {facts['largest_difference']:.1g}; the shipped model reads a "
        f"{facts['digit']} as {facts['shipped']}"
    )
    right = facts["accuracy"] >= _LEAST_ACCURACY and facts["digit"] == facts["shipped"] == facts["trained"]
    if not right or facts["largest_difference"] > _MOST_DIFFERENCE:
        mend = "pip install --force-reinstall inksight; if it stays, please report this with inksight doctor --json"
        return CheckResult("training", "fault", f"{words}: that is wrong", mend, facts)
    return CheckResult("training", "fine", words, facts=facts)


def _parted(flag: str) -> tuple[str, str, str]:
    """--name=value in its parts."""
    return flag.removeprefix("--").partition("=")
