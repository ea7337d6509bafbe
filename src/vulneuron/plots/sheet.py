"""`Sheet`: the space of a figure, in which views place their parts in points from its upper left corner."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from vulneuron.errors import MeasureError
from vulneuron.measures.choices import Choice, as_number
from vulneuron.plots.colors import ADVERSARIAL, BENIGN, INK, MUTED, PANEL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vulneuron.plots.figure import Figure

#: Common widths of a figure in millimeters.
WIDTHS: Mapping[float, Choice] = {
    85: Choice("1 column", "The width of one column of a journal: 85 mm"),
    114: Choice("1.5 columns", "The width of one and a half columns of a journal: 114 mm"),
    178: Choice("2 columns", "The width of a page with two columns: 178 mm"),
}
_LEAST_WIDTH, _MOST_WIDTH = 40, 500
#: Points around everything, because lines and letters extend a little over their places.
_MARGIN = 2.0
#: No line has room for more characters.
_LONGEST = 400
POINTS_PER_MM = 72 / 25.4
SIDE_COLORS = {"benign": BENIGN, "adversarial": ADVERSARIAL}

Align = Literal["left", "center", "right"]


class Sheet:
    """A figure of a given width, which gets its height at the end.

    Parameters
    ----------
    width
        Width in millimeters.

    Attributes
    ----------
    width
        Width in points, without margins.
    figure
        The figure.
    """

    def __init__(self, width: float) -> None:
        from matplotlib.transforms import Affine2D

        from vulneuron.plots.figure import BODY, SMALL, TITLE, Figure

        self.width = width * POINTS_PER_MM - 2 * _MARGIN
        self.small, self.body, self.title_size = SMALL, BODY, TITLE
        self.figure = Figure(figsize=(width / 25.4, 1))
        self._to_inches = Affine2D()
        self._places: list[tuple[Axes, tuple[float, float, float, float]]] = []

    # -- parts -------------------------------------------------------------------------------------------

    def axes(self, left: float, top: float, width: float, height: float) -> "Axes":
        """Axes without a frame and ticks."""
        ax = self.figure.add_axes((0, 0, 0.5, 0.5))
        ax.set_axis_off()
        self._places.append((ax, (left, top, width, height)))
        return ax

    def text(
        self,
        left: float,
        base: float,
        text: str,
        *,
        size: float | None = None,
        color: str = INK,
        bold: bool = False,
        align: Align = "left",
        room: float | None = None,
        halo: bool = False,
        **options: Any,
    ) -> float:
        """A line of text on a baseline, cut off at the width `room`; returns where it ends."""
        size, text = size or self.body, printable(text)
        if room is not None:
            text = self.cut(text, room, size=size, bold=bold)
        options = {
            "fontsize": size, "color": color, "fontweight": "bold" if bold else "normal", "ha": align,
            "va": "baseline", "transform": self._transform, **options,
        }  # fmt: skip
        if halo:
            self.figure.text(left, base, text, path_effects=_halo(), **options)
        self.figure.text(left, base, text, **options)
        return left + self.measure(text, size=size, bold=bold)

    def title(self, *texts: str) -> float:
        """The title of the figure, the first of some texts that fits; returns the position below it."""
        if not any(texts):
            return 0
        text = self.first_fitting(
            [printable(text) for text in texts], self.width, size=self.title_size, bold=True
        )
        self.text(0, self.title_size, text, size=self.title_size, bold=True)
        return self.title_size + 5

    def rectangle(
        self, left: float, top: float, width: float, height: float, color: str, **options: Any
    ) -> None:
        """A filled rectangle."""
        from matplotlib.patches import Rectangle

        options = {"linewidth": 0, "facecolor": color, **options}
        self.figure.add_artist(Rectangle((left, top), width, height, transform=self._transform, **options))

    def dot(self, x: float, y: float, color: str, radius: float = 2.2) -> None:
        """A disc, such as the color of a class beside its name."""
        self.line([x], [y], color=color, marker="o", markersize=2 * radius, markeredgewidth=0)

    def line(self, xs: list[float], ys: list[float], **options: Any) -> None:
        """A line."""
        from matplotlib.lines import Line2D

        self.figure.add_artist(Line2D(xs, ys, transform=self._transform, **options))

    def image(self, left: float, top: float, width: float, height: float, pixels: npt.NDArray[Any]) -> "Axes":
        """An image ``(y, x, channel)`` of bytes; its axes have the pixels' coordinates."""
        ax = self.axes(left, top, width, height)
        rows, columns = pixels.shape[:2]
        # Vector formats embed the pixels as they are.
        ax.imshow(pixels, interpolation="none", aspect="auto", extent=(0, columns, rows, 0))
        return ax

    def finish(self, height: float) -> "Figure":
        """Set the height in points, and return the figure."""
        wide, high = self.width + 2 * _MARGIN, height + 2 * _MARGIN
        self.figure.set_size_inches(wide / 72, high / 72)
        self._to_inches.clear().translate(_MARGIN, _MARGIN).scale(1 / 72, -1 / 72).translate(0, high / 72)
        for ax, (left, top, across, down) in self._places:
            bottom = high - (_MARGIN + top + down)
            ax.set_position(((_MARGIN + left) / wide, bottom / high, across / wide, down / high))
        return self.figure

    # -- text --------------------------------------------------------------------------------------------

    def measure(self, text: str, *, size: float | None = None, bold: bool = False) -> float:
        """Width of a text in points."""
        from matplotlib.font_manager import FontProperties
        from matplotlib.textpath import text_to_path

        if not text:
            return 0
        font = FontProperties(size=size or self.body, weight="bold" if bold else "normal")
        return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])

    def cut(self, text: str, room: float, *, size: float | None = None, bold: bool = False) -> str:
        """The text, without the end that does not fit."""
        if self.measure(text, size=size, bold=bold) <= room:
            return text
        text = text[:_LONGEST]
        fitting = bisect_right(
            range(1, len(text) + 1),
            room,
            key=lambda end: self.measure(f"{text[:end]}…", size=size, bold=bold),
        )
        return f"{text[:fitting].rstrip()}…"

    def first_fitting(
        self, texts: Sequence[str], room: float, *, size: float | None = None, bold: bool = False
    ) -> str:
        """The first of some texts that fits; the last one, cut off, if none does."""
        fits = (text for text in texts if self.measure(text, size=size, bold=bold) <= room)
        return next(fits, None) or self.cut(texts[-1], room, size=size, bold=bold)

    @property
    def _transform(self) -> Any:
        return self._to_inches + self.figure.dpi_scale_trans


