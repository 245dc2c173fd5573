"""Who may ask: pages of other sites may not, and strangers only with the token."""

from __future__ import annotations

import hmac
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.types import ASGIApp, Receive, Scope, Send

OPEN_PATH = "/health"
"""Answered without the token: what watches a server has none."""


def is_loopback(host: str) -> bool:
    """Return whether a name or an address is this machine itself."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _split(address: str) -> SplitResult:
    """Return the parts of an address; none of one that is malformed."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


class Guard:
    """Refuses requests before anything of them is read.

    A page of any site can have a browser send requests to this machine, also under a name of its
    own that leads here (DNS rebinding). So the header `Host` has to name this machine where only
    this machine is served, and an `Origin` has to be the host itself.

    Args:
        app: What is guarded.
        local: Whether only this machine is served.
        token: That every request has to bear; None where none is needed.
    """

    def __init__(self, app: ASGIApp, local: bool, token: str | None) -> None:
        self._app, self._local, self._token = app, local, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it; see ASGI."""
        from starlette.datastructures import Headers
        from starlette.responses import JSONResponse

        answer = self._app
        if scope["type"] == "http" and (refused := self._refusal(Headers(scope=scope), scope)):
            status, problem = refused
            headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
            answer = JSONResponse({"error": problem}, status, headers)
        await answer(scope, receive, send)

    def _refusal(self, headers: Headers, scope: Scope) -> tuple[int, str] | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._local and not is_loopback(_split(f"//{host}").hostname or ""):
            return 421, f"{host[:100]!r} is not this machine: ask 127.0.0.1 or localhost"
        if origin is not None and _split(origin).netloc.lower() != host.lower():
            return 403, f"pages of {origin[:100]!r} may not ask here"
        if self._token is None or scope["path"] == OPEN_PATH:
            return None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode("latin-1"), self._token.encode())
        if scheme.lower() != "bearer" or not right:
            return 401, "the token is missing or wrong: send it as 'Authorization: Bearer TOKEN'"
        return None
