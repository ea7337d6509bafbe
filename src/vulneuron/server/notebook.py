"""The dashboard in a notebook, and its selection in Python."""

import html
import os
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from torch import nn

from vulneuron.record import Record
from vulneuron.server.background import BackgroundServer
from vulneuron.server.dto import SessionState
from vulneuron.server.library import Library
from vulneuron.server.notebook_values import checked_number, checked_numbers
from vulneuron.server.parsing import format_numbers, parse_numbers
from vulneuron.server.summary import OpenedLayer

if TYPE_CHECKING:
    from vulneuron.server.widget import DashboardWidget

#: Set by JupyterHub: the path of a user's notebook server, below which its proxy is.
_HUB_PREFIX = "JUPYTERHUB_SERVICE_PREFIX"
_SESSION = "notebook"


def show(
    record: Record | str | Path,
    *,
    model: str | nn.Module | None = None,
    height: int = 900,
    proxy: str | None = None,
) -> "Dashboard | DashboardWidget":
    """Show the dashboard of a record in a notebook.

    If the package anywidget is installed (``pip install 'vulneuron[notebook]'``), it is a widget with the
    traits ``pair``, ``neurons``, ``pairs`` and ``layer``, which other widgets and marimo's cells can observe.

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
        Path of a proxy to ports of this machine, such as ``/proxy/{port}/``. If None, the widget tries
        Colab's proxy, this machine, and jupyter-server-proxy.

    Returns
    -------
    Dashboard or DashboardWidget
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
    library = Library([record], model)
    if find_spec("anywidget") is None:
        return Dashboard(library, height=height, proxy=proxy)
    from vulneuron.server.widget import DashboardWidget  # noqa: PLC0415  needs anywidget

    return DashboardWidget(library, height=height, proxy=proxy)


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
        self._server = BackgroundServer(library)
        self._session = self._server.state.sessions[_SESSION]
        self.url = (
            f"{_base_url(self._server, proxy)}?{urlencode({'record': self._served.id, 'session': _SESSION})}"
        )

    def __repr__(self) -> str:
        return f"<Dashboard {self.url}>"

    def _repr_html_(self) -> str:
        """Frame for a notebook."""
        address = html.escape(self.url, quote=True)
        return (
            f'<iframe src="{address}" width="100%" height="{self._height}" style="border: 0" '
            f'title="Vulneuron" allow="clipboard-write"></iframe>'
            f"<small>Empty? {html.escape(self._server.help)}</small>"
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
        self._show(pair=str(checked_number("pair", pair, self._shown.analysis.data.count)))

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
        numbers = checked_numbers("neuron", neurons, self._shown.analysis.data.neurons)
        self._show(neurons=format_numbers(numbers), focus=None)

    def stop(self) -> None:
        """Stop the server. Stopping it again has no effect."""
        self._server.stop()

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


def _base_url(server: BackgroundServer, proxy: str | None) -> str:
    """URL of a server for the browser, which may be on another machine."""
    hub = os.environ.get(_HUB_PREFIX)
    if proxy is None and hub is not None:
        proxy = f"{hub}proxy/{{port}}/"
    return server.url if proxy is None else f"{proxy.format(port=server.port).rstrip('/')}/{server.folder}"
