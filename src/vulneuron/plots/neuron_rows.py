"""The rows below the neurons' curves: regions, intervals of ranks, numbers, sort measure and fields."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from vulneuron.analysis import Analysis
from vulneuron.measures import SIDES, NeuronMeasure
from vulneuron.plots.colors import AXIS, FAINT, INK, MUTED
from vulneuron.plots.regions import masked, reduced
from vulneuron.plots.sheet import SIDE_COLORS, Sheet
from vulneuron.plots.texts import ARROW, of_measure

#: Room for the labels at the left, and height of a row of bars.
LEFT, STRIP = 28.0, 16.0
_LARGEST_FIELD = 34.0


@dataclass(frozen=True, eq=False)
class Scene:
    """What is drawn: the shown rows of the table, in their order, and how."""

    table: pd.DataFrame
    #: Place of the first shown neuron, and number of all neurons.
    first: int
    every: int
    measure: NeuronMeasure | None
    #: Lower and upper end of each neuron's rank, by neuron.
    ranks: pd.DataFrame | None
    regions: tuple[int, int, int] | None
    colors: tuple[str, str]
    focus: int | None
    marked: frozenset[int]

    @property
    def places(self) -> npt.NDArray[np.float64]:
        """Middles of the neurons' columns."""
        return np.arange(self.first, self.first + len(self.table), dtype=np.float64) + 0.5


def rows_below(page: Sheet, scene: Scene, top: float, few: bool) -> float:
    """Regions, numbers of single neurons, and the sort measure; returns the bottom."""
    left, room = LEFT, page.width - LEFT - 2
    unit = room / len(scene.table)
    if scene.regions is not None:
        start, end = 0, scene.first + len(scene.table)
        words = ("inhibited by the attack", "unchanged", "excited")
        for size, color in zip(scene.regions, (scene.colors[0], AXIS, scene.colors[1]), strict=True):
            a, b = max(start, scene.first), min(start + size, end)
            if b > a:
                page.rectangle(left + (a - scene.first) * unit, top, (b - a) * unit, 2.4, color)
            start += size
        top += 4
        if not few:
            inhibited, unchanged, excited = (
                f"{n:,} {word}" for n, word in zip(scene.regions, words, strict=True)
            )
            middle = left + (scene.regions[0] + scene.regions[1] / 2 - scene.first) * unit
            widths = [page.measure(text, size=page.small) for text in (inhibited, unchanged, excited)]
            page.text(left, top + 7, inhibited, size=page.small, color=MUTED)
            page.text(left + room, top + 7, excited, size=page.small, color=MUTED, align="right")
            low, high = left + widths[0] + 6 + widths[1] / 2, left + room - widths[2] - 6 - widths[1] / 2
            if low < high:
                page.text(
                    min(high, max(low, middle)),
                    top + 7,
                    unchanged,
                    size=page.small,
                    color=MUTED,
                    align="center",
                )
            top += 11
    if scene.ranks is not None:
        _intervals(page, scene, scene.ranks, top)
        top += STRIP + 5
    if few:
        _numbers(page, scene, top, unit)
        top += 11
    if scene.measure is None:
        if not few:
            page.text(left, top + 7, "first neuron", size=page.small, color=MUTED)
            page.text(left + room, top + 7, "last neuron", size=page.small, color=MUTED, align="right")
        return top + 10
    _strip(page, scene, scene.measure, top, few)
    return top + STRIP + (11 if few else 12)


def _intervals(page: Sheet, scene: Scene, ranks: pd.DataFrame, top: float) -> None:
    """The interval of each neuron's rank, from the first rank at the top."""
    shown = ranks.loc[scene.table.index]
    low, high = shown["rank_low"].to_numpy(np.float64), shown["rank_high"].to_numpy(np.float64)
    least, most = float(np.nanmin(low)), float(np.nanmax(high))
    ax = page.axes(LEFT, top, page.width - LEFT - 2, STRIP)
    ax.set_xlim(scene.first, scene.first + len(shown))
    ax.set_ylim(most + 0.5, least - 0.5)
    colors = [INK if neuron == scene.focus else FAINT for neuron in shown.index]
    thickness = min(2.0, max(0.4, 0.7 * (page.width - LEFT) / len(shown)))
    ax.vlines(scene.places, low - 0.5, high + 0.5, colors=colors, linewidth=thickness)
    page.text(LEFT - 4, top + 5, "rank", size=page.small, color=MUTED, align="right")
    ends = f"{least:.0f}\N{EN DASH}{most:.0f}"
    page.text(LEFT - 4, top + STRIP, ends, size=page.small, color=MUTED, align="right", room=LEFT - 4)


