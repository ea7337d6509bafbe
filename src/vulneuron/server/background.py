"""A server in a thread of this process, for notebooks."""

import atexit
import secrets
from threading import Event, Thread

from vulneuron.errors import RunError
from vulneuron.server.access import Access
from vulneuron.server.app import create_app
from vulneuron.server.library import Library
from vulneuron.server.listening import DEFAULT_PORT, listen
from vulneuron.server.running import Server

_HOST = "127.0.0.1"
_START_SECONDS = 30.0


class BackgroundServer:
    """A server of some records on the loopback interface; it runs until it is stopped or the process ends.

    Other users of the machine and proxies can reach the port, so requests need a token. It is part of their
    path, because browsers withhold cookies from frames in pages of other sites, such as notebooks.

    Parameters
    ----------
    library
        The records.

    Attributes
    ----------
    port
        The port it listens on.
    folder
        Path of the page with the token, without a leading slash.
    state
        State of the application.

    Raises
    ------
    RunError
        If it does not start.
    """

    def __init__(self, library: Library) -> None:
        access = Access(token=secrets.token_urlsafe(24))
        app = create_app(library, access=access)
        self.folder = access.folder.lstrip("/")
        self.state = app.state.server
        ready = Event()
        self._server = Server(app, started=ready.set, end_streams=self.state.end_streams)
        with listen(_HOST, DEFAULT_PORT) as bound:
            self.port = int(bound.getsockname()[1])
            listening = bound.dup()
        self._thread = Thread(target=self._server.run, args=([listening],), name="dashboard", daemon=True)
        self._thread.start()
        atexit.register(self.stop)
        if not ready.wait(_START_SECONDS):
            self.stop()
            raise RunError(
                f"the server of the dashboard did not start within {_START_SECONDS:g} s",
                allowed="a port of this machine that can be listened to",
                fix="try again, or run `vulneuron serve` in a terminal",
            )

    @property
    def help(self) -> str:
        """What to do if a browser does not reach the server."""
        return (
            "Run this cell again if the kernel was restarted. If the notebook runs on another machine, "
            f"forward port {self.port} to yours, or install jupyter-server-proxy there. Behind another "
            "proxy, pass its path: vn.show(record, proxy='/proxy/{port}/')."
        )

    @property
    def url(self) -> str:
        """URL of the page for a browser on this machine."""
        return f"http://{_HOST}:{self.port}/{self.folder}"

    def stop(self) -> None:
        """Stop the server. Stopping it again has no effect."""
        atexit.unregister(self.stop)
        self._server.stop()
        self._thread.join()
        self.state.close()
