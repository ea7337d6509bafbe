"""The dashboard as a notebook widget, with the page's selection as traits."""

import base64
import html
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets
from IPython.display import HTML, display

from vulneuron.errors import VulneuronError
from vulneuron.server.background import BackgroundServer
from vulneuron.server.library import Library
from vulneuron.server.notebook_values import checked_number, checked_numbers
from vulneuron.server.still_picture import still_picture
from vulneuron.server.summary import OpenedLayer

if TYPE_CHECKING:
    import pandas as pd

_SELECTED = ("layer", "pair", "neurons", "pairs")


class _Checked(traitlets.TraitType[Any, Any]):
    """A trait that the widget's validators check; `traitlets.Any` would accept None without them."""


class DashboardWidget(anywidget.AnyWidget):
    """The dashboard of a record in a notebook, with its own server in this process; created by `show`.

    The page and the traits follow each other. Other widgets can observe traits
    (``dashboard.observe(update, "neurons")``), and marimo's cells react to ``mo.ui.anywidget(dashboard)``.

    Parameters
    ----------
    library
        Library of one record.
    height, proxy
        As for `show`.

    Attributes
    ----------
    pair
        Number of the focused pair.
    neurons
        Numbers of the selected neurons, ascending.
    pairs
        Numbers of the selected pairs, ascending.
    layer
        Name of the target layer that the page shows.

    Raises
    ------
    VulneuronError
        When a trait is set to something that the record does not have.
    """

    _esm = Path(__file__).with_name("widget.js")

    layer = _Checked().tag(sync=True)
    pair = _Checked().tag(sync=True)
    neurons = _Checked().tag(sync=True)
    pairs = _Checked().tag(sync=True)
    #: Traits that were changed; the page decides about the others when it is loaded.
    _changed = traitlets.List(traitlets.Unicode()).tag(sync=True)
    _port = traitlets.Int().tag(sync=True)
    _path = traitlets.Unicode().tag(sync=True)
    _proxy = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    _height = traitlets.Int().tag(sync=True)
    _help = traitlets.Unicode().tag(sync=True)
    _picture = traitlets.Unicode().tag(sync=True)
    #: CSS class of the picture that is shown where the front end does not run.
    _still = traitlets.Unicode().tag(sync=True)

    def __init__(self, library: Library, *, height: int = 900, proxy: str | None = None) -> None:
        (self._served,) = library
        self._server = BackgroundServer(library)
        opened = self._served.current().at()
        first = opened.summary.first_view
        picture = base64.b64encode(still_picture(opened, first.pair, first.neuron)).decode()
        super().__init__(
            layer=opened.analysis.layer,
            pair=first.pair,
            neurons=(first.neuron,),
            pairs=tuple(opened.first_pairs.tolist()),
            _port=self._server.port,
            _path=f"{self._server.folder}?record={self._served.id}",
            _proxy=None if proxy is None else proxy.format(port=self._server.port),
            _height=height,
            _help=self._server.help,
            _picture=f"data:image/png;base64,{picture}",
            _still=f"vulneuron-{secrets.token_hex(4)}",
        )
        self.observe(self._note_change, list(_SELECTED))

    @property
    def url(self) -> str:
        """URL of the page for a browser on this machine."""
        return f"{self._server.url}?record={self._served.id}"

    def __repr__(self) -> str:
        return f"<DashboardWidget {self.url}>"

    def selection(self) -> "pd.DataFrame":
        """Rows of ``record.pairs`` for the selected pairs."""
        return self._served.current().record.pairs.loc[list(self.pairs)]

    def stop(self) -> None:
        """Stop the server. Stopping it again has no effect."""
        self._server.stop()

    def _ipython_display_(self) -> None:
        """Show the widget, and a picture for readers without a kernel."""
        bundle = self._repr_mimebundle_()
        if bundle is not None:
            display(bundle[0], metadata=bundle[1], raw=True)
            # In an output of its own, because JupyterLab replaces a widget without a kernel by an error.
            display(HTML(self._still_html()))

    def _still_html(self) -> str:
        alt = "Both images of a pair, and the receptive field of a neuron on each of them"
        # The front end hides this class.
        return (
            f'<div class="{self._still}"><p>Empty? {html.escape(self._help)}</p>'
            f'<img src="{self._picture}" alt="{alt}" style="max-width: 100%"></div>'
        )

    @property
    def _opened(self) -> OpenedLayer:
        return self._served.current().at(self.layer)

    @traitlets.validate("layer")
    def _check_layer(self, proposal: Any) -> str:
        layers = self._served.current().record.layers
        if proposal.value not in layers:
            raise VulneuronError(
                f"given layer = {proposal.value!r}",
                allowed=", ".join(layers),
                fix="choose one of these layers",
            )
        return str(proposal.value)

    @traitlets.validate("pair")
    def _check_pair(self, proposal: Any) -> int:
        return checked_number("pair", proposal.value, self._opened.analysis.data.count)

    @traitlets.validate("pairs")
    def _check_pairs(self, proposal: Any) -> tuple[int, ...]:
        return checked_numbers("pair", proposal.value, self._opened.analysis.data.count)

    @traitlets.validate("neurons")
    def _check_neurons(self, proposal: Any) -> tuple[int, ...]:
        return checked_numbers("neuron", proposal.value, self._opened.analysis.data.neurons)

    def _note_change(self, change: Any) -> None:
        self._changed = sorted({*self._changed, change.name})
        if change.name == "layer" and max(self.neurons) >= self._opened.analysis.data.neurons:
            self.neurons = (self._opened.summary.first_view.neuron,)
