"""`inksight doctor`: whether all is well on this machine, and what mends what is not."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from inksight.cli.output import AsJson, emit

if TYPE_CHECKING:
    from inksight.doctor.finding import Finding

_NAME_COLUMNS = 11
_SIGNS = {"fine": ("✓", "green"), "warning": ("!", "yellow"), "fault": ("✗", "red")}


def doctor(
    quick: Annotated[
        bool, typer.Option("--quick", help="Only look: measure no tuning and train nothing. About 5 s.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look at this machine: versions, backends, processor, GPU, folders, tuning, and a real small training."""
    from inksight.doctor import examine

    findings = []
    for finding in examine(quick):
        findings.append(finding)
        if not as_json:
            _print(finding)
    counts = {verdict: sum(each.verdict == verdict for each in findings) for verdict in _SIGNS}
    if as_json:
        emit({"healthy": not counts["fault"], **counts, "findings": [each.to_dict() for each in findings]})
    else:
        print(f"\n{_verdict(counts['fault'], counts['warning'])}")
    if counts["fault"]:
        raise typer.Exit(1)


def _print(finding: Finding) -> None:
    """One finding in a line, wrapped where a terminal is narrow, and what mends it whole in another, to be copied."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    sign, colour = _SIGNS[finding.verdict]
    start = f"  {finding.name:<{_NAME_COLUMNS}}"
    width = console.width if console.is_terminal else sys.maxsize
    lines = textwrap.wrap(finding.words, width, initial_indent=start, subsequent_indent=" " * len(start))
    console.print(Text(sign, colour) + Text("\n".join(lines)[1:]), soft_wrap=True)
    if finding.mend is not None:
        console.print(Text(f"{'→':>{len(start) - 1}} {finding.mend}", "bold"), soft_wrap=True)


def _verdict(faults: int, warnings: int) -> str:
    """The whole in a sentence."""
    noted = f", {warnings} to know of" if warnings else ""
    return f"{faults} to mend{noted}." if faults else f"All is well{noted}."
