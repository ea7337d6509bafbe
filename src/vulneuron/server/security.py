"""Who may talk to the server, and what its pages may do."""

import hashlib
import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vulneuron.server.problems import MissingToken, Problem, UnknownHost, respond, unexpected

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
TOKEN_PARAMETER = "token"  # noqa: S105  the name of it

#: What pages may load: nothing but the server's own files. Notebooks on this machine may embed them.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self' http://localhost:* http://127.0.0.1:* https://localhost:* https://127.0.0.1:*",
    ]
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def is_loopback(host: str) -> bool:
    """Whether an address to bind to can be reached from this machine only."""
    if host in _LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Access:
    """Who may talk to the server.

    Parameters
    ----------
    token
        Secret that every request has to bring; None where only this machine reaches the server.
    hosts
        Names that the server is known by. Without a token, requests that name another one are refused: a
        page of another site that points its own name at this machine (DNS rebinding) would read the record.
    """

    token: str | None = None
    hosts: frozenset[str] = field(default=_LOOPBACK_NAMES)

    @classmethod
    def for_host(cls, host: str) -> "Access":
        """Access to a server that is bound to an address: with a token unless it is a loopback address."""
        if is_loopback(host):
            return cls(hosts=_LOOPBACK_NAMES | {host.lower()})
        return cls(token=secrets.token_urlsafe(24))

    @property
    def cookie(self) -> str:
        """Name of the cookie with the token; browsers share cookies between all ports of a machine."""
        return f"vulneuron_{hashlib.sha256((self.token or '').encode()).hexdigest()[:8]}"

    def check(self, request: Request) -> None:
        """Refuse a request that may not come in.

        Raises
        ------
        MissingToken
            If there is a token, and the request does not bring it.
        UnknownHost
            If there is none, and the request names another host.
        """
        if self.token is not None:
            if not any(
                secrets.compare_digest(given.encode(), self.token.encode())
                for given in _given(request, self.cookie)
            ):
                raise MissingToken(
                    "given no valid token",
                    allowed="the token of this server, in the URL, a cookie, or `Authorization: Bearer`",
                    fix="open the whole URL that `vulneuron serve` printed",
                )
        elif _host_name(request.headers.get("host", "")) not in self.hosts:
            raise UnknownHost(
                f"given the host {request.headers.get('host', '')!r}",
                allowed=", ".join(sorted(self.hosts)),
                fix="open the URL that `vulneuron serve` printed",
            )


class Guard:
    """Lets requests in, gives responses their headers, and lets no error escape."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        request = Request(scope)
        try:
            self._access.check(request)
            answer = self._without_token(request)
        except Problem as error:
            answer = respond(error)
        if answer is not None:
            await answer(scope, receive, send_with_headers)
            return
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            response = unexpected(error)
            if not started:
                await response(scope, receive, send_with_headers)

    def _without_token(self, request: Request) -> Response | None:
        """Page with the token in its URL: keep it in a cookie, where no history or screenshot shows it."""
        if self._access.token is None or request.method != "GET" or request.url.path.rpartition("/")[2]:
            return None
        if TOKEN_PARAMETER not in request.query_params:
            return None
        rest = [pair for pair in parse_qsl(request.url.query) if pair[0] != TOKEN_PARAMETER]
        response = RedirectResponse(f"./?{urlencode(rest)}" if rest else "./", 303)
        # Without a path the cookie is for this page's folder, which is right behind a proxy too.
        response.set_cookie(
            self._access.cookie, self._access.token, path=None, httponly=True, samesite="strict"
        )
        return response


def _given(request: Request, cookie: str) -> Iterable[str]:
    yield request.query_params.get(TOKEN_PARAMETER, "")
    yield request.cookies.get(cookie, "")
    yield request.headers.get("authorization", "").removeprefix("Bearer ")


def _host_name(header: str) -> str:
    """Name in a ``Host`` header, without port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()
