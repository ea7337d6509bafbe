"""Checks of requests, and restrictions on what pages may load."""

import secrets
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vulneuron.server.access import TOKEN_PARAMETER, Access
from vulneuron.server.problems import MissingToken, Problem, UnknownHost, respond, unexpected

#: Pages may load only the server's own files. Notebooks on this machine may embed them, also those of Visual
#: Studio Code, whose windows and frames have schemes of their own. All ancestors of a frame must be allowed.
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
        "frame-ancestors 'self' http://localhost:* http://127.0.0.1:* "
        "https://localhost:* https://127.0.0.1:* vscode-webview: vscode-file:",
    ]
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: Any site that knows the secret path may embed the page, because notebooks behind proxies do. More ancestors
#: are appended to the last directive of the policy.
_SECRET_PATH_HEADERS = {**_HEADERS, "Content-Security-Policy": f"{CONTENT_SECURITY_POLICY} https: http:"}


class Guard:
    """Checks requests, adds headers to responses, and turns every error into a response."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False
        below = _path_below_token(self._access, scope["path"])
        headers = _HEADERS if below is None else _SECRET_PATH_HEADERS
        if below is not None:
            scope = {**scope, "path": below, "raw_path": below.encode()}

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(headers)
            await send(message)

        request = Request(scope)
        try:
            if below is None:
                _check(self._access, request)
            answer = self._token_redirect(request)
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

    def _token_redirect(self, request: Request) -> Response | None:
        """Move a token from the URL to a cookie, where no history or screenshot shows it."""
        if self._access.token is None or request.method != "GET" or request.url.path.rpartition("/")[2]:
            return None
        if TOKEN_PARAMETER not in request.query_params:
            return None
        rest = [pair for pair in parse_qsl(request.url.query) if pair[0] != TOKEN_PARAMETER]
        response = RedirectResponse(f"./?{urlencode(rest)}" if rest else "./", 303)
        # Without a path, the cookie belongs to the page's folder, which is right behind a proxy, too.
        response.set_cookie(
            self._access.cookie, self._access.token, path=None, httponly=True, samesite="strict"
        )
        return response


def _path_below_token(access: Access, path: str) -> str | None:
    """Path below the server's secret folder; None if the path is not in it."""
    if access.token is None:
        return None
    start, rest = path[: len(access.folder)], path[len(access.folder) :]
    return f"/{rest}" if secrets.compare_digest(start.encode(), access.folder.encode()) else None


def _check(access: Access, request: Request) -> None:
    """Refuse a request that lacks the token, or names another host.

    Raises
    ------
    MissingToken
        If the server has a token, and the request lacks it.
    UnknownHost
        If the server has no token, and the request names another host.
    """
    if access.token is not None:
        if not any(
            secrets.compare_digest(token.encode(), access.token.encode())
            for token in _tokens(request, access.cookie)
        ):
            raise MissingToken(
                "given no valid token",
                allowed="the token of this server, in the URL, a cookie, or `Authorization: Bearer`",
                fix="open the whole URL that `vulneuron serve` printed",
            )
    elif _host_name(request.headers.get("host", "")) not in access.hosts:
        raise UnknownHost(
            f"given the host {request.headers.get('host', '')!r}",
            allowed=", ".join(sorted(access.hosts)),
            fix="open the URL that `vulneuron serve` printed, or name the host of a proxy with --allow-host",
        )


def _tokens(request: Request, cookie: str) -> Iterable[str]:
    yield request.query_params.get(TOKEN_PARAMETER, "")
    yield request.cookies.get(cookie, "")
    yield request.headers.get("authorization", "").removeprefix("Bearer ")


def _host_name(header: str) -> str:
    """Name in a ``Host`` header, without port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()
