"""Durations as people write them."""

from __future__ import annotations

import re

from inksight.errors import UsageError

_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600}


def parse_duration(text: str | None) -> float | None:
    """Seconds in `90`, `90s`, `10m`, `1.5h`; None stays None.

    Raises:
        UsageError: anything else.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if match is None:
        raise UsageError(f'the time limit is "{text}"; a number with s, m or h was wanted, 10m for instance.')
    return float(match[1]) * _UNITS_S[match[2]]
