"""Who may ask, and what every answer's head says."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inksight.serve.service import Service

OPEN = frozenset({"/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"})
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Middleware: refuses strangers before anything of the body is read, and writes the security headers.

    A page of another site can make a browser ask a service on its own machine, under a name of its choosing (DNS
    rebinding) or under the service's. So the `Host` must be an address, `localhost` or a known name, and the `Origin`,
    where a browser sends one, the same or an allowed one.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service
        self._token = None if service.settings.token is None else _digest(service.settings.token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if not self._service.ready:
                    headers["Connection"] = "close"
            await send(message)

        refusal = self._refusal(scope["path"], Headers(scope=scope))
        await (refusal or self._app)(scope, receive, with_headers)

    def _refusal(self, path: str, headers: Headers) -> Response | None:
        """The answer for a stranger; None for who may come in."""
        host = headers.get("host", "")
        if not self._is_ours(host):
            return _error(400, f'the Host "{host}" is not one this service goes by; allow it with --allow-host.')
        origin, own = headers.get("origin"), (f"http://{host}", f"https://{host}")
        if origin is not None and origin not in (*own, *self._service.settings.origins):
            return _error(403, f"a page of {origin} asked; only this service's own may. Allow it with --cors.")
        if self._token is not None and path not in OPEN and not self._knows_token(headers):
            wanted = {"WWW-Authenticate": "Bearer"}
            return _error(401, "this service wants a token: Authorization: Bearer TOKEN.", wanted)
        return None

    def _is_ours(self, host: str) -> bool:
        """Whether a Host header names this service: a name that someone else's DNS may point here does not."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name == "localhost" or name in self._service.settings.hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _knows_token(self, headers: Headers) -> bool:
        """Compares in a time that does not depend on what was guessed right."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(_digest(token.strip()), self._token or b"")


def _digest(token: str) -> bytes:
    """SHA-256: of one length whatever the token's."""
    return hashlib.sha256(token.encode()).digest()


def _error(status: int, text: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A refusal."""
    return JSONResponse({"error": text}, status, headers)