def _numbers(page: Sheet, scene: Scene, top: float, unit: float) -> None:
    """The neurons' numbers, those of marked ones first; a number that would overlap another is left out."""
    shown = scene.table.index.tolist()
    first = [neuron for neuron in dict.fromkeys([scene.focus, *sorted(scene.marked)]) if neuron in shown]
    taken = list[tuple[float, float]]()
    for neuron in [*first, *[it for it in shown if it not in first]]:
        bold = neuron == scene.focus or neuron in scene.marked
        middle = LEFT + (shown.index(neuron) + 0.5) * unit
        half = page.measure(str(neuron), size=page.small, bold=bold) / 2
        if not all(middle + half + 0.6 < low or middle - half - 0.6 > high for low, high in taken):
            continue
        taken.append((middle - half, middle + half))
        color = INK if bold else MUTED
        page.text(middle, top + 7, str(neuron), size=page.small, bold=bold, color=color, align="center")


def _strip(page: Sheet, scene: Scene, measure: NeuronMeasure, top: float, few: bool) -> None:
    """A bar for each neuron's value of the sort measure, and the range of these values."""
    values = scene.table[measure.name].to_numpy(np.float64)
    sizes = np.nan_to_num(np.abs(values))
    ax = page.axes(LEFT, top, page.width - LEFT - 2, STRIP)
    ax.set_xlim(scene.first, scene.first + len(values))
    ax.set_ylim(0, float(sizes.max()) or 1.0)
    if few:
        colors = [INK if neuron == scene.focus else FAINT for neuron in scene.table.index]
        ax.bar(scene.places, sizes, 0.72, color=colors, linewidth=0)
    else:
        edges = np.repeat(np.arange(scene.first, scene.first + len(values) + 1), 2)[1:-1]
        ax.fill_between(edges, 0, np.repeat(sizes, 2), color=FAINT, linewidth=0)
    known = values[np.isfinite(values)]
    ends = (
        f"from {of_measure(measure, known.min())} to {of_measure(measure, known.max())}" if known.size else ""
    )
    left, right = measure.ends
    words = f"{measure.label[0].upper()}{measure.label[1:]}"
    base = top + STRIP + 7
    end = page.text(LEFT, base, words, size=page.small, bold=True)
    page.text(end + 4, base, ends, size=page.small, color=MUTED)
    order = f"{left} {ARROW} {right}"
    start = end + 8 + page.measure(ends, size=page.small)
    if start + page.measure(order, size=page.small) < page.width:
        page.text(page.width - 2, base, order, size=page.small, color=MUTED, align="right")


def receptive_fields(page: Sheet, analysis: Analysis, pair: int, scene: Scene, top: float) -> float:
    """The receptive fields of the shown neurons on both images; returns the bottom."""
    unit = (page.width - LEFT - 2) / len(scene.table)
    wide = min(unit - 1, _LARGEST_FIELD)
    rows, columns = analysis.data.image_size
    high = wide * rows / columns
    shown = scene.table.index.to_numpy()
    masks = analysis.receptive_fields(pair, shown)
    top += 3
    for side in SIDES:
        image = analysis.record.images(pair, side)
        for place, mask in enumerate(masks[side]):
            x = LEFT + (place + 0.5) * unit - wide / 2
            page.image(x, top, wide, high, reduced(masked(image, mask), wide))
        size = min(page.small, (LEFT - 5) / page.measure(side, size=1))
        page.text(LEFT - 4, top + high / 2 + 2, side, size=size, color=SIDE_COLORS[side], align="right")
        top += high + 1.5
    return top + 1
