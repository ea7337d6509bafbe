"""Runs the application: it listens at once, starts up in the background, and stops cleanly."""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

if TYPE_CHECKING:
    from fastapi import FastAPI

_GRACE_SECONDS = 3


class Server(uvicorn.Server):
    """Uvicorn that ends streams of events before it waits for its connections.

    Parameters
    ----------
    app
        The application.
    started
        Called when the server accepts requests.
    end_streams
        Ends all streams of events; called when the server stops.
    """

    def __init__(self, app: ASGIApp, *, started: Callable[[], None], end_streams: Callable[[], None]) -> None:
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
        self._started, self._end_streams = started, end_streams

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept requests."""
        await super().startup(sockets)
        self._started()

    def stop(self) -> None:
        """Stop soon; may be called from any thread."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish pending responses, and accept no more requests."""
        self._end_streams()
        await super().shutdown(sockets)


class PendingApp:
    """An application that is built while the server already listens; requests wait for it.

    Importing PyTorch and opening records takes seconds, in which a browser can start and connect.

    Parameters
    ----------
    build
        Makes the application.
    """

    def __init__(self, build: "Callable[[], FastAPI]") -> None:
        self._build = build
        self._app: Future[FastAPI] = Future()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request as soon as the application is built."""
        try:
            # A client that disconnects must not cancel the future that all requests share.
            app = await asyncio.shield(asyncio.wrap_future(self._app))
        except Exception:  # `close` raises it
            failure = PlainTextResponse("The server could not start; see its terminal.", 503)
            await failure(scope, receive, send)
        else:
            await app(scope, receive, send)

    def start(self, *, built: Callable[[], None], failed: Callable[[], None]) -> None:
        """Build the application in a thread.

        Parameters
        ----------
        built
            Called when it is built.
        failed
            Called if it cannot be built; `close` raises the error.
        """
        Thread(target=self._run, args=(built, failed), name="application", daemon=True).start()

    def end_streams(self) -> None:
        """End all streams of events."""
        if self._app.done() and self._app.exception() is None:
            self._app.result().state.server.end_streams()

    def close(self) -> bool:
        """Close the application; returns False if it is still being built, or some of its threads still run.

        Raises
        ------
        Exception
            If it could not be built.
        """
        if not self._app.done():
            return False
        closed: bool = self._app.result().state.server.close()
        return closed

    def _run(self, built: Callable[[], None], failed: Callable[[], None]) -> None:
        try:
            self._app.set_result(self._build())
        except BaseException as error:
            self._app.set_exception(error)
            failed()
        else:
            built()
