"""What a check found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Verdict = Literal["fine", "warning", "fault"]


@dataclass(frozen=True)
class CheckResult:
    """name: of the check. verdict: "fault" where something does not work. words: what was found, for a person.
    mend: the command or setting that mends it, None where nothing is to be mended. facts: the same for programs."""

    name: str
    verdict: Verdict
    words: str
    mend: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `inksight doctor --json` prints them."""
        return asdict(self)


def megabytes(size_bytes: float) -> str:
    """A size for a person: "812 MB", "23.4 GB"."""
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"
