"""Runs the application: a free port, a clean stop."""

import errno
import os
import socket
from collections.abc import Callable
from urllib.parse import urlencode

import uvicorn
from fastapi import FastAPI

from vulneuron.errors import RunError, one_line
from vulneuron.server.dependencies import State
from vulneuron.server.security import TOKEN_PARAMETER, Access

DEFAULT_PORT = 8642
_PORTS_TO_TRY = 100
_LAST_PORT = 65535
_BUSY = {errno.EADDRINUSE, errno.EACCES}
_GRACE_SECONDS = 3


class Server(uvicorn.Server):
    """Uvicorn that ends streams of events before it waits for its connections.

    Parameters
    ----------
    app
        Made by `create_app`.
    started
        Called when requests are answered.
    """

    def __init__(self, app: FastAPI, started: Callable[[], None] = lambda: None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._state: State = app.state.server
        self._when_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self._when_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop to answer."""
        self._state.end_streams()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """Socket on the first free port from the given one on.

    Raises
    ------
    RunError
        If the address cannot be used, or all ports are busy.
    """
    for candidate in range(port, min(port + _PORTS_TO_TRY, _LAST_PORT + 1)):
        try:
            return _bound(host, candidate)
        # A name that no host can have is a UnicodeError.
        except (OSError, UnicodeError) as error:
            if not isinstance(error, OSError) or error.errno not in _BUSY:
                raise RunError(
                    f"the server cannot use the address {host!r} ({one_line(error)})",
                    allowed="an address of this machine",
                    fix="leave --host out for this machine only",
                ) from error
    raise RunError(
        f"all ports from {port} on are busy",
        allowed="a free port from 1 to 65535",
        fix="give another --port, or 0 for any that is free",
    )


def url_of(host: str, port: int, access: Access, *, layer: str | None = None) -> str:
    """Address to open in a browser; at a layer of the first record, if one is named."""
    shown = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)  # noqa: S104
    name = f"[{shown}]" if ":" in shown else shown
    parameters = {TOKEN_PARAMETER: access.token, "layer": layer}
    query = urlencode({key: value for key, value in parameters.items() if value is not None})
    return f"http://{name}:{port}/{'?' if query else ''}{query}"


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # With the protocol named, asyncio sends small packets at once (TCP_NODELAY), which saves 40 ms an answer.
    bound = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(128)  # a port that is bound but not listened to may still be taken by another server
    except OSError:
        bound.close()
        raise
    return bound
