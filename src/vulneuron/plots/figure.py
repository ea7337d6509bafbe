"""`Figure`: a figure of matplotlib that is saved, and shown in notebooks, in the style of the dashboard."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

import matplotlib.figure
import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg

from vulneuron.network.process_state import quiet
from vulneuron.plots.colors import AXIS, INK, MUTED

#: Pixels per inch of a PNG at scale 1, and of what a vector file has as pixels, such as very many points.
RESOLUTION, _FINE = 100, 300
#: Scale of the PNG in a notebook.
_IN_NOTEBOOKS = 1.5
#: Type in points.
SMALL, BODY, TITLE = 6.0, 7.0, 8.5
_STYLE: dict[str, Any] = {
    # Journals ask for Arial or Helvetica. DejaVu Sans comes with matplotlib, and has the other characters.
    "font.family": ["sans-serif", "DejaVu Sans"],
    "font.sans-serif": ["Arial", "Helvetica", "Liberation Sans", "DejaVu Sans"],
    "font.size": BODY,
    "text.color": INK,
    # Names of classes may contain dollar signs.
    "text.parse_math": False,
    "axes.edgecolor": AXIS,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": AXIS,
    "ytick.color": AXIS,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "lines.solid_joinstyle": "round",
    # Text stays text.
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    # The same figure is the same file.
    "svg.hashsalt": "vulneuron",
    "image.composite_image": False,
}
_DATES: dict[str, dict[str, None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
#: matplotlib's settings belong to the whole process.
_lock = RLock()


@contextmanager
def drawing_style() -> Iterator[None]:
    """Draw or save figures in the style of the dashboard, whatever the user's settings of matplotlib are.

    One thread draws at a time.
    """
    # matplotlib warns of characters that no font of this machine has.
    with _lock, quiet(), matplotlib.style.context(["default", _STYLE]):
        yield


class Figure(matplotlib.figure.Figure):
    """A figure of its own: pyplot does not know it, so it need not be closed.

    As the last expression of a notebook's cell it is shown; ``figure.savefig("name.pdf")`` saves it.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(dpi=RESOLUTION, facecolor="white", **options)
        FigureCanvasAgg(self)

    def savefig(self, fname: Any, *, transparent: bool | None = None, **options: Any) -> None:
        """Save as `matplotlib.figure.Figure.savefig` does, without a date: equal figures are equal files."""
        form = str(options.get("format") or str(fname).rpartition(".")[2]).lower()
        options = {"dpi": _FINE, **options}
        metadata = {**_DATES.get(form, {}), **(options.pop("metadata", None) or {})}
        with drawing_style():
            super().savefig(fname, transparent=transparent, metadata=metadata or None, **options)

    def to_bytes(self, form: str, scale: float = 1) -> bytes:
        """A file in the format svg, pdf or png; a PNG has `scale` times `RESOLUTION` pixels per inch."""
        stream = io.BytesIO()
        self.savefig(stream, format=form, dpi=RESOLUTION * scale if form == "png" else _FINE)
        return stream.getvalue()

    def _repr_png_(self) -> bytes:
        return self.to_bytes("png", _IN_NOTEBOOKS)
