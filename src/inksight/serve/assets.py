"""The page's files, read once: a path that a client sends is looked up, never opened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import inksight.export

OWN = Path(__file__).parent / "static"
EXPORTED = Path(inksight.export.__file__).parent / "page"
SHARED = ("answer.js", "pad.js")  # of the exported page: one pad, one wording
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' blob:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {"Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items())}


def routes() -> list[Route]:
    """A route for each file: the page itself at `/`, what it loads below `/static`."""
    return [_route(path, file) for path, file in _files()]


def _files() -> Iterator[tuple[str, Path]]:
    """(path, file) of all there is."""
    for file in sorted(OWN.rglob("*")):
        if file.suffix in TYPES:
            path = f"/static/{file.relative_to(OWN).as_posix()}"
            yield ("/" if file.name == "index.html" else path), file
    for name in SHARED:
        yield f"/static/shared/{name}", EXPORTED / name


def _route(path: str, file: Path) -> Route:
    """Answers with one file."""
    content, kind = file.read_bytes(), f"{TYPES[file.suffix]}; charset=utf-8"

    async def send(request: Request) -> Response:
        return Response(content, headers={**HEADERS, "Content-Type": kind})

    return Route(path, send)
