"""Who may ask, and what every answer's head says."""

from __future__ import annotations

import functools
import hashlib
import hmac
import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inksight.serve.service import Service

OPEN = frozenset({"/", "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"})
ASSETS = "/static/"  # the page itself is no secret; whatever it asks for needs the token
HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
CLOSING = ((b"connection", b"close"),)


class Security:
    """Middleware: refuses strangers before anything of the body is read, and writes the security headers.

    A page of another site can make a browser ask a service on its own machine, under a name of its choosing (DNS
    rebinding) or under the service's. So the `Host` must be an address, `localhost` or a known name, and the `Origin`,
    where a browser sends one, the same or an allowed one.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service
        self._names = frozenset(name.lower() for name in service.settings.hosts)
        self._token = None if service.settings.token is None else _digest(service.settings.token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                closing = () if self._service.ready else CLOSING  # so that nobody sends more down this connection
                given = {name for name, _ in message["headers"]}
                own = (each for each in HEADERS if each[0] not in given)
                message = {**message, "headers": [*message["headers"], *own, *closing]}
            await send(message)

        refusal = self._refusal(scope["path"], Headers(scope=scope))
        await (refusal or self._app)(scope, receive, with_headers)

    def _refusal(self, path: str, headers: Headers) -> Response | None:
        """The answer for a stranger; None for who may come in."""
        host = headers.get("host", "")
        if not (_is_address(name := _name(host)) or name in self._names):
            return _error(400, f'the Host "{host}" is not one this service goes by; allow it with --allow-host.')
        origin, own = headers.get("origin"), (f"http://{host}", f"https://{host}")
        if origin is not None and origin not in (*own, *self._service.settings.origins):
            return _error(403, f"a page of {origin} asked; only this service's own may. Allow it with --cors.")
        is_open = path in OPEN or path.startswith(ASSETS)
        if self._token is not None and not is_open and not self._knows_token(headers):
            wanted = {"WWW-Authenticate": "Bearer"}
            return _error(401, "this service wants a token: Authorization: Bearer TOKEN.", wanted)
        return None

    def _knows_token(self, headers: Headers) -> bool:
        """Compares in a time that does not depend on what was guessed right."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(_digest(token.strip()), self._token or b"")


@functools.lru_cache(maxsize=64)
def _is_address(name: str) -> bool:
    """Whether a name is `localhost` or an IP address: no one's DNS can point those here."""
    try:
        return name == "localhost" or ipaddress.ip_address(name) is not None
    except ValueError:
        return False


@functools.lru_cache(maxsize=64)
def _name(host: str) -> str:
    """A Host header without its port; nothing where it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _digest(token: str) -> bytes:
    """SHA-256: of one length whatever the token's."""
    return hashlib.sha256(token.encode()).digest()


def _error(status: int, text: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A refusal."""
    return JSONResponse({"error": text}, status, headers)
