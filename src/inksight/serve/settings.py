"""What a service allows: frozen once it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inksight.errors import UsageError
from inksight.runs import DEFAULT_ROOT

MIB = 1024**2


@dataclass(frozen=True)
class Settings:
    """The limits of a service and who may ask it.

    body_bytes, pictures, time_s: the most of a request. queue: requests accepted at a time; one more is answered 503.
    held_bytes: of all bodies that wait. token: the bearer token asked for. hosts: names it may be called by, beside
    `localhost` and IP addresses. origins: pages of other origins whose scripts may call it.
    """

    body_bytes: int = 16 * MIB
    pictures: int = 256
    time_s: float = 7.0
    queue: int = 128
    held_bytes: int = 256 * MIB
    token: str | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("body_bytes", "pictures", "time_s", "queue", "held_bytes"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} is {getattr(self, name)}; more than 0 was wanted.")
        if self.token is not None and not self.token.strip():
            raise UsageError("the token is empty; a secret was wanted. Leave it out to ask for none.")
        if self.token is not None and self.token != self.token.strip():
            raise UsageError("the token begins or ends with a space or a line's end, which no header can carry.")
        for origin in self.origins:
            if origin == "*" or "://" not in origin or origin.count("/") > 2:
                raise UsageError(
                    f'the origin "{origin}" came; one like https://example.org was wanted, without a path.'
                )


@dataclass(frozen=True)
class Page:
    """What the person who started the page lets it use.

    data: folders that may be trained on, beside the known data sets. corrections: where corrected answers are kept.
    runs: where trained models are kept.
    """

    data: tuple[Path, ...] = ()
    corrections: Path = Path("corrections")
    runs: Path = DEFAULT_ROOT
