"""The neurons by their vulnerability: curves and bands, or dumbbells (paper, Figures 2-c and 4)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from vulneuron.analysis import DEFAULT_SORTS, Analysis, checked_neurons, sort_measure, sorted_neurons
from vulneuron.analysis.data import Ints
from vulneuron.errors import MeasureError
from vulneuron.measures import MEASURES, SIDES, NeuronMeasure
from vulneuron.measures.bands import BAND_KINDS
from vulneuron.measures.choices import as_integer, check_choice
from vulneuron.measures.contribution import WEIGHTS
from vulneuron.plots.colors import ADVERSARIAL, AXIS, BENIGN, FAINT, HAIR, INK, MUTED, SUNK
from vulneuron.plots.neuron_rows import LEFT, Scene, receptive_fields, rows_below
from vulneuron.plots.selections import Pairs, chosen_pairs, colors_of
from vulneuron.plots.sheet import Sheet, focus_ring, haloed, legend, sheet
from vulneuron.plots.texts import change, labels_of, number, selection_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vulneuron.plots.figure import Figure

#: Sorts neurons by their numbers.
NEURON_NUMBER = "neuron"
#: Up to so many neurons are drawn one by one, and up to so many have their receptive fields beneath.
_FEW, _WITH_FIELDS = 80, 40
_HEIGHT = 105.0
_BAND_OPACITY = 0.36
_COLUMNS = (
    *[f"contribution_{side}" for side in SIDES],
    *[f"band_{side}_{end}" for side in SIDES for end in ("low", "high")],
)
#: Part of the curves' range by which bands may extend it: bands of few images are very wide.
_ROOM_FOR_BANDS, _MARGIN = 0.5, 0.05


def neurons(
    analysis: Analysis,
    pairs: int | Pairs,
    *,
    sort: str | None = None,
    shown: tuple[int, int] | None = None,
    neurons: Sequence[int] = (),
    focus: int | None = None,
    colors: Literal["images", "labels"] = "images",
    fields: bool = True,
    intervals: bool = True,
    classes: Sequence[str] | None = None,
    title: str | None = None,
    width: float = 178,
) -> "Figure":
    """Contributions of the neurons on both images, and the bands of both classes, sorted by a measure.

    Up to 80 shown neurons are drawn one by one.

    Parameters
    ----------
    analysis
        The analysis.
    pairs
        The number of one pair; or several pairs, over which means are shown: ``"all"``, a cell such as
        ``"cat:dog"``, a list such as ``"0-5,9"``, or numbers.
    sort
        Measure that orders the neurons from left to right, or "neuron" for their numbers: for gaps the most
        inhibited come first, otherwise the largest values. None for the band gap, or the curve gap if there
        is no band.
    shown
        First place of the order that is shown, from 0, and the one after the last; None for all.
    neurons
        Neurons to mark.
    focus
        A neuron to mark with its number and place.
    colors
        What the colors of curves and bands stand for: the two "images", or their "labels" if all pairs have
        the same.
    fields
        Whether up to 40 shown neurons have their receptive fields on a single pair beneath.
    intervals
        Whether intervals of the neurons' ranks are shown for several pairs, if they have a width.
    classes
        Classes that have colors of their own, as on a page that is reduced to them; None for all.
    title
        Title; None for the pair or the number of pairs, "" for none.
    width
        Width in millimeters.

    Raises
    ------
    MeasureError
        If a pair, neuron or measure is unknown, the measure has no values, or `shown` or the width is not
        allowed.
    """
    check_choice(colors, "colors", ("images", "labels"))
    if sort is not None and sort != NEURON_NUMBER:
        MEASURES.sortable(sort)
    single = analysis.data.check_pair(int(pairs)) if isinstance(pairs, int | np.integer) else None
    numbers = chosen_pairs(analysis, [pairs] if isinstance(pairs, int | np.integer) else pairs)
    columns = [*_COLUMNS, *(DEFAULT_SORTS if sort is None else [sort] if sort != NEURON_NUMBER else [])]
    table = (
        analysis.mean_neurons(numbers, columns=columns)
        if single is None
        else analysis.neurons(single, columns=columns)
    )
    measure = None if sort == NEURON_NUMBER else sort_measure(table, sort)
    ordered = table if measure is None else sorted_neurons(table, measure)
    first, end = _checked_range(shown, len(table))
    scene = Scene(
        ordered.iloc[first:end],
        first,
        len(table),
        measure,
        _ranks(analysis, numbers, measure) if intervals and single is None else None,
        _regions(table, measure),
        _colors(analysis, numbers, colors, classes),
        None if focus is None else int(checked_neurons(focus, len(table))[0]),
        frozenset(checked_neurons(list(neurons), len(table)).tolist() if len(neurons) else []),
    )
    few = end - first <= _FEW
    with sheet(width) as page:
        words = (
            f"Means over {selection_title(analysis, numbers)}"
            if single is None
            else f"Pair {single}: {change(analysis, single)}"
        )
        by = "neuron number" if measure is None else measure.label
        top = page.title(f"{words}, neurons by {by}", words) if title is None else page.title(title)
        top = legend(page, top, _legend(analysis, numbers, table, scene, few)) + 1
        ax = page.axes(LEFT, top, page.width - LEFT - 2, _HEIGHT)
        ax.set_xlim(first, end)
        _value_axis(page, ax, scene)
        (_dumbbells if few else _curves)(page, ax, scene)
        _focus(page, ax, scene)
        bottom = rows_below(page, scene, top + _HEIGHT + 4, few)
        if few and fields and single is not None and end - first <= _WITH_FIELDS:
            bottom = receptive_fields(page, analysis, single, scene, bottom)
        return page.finish(bottom)


def _checked_range(shown: tuple[int, int] | None, count: int) -> tuple[int, int]:
    if shown is None:
        return 0, count
    ends = [as_integer(end) for end in shown] if isinstance(shown, Sequence) else []
    if len(ends) == 2 and ends[0] is not None and ends[1] is not None and 0 <= ends[0] < ends[1] <= count:
        return ends[0], ends[1]
    raise MeasureError(
        f"given shown = {shown!r}",
        allowed=f"two places from 0 to {count}, the smaller one first",
        fix="use (0, 25) for the first 25 neurons of the order",
    )


def _ranks(analysis: Analysis, pairs: Ints, measure: NeuronMeasure | None) -> pd.DataFrame | None:
    """Intervals of ranks; None without a width, as all pairs of a cell have the same band gap."""
    if measure is None:
        return None
    ranks = analysis.rank(pairs, sort_by=measure.name, columns=[measure.name])
    return ranks if (ranks["rank_low"] < ranks["rank_high"]).any() else None


def _regions(table: pd.DataFrame, measure: NeuronMeasure | None) -> tuple[int, int, int] | None:
    """Numbers of inhibited, unchanged and excited neurons."""
    if measure is None or not measure.signed:
        return None
    values = table[measure.name]
    return int((values < 0).sum()), int((values == 0).sum()), int((values > 0).sum())


def _colors(analysis: Analysis, pairs: Ints, colors: str, classes: Sequence[str] | None) -> tuple[str, str]:
    benign, adversarial = labels_of(analysis, pairs)
    if colors == "images" or benign is None or adversarial is None:
        return BENIGN, ADVERSARIAL
    by_class = colors_of(analysis, classes)
    return by_class[benign], by_class[adversarial]


def _legend(
    analysis: Analysis, pairs: Ints, table: pd.DataFrame, scene: Scene, few: bool
) -> list[tuple[str, str | None]]:
    curves = analysis.settings.curves
    names = [name or "its label" for name in labels_of(analysis, pairs)]
    to = [text.format(benign=names[0], adversarial=names[1]) for text in WEIGHTS[curves.weights].legend]
    missing = [
        name for name, side in zip(names, SIDES, strict=True) if table[f"band_{side}_low"].isna().all()
    ]
    level = f"{100 * curves.confidence:g} %"
    band = BAND_KINDS[curves.band].legend[0].format(level=level)
    bands = f"no band of {', '.join(missing)}" if missing else f"{'box' if few else 'band'}: {band}"
    unit = (
        "contribution to the logit"
        if analysis.data.linear
        else "gradient \N{MULTIPLICATION SIGN} activation, of the logit"
    )
    both = zip(SIDES, to, scene.colors, strict=True)
    return [(unit, None), *[(f"{side} to {name}", color) for side, name, color in both], (bands, None)]


def _value_axis(page: Sheet, ax: "Axes", scene: Scene) -> None:
    from matplotlib.ticker import MaxNLocator

    low, high = _range(scene.table)
    ax.set_ylim(low, high)
    ticks = [
        tick for tick in MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= tick <= high
    ]
    for tick in ticks:
        zero = abs(tick) < 1e-12
        ax.axhline(tick, color=AXIS if zero else HAIR, linewidth=0.6, zorder=0.5)
        ax.annotate(
            "0" if zero else number(tick), (0, tick), (-4, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", ha="right", va="center", fontsize=page.small, color=MUTED,
        )  # fmt: skip


def _range(table: pd.DataFrame) -> tuple[float, float]:
    """Range of the curves, with 0, and of the bands if they are not much wider."""
    curves = table[[f"contribution_{side}" for side in SIDES]].to_numpy()
    bands = table[[f"band_{side}_{end}" for side in SIDES for end in ("low", "high")]].to_numpy()
    least, most = min(0.0, np.nanmin(curves)), max(0.0, np.nanmax(curves))
    finite = bands[np.isfinite(bands)]
    lowest, highest = (min(0.0, finite.min()), max(0.0, finite.max())) if finite.size else (0.0, 0.0)
    room = _ROOM_FOR_BANDS * (most - least) if most > least else np.inf
    low, high = min(least, max(lowest, least - room)), max(most, min(highest, most + room))
    if low == high:
        return -1.0, 1.0
    margin = _MARGIN * (high - low)
    return float(low - margin * (low < 0)), float(high + margin * (high > 0))


def _curves(page: Sheet, ax: "Axes", scene: Scene) -> None:
    table, places = scene.table, scene.places
    for side, color in zip(SIDES, scene.colors, strict=True):
        low, high = table[f"band_{side}_low"], table[f"band_{side}_high"]
        if low.notna().any():
            # With an edge, as bands of many images can be thinner than a line.
            ax.fill_between(places, low, high, color=color, alpha=_BAND_OPACITY, linewidth=1.2, zorder=1)
    for side, color in zip(SIDES, scene.colors, strict=True):
        ax.plot(places, table[f"contribution_{side}"], color=color, linewidth=0.7, zorder=2, label=side)
    chosen = np.flatnonzero(table.index.isin(scene.marked))
    if len(chosen):
        bottom = ax.get_ylim()[0]
        ax.plot(
            places[chosen], np.full(len(chosen), bottom), linestyle="", marker="|", markersize=7, color=INK,
            markeredgewidth=1.2, clip_on=False,
        )  # fmt: skip


def _dumbbells(page: Sheet, ax: "Axes", scene: Scene) -> None:
    table, places = scene.table, scene.places
    step = (page.width - LEFT - 2) / len(places)
    half = min(7.0, max(1.0, step - 1.5)) / 2 / step
    low_end, high_end = ax.get_ylim()
    lowest = 2 * (high_end - low_end) / _HEIGHT
    for side, color in zip(SIDES, scene.colors, strict=True):
        low, high = (table[f"band_{side}_{end}"].to_numpy() for end in ("low", "high"))
        known = np.isfinite(low)
        tall = np.maximum(high - low, lowest)
        ax.bar(
            places[known], tall[known], 2 * half, ((low + high - tall) / 2)[known], color=color,
            alpha=_BAND_OPACITY, linewidth=0, zorder=1,
        )  # fmt: skip
    benign, adversarial = (table[f"contribution_{side}"].to_numpy() for side in SIDES)
    ax.vlines(places, benign, adversarial, color=FAINT, linewidth=0.7, zorder=2)
    radius = min(1.9, max(0.9, step / 5))
    for side, color in zip(SIDES, scene.colors, strict=True):
        values = table[f"contribution_{side}"]
        ax.plot(
            places, values, linestyle="", marker="o", markersize=2 * radius, markeredgewidth=0, color=color,
            zorder=3, label=side,
        )  # fmt: skip


def _focus(page: Sheet, ax: "Axes", scene: Scene) -> None:
    if scene.focus is None or scene.focus not in scene.table.index:
        return
    at = scene.table.index.tolist().index(scene.focus)
    place = float(scene.places[at])
    few = len(scene.table) <= _FEW
    if few:
        ax.axvspan(place - 0.5, place + 0.5, color=SUNK, linewidth=0, zorder=0)
    else:
        ax.axvline(place, color=INK, linewidth=0.9, zorder=4)
    for side, color in zip(SIDES, scene.colors, strict=True):
        value = float(scene.table[f"contribution_{side}"].to_numpy()[at])
        focus_ring(ax, place, value, 2.1)
        ax.plot(
            [place],
            [value],
            marker="o",
            markersize=3.4,
            color=color,
            markeredgewidth=0,
            zorder=9,
            clip_on=False,
        )
    if few:
        return
    is_right = place > scene.first + len(scene.table) / 2
    for row, (text, bold) in enumerate(
        [(f"neuron {scene.focus}", True), (f"place {int(place) + 1:,} of {scene.every:,}", False)]
    ):
        haloed(
            ax, text, (place, 1), xytext=(-5 if is_right else 5, -1 - 8.5 * row),
            xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="right" if is_right else "left", va="top",
            fontsize=page.body if bold else page.small, fontweight="bold" if bold else "normal",
            color=INK if bold else MUTED, zorder=10,
        )  # fmt: skip