@contextmanager
def sheet(width: float) -> Iterator[Sheet]:
    """A sheet, in the style in which everything on it is drawn.

    Raises
    ------
    MeasureError
        If the width in millimeters is not a number from 40 to 500.
    """
    given = as_number(width)
    if given is None or not _LEAST_WIDTH <= given <= _MOST_WIDTH:
        raise MeasureError(
            f"given width = {width!r}",
            allowed=f"millimeters from {_LEAST_WIDTH} to {_MOST_WIDTH}",
            fix=", ".join(f"{size:g} for {one.label}" for size, one in WIDTHS.items()),
        )
    from vulneuron.plots.figure import drawing_style

    with drawing_style():
        yield Sheet(given)


def printable(text: str) -> str:
    """The text in one line, without characters that a file of XML cannot contain."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def haloed(ax: "Axes", text: str, xy: tuple[float, float], **options: Any) -> None:
    """A text in axes that is legible on anything; the options are those of ``Axes.annotate``."""
    ax.annotate(text, xy, path_effects=_halo(), **options)
    ax.annotate(text, xy, **options)


def _halo() -> list[Any]:
    """Path effects of a text behind the same text; it becomes a path, and the other one stays a text."""
    from matplotlib.patheffects import Stroke

    return [Stroke(linewidth=1.8, foreground=PANEL)]


def focus_ring(ax: "Axes", x: float, y: float, radius: float) -> None:
    """The mark of the focus, a black ring with a white halo around a point of the data."""
    for color, thickness in ((PANEL, 2.4), (INK, 1.1)):
        ax.plot(
            [x], [y], linestyle="", marker="o", markersize=2 * radius, markerfacecolor="none",
            markeredgecolor=color, markeredgewidth=thickness, zorder=8, clip_on=False,
        )  # fmt: skip


def legend(sheet: Sheet, top: float, parts: list[tuple[str, str | None]], *, left: float = 0) -> float:
    """Texts in rows, each with a dot of its color unless that is None; returns the bottom."""
    x, base = left, top + 6
    for text, color in parts:
        wide = sheet.measure(text, size=sheet.small) + (7 if color else 0)
        if x > left and x + wide > sheet.width:
            x, base = left, base + 9
        if color is not None:
            sheet.dot(x + 2.4, base - 2.3, color)
        sheet.text(
            x + (7 if color else 0), base, text, size=sheet.small, color=MUTED,
            room=sheet.width - x - (7 if color else 0),
        )  # fmt: skip
        x += wide + 9
    return base + 5


def as_bytes(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Pixels ``(channel, y, x)`` in [0, 1] as bytes ``(y, x, 3)``; gray for fewer than three channels."""
    moved = np.moveaxis(pixels, 0, -1)
    colored = moved[..., :3] if moved.shape[-1] >= 3 else np.repeat(moved[..., :1], 3, axis=-1)
    return np.asarray(np.rint(255 * np.clip(colored, 0, 1)), np.uint8)
