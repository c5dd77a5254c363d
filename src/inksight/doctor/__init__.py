"""Whether all is well on this machine: `inksight doctor`. One row of CHECKS is one question and one function.

Nothing here may fail: a check that raises becomes a finding, and all that loads a training engine runs in a process
of its own, under a time limit. Modules are imported inside the checks, so that a broken package is found, not met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from inksight.doctor import machine, places, software, trials
from inksight.doctor.finding import CheckResult
from inksight.doctor.visit import Visit


@dataclass(frozen=True)
class Check:
    """One question. slow: left out of a quick visit."""

    name: str
    function: Callable[[Visit], CheckResult]
    slow: bool = False


CHECKS = (
    Check("python", software.python),
    Check("packages", software.packages),
    Check("extras", software.extras),
    Check("keras", software.keras_settings),
    Check("backends", software.backends),
    Check("processor", machine.processor),
    Check("threads", machine.threads),
    Check("memory", machine.memory),
    Check("gpu", machine.gpu),
    Check("runs", places.runs),
    Check("cache", places.cache),
    Check("temporary", places.temporary),
    Check("tuning", trials.tuning),
    Check("training", trials.training, slow=True),
)


def examine(quick: bool = False) -> Iterator[CheckResult]:
    """The findings, each as soon as it is there. quick: without measuring the tuning and without training."""
    visit = Visit(quick)
    for check in CHECKS:
        if quick and check.slow:
            continue
        try:
            yield check.function(visit)
        except ImportError as error:
            words = f"a package is broken: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
            yield CheckResult(check.name, "fault", words, f"pip install --force-reinstall {error.name or 'inksight'}")
        except Exception as error:  # whatever it is, the other checks go on
            yield CheckResult(
                check.name,
                "fault",
                f"this check itself failed: {type(error).__name__}: {error}",
                "please report this, with inksight doctor --json",
            )
