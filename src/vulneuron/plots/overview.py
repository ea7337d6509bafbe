"""The scatterplots of the data overview (paper, Figure 2-a)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from vulneuron.analysis import Analysis
from vulneuron.analysis.data import Ints
from vulneuron.measures import SIDES, Side
from vulneuron.measures.choices import check_choice
from vulneuron.plots.colors import INK, MUTED
from vulneuron.plots.selections import Pairs, checked_classes, chosen_pairs, colors_of, in_classes
from vulneuron.plots.sheet import Sheet, focus_ring, haloed, printable, sheet
from vulneuron.plots.texts import selection_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vulneuron.plots.figure import Figure

_GAP = 10.0
#: More points than this are one image in a vector file.
_MOST_PATHS = 20_000
#: From this number of points on, dots have the least opacity.
_MANY = 5000
_OPACITY, _MOST_OPAQUE, _WITHOUT_SELECTION = 0.13, 3.0, 4.0
#: Classes with more names at their chosen points keep them on their clusters.
_MOST_CHOSEN = 3
_FEW_POINTS = 10


@dataclass(frozen=True, eq=False)
class _Plot:
    """One scatterplot: the images of a side, colored by one of their labels."""

    side: Side
    colored_by: Side
    title: str


_PLOTS = {
    "true": (_Plot("benign", "benign", "Benign"), _Plot("adversarial", "benign", "Adversarial")),
    "predicted": (_Plot("benign", "benign", "Benign"), _Plot("adversarial", "adversarial", "Adversarial")),
    "both": (
        _Plot("benign", "benign", "Benign"),
        _Plot("adversarial", "adversarial", "Adversarial: prediction"),
        _Plot("adversarial", "benign", "Adversarial: true label"),
    ),
}


def scatterplots(
    analysis: Analysis,
    *,
    pairs: Pairs = "all",
    highlight: Pairs | None = None,
    color: Literal["true", "predicted", "both"] = "predicted",
    true_labels: Sequence[str] | None = None,
    adversarial_labels: Sequence[str] | None = None,
    hidden: Sequence[str] = (),
    focus: int | None = None,
    title: str | None = None,
    width: float = 178,
) -> "Figure":
    """The t-SNE projections of the benign and of the adversarial images, with the names of the classes.

    Parameters
    ----------
    analysis
        The analysis.
    pairs
        Pairs to show: a cell such as ``"cat:dog"``, a list such as ``"0-5,9"``, or numbers.
    highlight
        Pairs to highlight, likewise; None for none.
    color
        Label that adversarial images are colored by: "true", "predicted", or "both", which shows them twice.
    true_labels, adversarial_labels
        Show only pairs of these labels, whose classes then have the first colors; None for all.
    hidden
        Classes whose points are left out.
    focus
        A pair to mark with a ring.
    title
        Title; None for one that counts the pairs, "" for none.
    width
        Width in millimeters.

    Raises
    ------
    MeasureError
        If a pair, a class or the color is unknown, or the width is not allowed.
    """
    check_choice(color, "color", _PLOTS)
    rows = checked_classes(analysis, true_labels, "true_labels")
    columns = checked_classes(analysis, adversarial_labels, "adversarial_labels")
    shown = np.intersect1d(in_classes(analysis, rows, columns), chosen_pairs(analysis, pairs))
    highlighted = shown if highlight is None else np.intersect1d(chosen_pairs(analysis, highlight), shown)
    chosen = None if highlight is None else np.isin(shown, highlighted)
    left_out = set(checked_classes(analysis, hidden, "hidden")) if hidden else set()
    reduced = true_labels is not None or adversarial_labels is not None
    colors = colors_of(analysis, [*rows, *columns] if reduced else None)
    if focus is not None:
        analysis.data.check_pair(focus)
    plots = _PLOTS[color]
    with sheet(width) as page:
        top = page.title(selection_title(analysis, highlighted) if title is None else title)
        side = (page.width - _GAP * (len(plots) - 1)) / len(plots)
        for index, plot in enumerate(plots):
            left = index * (side + _GAP)
            _heading(page, analysis, plot.title, left, top, side, explained=index == 0)
            ax = page.axes(left, top + 12, side, side)
            _draw(page, ax, analysis, plot, shown, chosen, colors, left_out, side, focus)
        return page.finish(top + 12 + side + 2)


def _heading(
    page: Sheet, analysis: Analysis, title: str, left: float, top: float, room: float, *, explained: bool
) -> None:
    end = page.text(left, top + 7, title, bold=True, room=room)
    if explained:
        text = f"t-SNE of the {analysis.data.neurons:,} activations"
        page.text(end + 5, top + 7, text, size=page.small, color=MUTED, room=max(0, left + room - end - 5))


def _draw(
    page: Sheet,
    ax: "Axes",
    analysis: Analysis,
    plot: _Plot,
    shown: Ints,
    chosen: npt.NDArray[np.bool_] | None,
    colors: Any,
    hidden: set[str],
    side: float,
    focus: int | None,
) -> None:
    places = analysis.data.projection[shown, SIDES.index(plot.side)].astype(np.float64)
    names = analysis.record.pairs[f"{plot.colored_by}_label"].to_numpy()[shown]
    visible = ~np.isin(names, list(hidden)) & np.isfinite(places).all(axis=1)
    _frame(ax, places[visible])
    # In a random order, because records are often sorted by class, whose last one would cover the others.
    order = np.random.default_rng(0).permutation(np.flatnonzero(visible))
    plain = order if chosen is None else order[~chosen[order]]
    denser = min(_MOST_OPAQUE, max(1.0, (_MANY / max(1, len(shown))) ** 0.5))
    opacity = min(0.9, _OPACITY * denser * (_WITHOUT_SELECTION if chosen is None else 1))
    radius = float(np.clip(0.5 * side / max(1, len(shown)) ** 0.5, side / 240, side / 80))
    rasterized = len(order) > _MOST_PATHS
    ax.scatter(
        places[plain, 0], places[plain, 1], s=(2 * radius) ** 2, c=[colors[name] for name in names[plain]],
        alpha=opacity, linewidths=0, rasterized=rasterized,
    )  # fmt: skip
    if chosen is not None:
        picked = order[chosen[order]]
        ax.scatter(
            places[picked, 0], places[picked, 1], s=(3 * radius) ** 2,
            c=[colors[name] for name in names[picked]], edgecolors=f"{INK}b3", linewidths=radius / 3,
            rasterized=rasterized, zorder=2,
        )  # fmt: skip
    if focus is not None and focus in shown and visible[place := int(np.searchsorted(shown, focus))]:
        focus_ring(ax, float(places[place, 0]), float(places[place, 1]), max(3.0, radius + 2.2))
    _names(page, ax, places[visible], names[visible], None if chosen is None else chosen[visible], side)


def _frame(ax: "Axes", places: npt.NDArray[np.float64]) -> None:
    """Show all points, with equal scales."""
    if not len(places):
        return
    low, high = places.min(axis=0), places.max(axis=0)
    half = 0.53 * float((high - low).max()) or 1.0
    middle = (low + high) / 2
    ax.set_xlim(middle[0] - half, middle[0] + half)
    ax.set_ylim(middle[1] - half, middle[1] + half)


def _names(
    page: Sheet,
    ax: "Axes",
    places: npt.NDArray[np.float64],
    names: npt.NDArray[Any],
    chosen: npt.NDArray[np.bool_] | None,
    side: float,
) -> None:
    """Names of classes at the medians of their points, or off the chosen points; without overlaps."""
    bold = set(names[chosen]) if chosen is not None else set()
    bold = bold if len(bold) <= _MOST_CHOSEN else set()
    labels, counts = np.unique(names.astype(str), return_counts=True)
    ranked = sorted(
        zip(labels.tolist(), counts.tolist(), strict=True), key=lambda it: (it[0] not in bold, -it[1])
    )
    line, taken = page.body * 1.2, list[tuple[float, float, float]]()
    to_points = ax.transLimits.transform
    for name, _ in ranked:
        members = places[names == name]
        x, y = side * to_points(np.median(members, axis=0))
        # A name would hide few points.
        nudges = (0, 1, -1, 2, -2) if len(members) >= _FEW_POINTS else (1, -1, 2, -2)
        tries = [y + nudge * line for nudge in nudges]
        if name in bold and chosen is not None:
            own = side * to_points(places[(names == name) & chosen])
            x = float(np.median(own[:, 0]))
            low, high = np.quantile(own[:, 1], [0.03, 0.97])
            tries = [low - line, high + line, low - 2 * line, high + 2 * line, max(line, low - line)]
        half = page.measure(name, bold=name in bold) / 2
        x = min(side - half, max(half, x))
        for middle in tries:
            outside = not line / 2 <= middle <= side - line / 2
            if outside or any(abs(x - a) < half + b and abs(middle - c) < line for a, b, c in taken):
                continue
            taken.append((x, half, middle))
            haloed(
                ax, printable(name), (x / side, middle / side), xycoords="axes fraction", ha="center",
                va="center", fontsize=page.body, fontweight="bold" if name in bold else "normal", zorder=9,
            )  # fmt: skip
            break
