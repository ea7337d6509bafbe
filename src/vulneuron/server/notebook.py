"""The dashboard inside a notebook, and the link between its selection and Python."""

import atexit
import html
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from threading import Event, Thread
from urllib.parse import parse_qsl, urlencode

from torch import nn

from vulneuron.errors import RunError
from vulneuron.record import Record
from vulneuron.server.access import TOKEN_PARAMETER, Access
from vulneuron.server.app import create_app
from vulneuron.server.dto import SessionState
from vulneuron.server.library import Library
from vulneuron.server.listening import DEFAULT_PORT, listen
from vulneuron.server.parsing import format_numbers, parse_numbers, unknown
from vulneuron.server.running import Server
from vulneuron.server.summary import OpenedLayer

_HOST = "127.0.0.1"
#: Set by JupyterHub: the path of a user's notebook server, below which its proxy is.
_HUB_PREFIX = "JUPYTERHUB_SERVICE_PREFIX"
_START_SECONDS = 30.0


def show(
    record: Record | str | Path,
    *,
    model: str | nn.Module | None = None,
    height: int = 900,
    proxy: str | None = None,
) -> "Dashboard":
    """Show the dashboard of a record in a notebook.

    Parameters
    ----------
    record
        A finished record, or its path.
    model
        The network or its spec, for new vulnerability maps; None for the network that the record names, if it
        is one of torchvision, timm or the demo.
    height
        Height of the frame in pixels.
    proxy
        Path of a proxy to ports of this machine, such as ``/proxy/{port}/``. If None, jupyter-server-proxy is
        used on a JupyterHub, and no proxy elsewhere.

    Returns
    -------
    Dashboard
        Displayed if it is the last value of a cell. It runs until the kernel ends, or `stop` is called.

    Raises
    ------
    RecordError
        If the record cannot be opened.
    RunError
        If the server does not start.

    Examples
    --------
    >>> dashboard = vn.show(record)
    >>> dashboard.neurons = [1, 3]
    >>> dashboard.neurons
    (1, 3)
    >>> dashboard.stop()
    """
    return Dashboard(Library([record], model), height=height, proxy=proxy)


class Dashboard:
    """The dashboard of a record, with its own server in this process; created by `show`.

    Parameters
    ----------
    library
        Library of one record.
    height, proxy
        As for `show`.

    Attributes
    ----------
    url
        Its URL.
    """

    def __init__(self, library: Library, *, height: int = 900, proxy: str | None = None) -> None:
        self._height = height
        (self._served,) = library
        with listen(_HOST, DEFAULT_PORT) as bound:
            port = int(bound.getsockname()[1])
            base = _base(port, proxy)
            # Requests through a proxy have the host name of the proxy, so only a token keeps others out.
            access = Access(token=secrets.token_urlsafe(24)) if base.startswith("/") else Access()
            app = create_app(library, access=access)
            self._state = app.state.server
            session = secrets.token_urlsafe(8)
            self._session = self._state.sessions[session]
            token = {TOKEN_PARAMETER: access.token} if access.token else {}
            query = {"record": self._served.id, "session": session, **token}
            self.url = f"{base}?{urlencode(query)}"
            ready = Event()
            self._server = Server(app, started=ready.set, end_streams=self._state.end_streams)
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

    def __repr__(self) -> str:
        return f"<Dashboard {self.url}>"

    def _repr_html_(self) -> str:
        """Frame for a notebook."""
        address = html.escape(self.url, quote=True)
        return (
            f'<iframe src="{address}" width="100%" height="{self._height}" style="border: 0" '
            'title="Vulneuron" allow="clipboard-write"></iframe>'
        )

    @property
    def state(self) -> dict[str, str]:
        """State of the page, as the parameters of its URL; empty until the page is opened.

        Parameters with the values of the record's first view are left out.
        """
        return dict(parse_qsl(self._session.value.query, keep_blank_values=True))

    @property
    def pair(self) -> int:
        """Number of the selected pair; set it to select another one.

        Raises
        ------
        VulneuronError
            If it is set to a pair that the record does not have.
        """
        layer = self._shown
        number = self.state.get("pair", "")
        return int(number) if number.isdecimal() else layer.summary.first_view.pair

    @pair.setter
    def pair(self, pair: int) -> None:
        count = self._shown.analysis.data.count
        if not 0 <= pair < count:
            raise unknown("pair", pair, count)
        self._show(pair=str(pair))

    @property
    def neurons(self) -> tuple[int, ...]:
        """Numbers of the selected neurons, ascending; set them to select others.

        Raises
        ------
        VulneuronError
            If they are set to no neuron, or to one that the record does not have.
        """
        layer = self._shown
        text = self.state.get("neurons")
        if text is None:
            return (layer.summary.first_view.neuron,)
        numbers = parse_numbers(text, name="neuron", count=layer.analysis.data.neurons)
        return tuple(sorted(numbers.tolist()))

    @neurons.setter
    def neurons(self, neurons: Iterable[int]) -> None:
        count = self._shown.analysis.data.neurons
        text = format_numbers(neurons)
        parse_numbers(text, name="neuron", count=count)
        self._show(neurons=text, focus=None)

    def stop(self) -> None:
        """Stop the server. Stopping it again has no effect."""
        atexit.unregister(self.stop)
        self._server.stop()
        self._thread.join()
        self._state.close()

    @property
    def _shown(self) -> OpenedLayer:
        """The record at the layer that the page shows."""
        return self._served.current().at(self.state.get("layer"))

    def _show(self, **changes: str | None) -> None:
        """Change the state of the page."""
        query = {"record": self._served.id, **self.state}
        for name, value in changes.items():
            query.pop(name, None)
            if value is not None:
                query[name] = value
        self._session.publish(SessionState(query=urlencode(query)))


def _base(port: int, proxy: str | None) -> str:
    """URL of a port for the browser, which may be on another machine."""
    hub = os.environ.get(_HUB_PREFIX)
    if proxy is None and hub is not None:
        proxy = f"{hub}proxy/{{port}}/"
    return f"http://{_HOST}:{port}/" if proxy is None else proxy.format(port=port).rstrip("/") + "/"
