"""The findings for a person, each as soon as it is there, or as one JSON object; needs nothing but Python."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout

from inksight.doctor.finding import CheckResult, Verdict

_SIGNS: dict[Verdict, tuple[str, int]] = {"fine": ("✓", 32), "warning": ("!", 33), "fault": ("✗", 31)}
_NAME_COLUMNS = 11
_BOLD = 1


def tell(findings: Iterable[CheckResult], as_json: bool = False) -> bool:
    """Prints them all; whether none is a fault."""
    told: list[CheckResult] = []
    for finding in _quietly(findings):
        told.append(finding)
        if not as_json:
            print("\n".join(_lines(finding)), flush=True)
    counts: dict[str, int] = {verdict: sum(each.verdict == verdict for each in told) for verdict in _SIGNS}
    healthy = not counts["fault"]
    if as_json:
        report = {"healthy": healthy, **counts, "findings": [each.to_dict() for each in told]}
        print(json.dumps(report, ensure_ascii=False), flush=True)
    else:
        noted = f", {counts['warning']} to know of" if counts["warning"] else ""
        print(f"\nAll is well{noted}." if healthy else f"\n{counts['fault']} to mend{noted}.")
    return healthy


def _quietly(findings: Iterable[CheckResult]) -> Iterator[CheckResult]:
    """The same, and what a package prints when it is imported goes to stderr."""
    each = iter(findings)
    while True:
        with redirect_stdout(sys.stderr):
            finding = next(each, None)
        if finding is None:
            return
        yield finding


def _lines(finding: CheckResult) -> list[str]:
    """Its words, wrapped where a terminal is narrow, and what mends it whole, to be copied."""
    sign, colour = _SIGNS[finding.verdict]
    start = f"  {finding.name:<{_NAME_COLUMNS}}"
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    wrap = textwrap.TextWrapper(width, start, " " * len(start), break_long_words=False, break_on_hyphens=False)
    lines = wrap.wrap(finding.words)
    lines[0] = _coloured(sign, colour) + lines[0][1:]
    return lines if finding.mend is None else [*lines, " " * len(start) + _coloured(f"→ {finding.mend}", _BOLD)]


def _coloured(text: str, code: int) -> str:
    """In colour where a terminal has it."""
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb" or os.name == "nt"
    return text if plain or not sys.stdout.isatty() else f"\033[{code}m{text}\033[0m"
