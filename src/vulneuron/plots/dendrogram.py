"""The dendrogram of neurons (paper, Figures 7 and 8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vulneuron.analysis import Analysis, checked_neurons
from vulneuron.measures.clustering import METHODS, Dendrogram
from vulneuron.measures.distances import DISTANCES
from vulneuron.plots.colors import AXIS, FAINT, GROUPS, HAIR, INK, MUTED, PANEL, SUNK
from vulneuron.plots.sheet import Sheet, focus_ring, haloed, legend, sheet
from vulneuron.plots.texts import change, count_of, number
from vulneuron.record.findings import neurons_in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vulneuron.plots.figure import Figure

Doubles = npt.NDArray[np.float64]
_LEFT = 26.0
_HEIGHT = 110.0
_TICKS = 5


@dataclass(frozen=True, eq=False)
class _Tree:
    """A dendrogram in the plane: leaves at 0.5, 1.5, ... from left to right, heights as square roots."""

    dendrogram: Dendrogram
    children: npt.NDArray[np.int64]
    x: Doubles
    y: Doubles

    @classmethod
    def of(cls, dendrogram: Dendrogram) -> "_Tree":
        count = len(dendrogram.order)
        x, y = np.zeros(2 * count - 1), np.zeros(2 * count - 1)
        x[dendrogram.order] = np.arange(count) + 0.5
        children = dendrogram.linkage[:, :2].astype(np.int64)
        for row, (left, right) in enumerate(children):
            x[count + row] = (x[left] + x[right]) / 2
        y[count:] = np.sqrt(dendrogram.heights)
        return cls(dendrogram, children, x, y)

    @property
    def neurons(self) -> int:
        return len(self.dendrogram.order)

    def merge(self, node: int) -> list[tuple[float, float]]:
        """The line of a merge, from its left to its right child."""
        left, right = self.children[node - self.neurons]
        x, y = self.x, self.y
        return [(x[left], y[left]), (x[left], y[node]), (x[right], y[node]), (x[right], y[right])]

    def below(self, node: int) -> list[int]:
        """All merges below a node, and itself."""
        found, stack = list[int](), [node]
        while stack:
            at = stack.pop()
            if at >= self.neurons:
                found.append(at)
                stack += self.children[at - self.neurons].tolist()
        return found

    def span(self, node: int) -> tuple[float, float]:
        """Left and right end of the leaves below a node."""
        leaves = self.dendrogram.leaves(node)
        return float(self.x[leaves[0]]) - 0.5, float(self.x[leaves[-1]]) + 0.5

    def roots(self, clusters: int) -> list[int]:
        """Nodes of the clusters, from left to right."""
        first_above = 2 * self.neurons - clusters
        roots = [self.dendrogram.root] if clusters == 1 else [
            int(child)
            for row in range(first_above - self.neurons, self.neurons - 1)
            for child in self.children[row]
            if child < first_above
        ]  # fmt: skip
        return sorted(roots, key=lambda node: self.span(node)[0])

    def subtrees(self, neurons: Sequence[int]) -> list[int]:
        """The largest subtrees that some neurons form, the largest first."""
        full = np.zeros(2 * self.neurons - 1, np.bool_)
        full[list(neurons)] = True
        inside = np.zeros_like(full)
        for row, (left, right) in enumerate(self.children):
            full[self.neurons + row] = full[left] and full[right]
            inside[[left, right]] = full[self.neurons + row]
        return sorted(
            np.flatnonzero(full & ~inside).tolist(), key=lambda it: -len(self.dendrogram.leaves(it))
        )


def clusters(
    analysis: Analysis,
    pair: int,
    *,
    clusters: int = 12,
    neurons: Sequence[int] = (),
    focus: int | None = None,
    title: str | None = None,
    width: float = 178,
) -> "Figure":
    """Dendrogram of the neurons, by the distance of their receptive fields or feature maps on both images.

    Parameters
    ----------
    analysis, pair
        As for `Analysis.dendrogram`.
    clusters
        Number of clusters that the cut makes.
    neurons
        Neurons to mark: the subtrees that they form have colors of their own.
    focus
        A neuron whose path to the root is marked, and whose cluster is black.
    title
        Title; None for the pair and its clusters, "" for none.
    width
        Width in millimeters.

    Raises
    ------
    MeasureError
        If the pair or a neuron is unknown, or the number of clusters or the width is not allowed.
    """
    dendrogram = analysis.dendrogram(pair)
    dendrogram.cut_count(clusters)
    count = len(dendrogram.order)
    marked = checked_neurons(list(neurons), count).tolist() if len(neurons) else []
    if focus is not None:
        checked_neurons(focus, count)
    tree = _Tree.of(dendrogram)
    chosen = analysis.settings.clusters
    with sheet(width) as page:
        name = f"Pair {pair}: {change(analysis, pair)}"
        parts = f"{count_of(count, 'neuron')} in {count_of(clusters, 'cluster')}"
        top = page.title(f"{name}, {parts}", name) if title is None else page.title(title)
        words = (
            f"{DISTANCES[chosen.distance].label}, {METHODS[chosen.method].label} linkage, square-root scale; "
            f"{int(dendrogram.dead.sum()):,} dead, gray at the bottom"
        )
        page.text(0, top + 6, words, size=page.small, color=MUTED, room=page.width)
        ax = page.axes(_LEFT, top + 12, page.width - _LEFT - 3, _HEIGHT)
        ax.set_xlim(0, count)
        highest = float(tree.y.max()) or 1.0
        ax.set_ylim(0, 1.04 * highest)
        subtrees = tree.subtrees(marked)
        _draw(page, ax, tree, clusters, subtrees, focus)
        base = top + 12 + _HEIGHT
        bottom = _below(page, tree, tree.roots(clusters), subtrees, focus, base)
        return page.finish(bottom)


def _draw(
    page: Sheet, ax: "Axes", tree: _Tree, clusters: int, subtrees: list[int], focus: int | None
) -> None:
    from matplotlib.collections import LineCollection

    count = tree.neurons
    roots = tree.roots(clusters)
    above = 2 * count - clusters

    def lines(nodes: Sequence[int], color: str, thickness: float, layer: float) -> None:
        segments = [tree.merge(node) for node in nodes]
        drawn = LineCollection(segments, colors=color, linewidths=thickness, joinstyle="miter", zorder=layer)
        ax.add_collection(drawn, autolim=False)

    own = next((root for root in roots if focus is not None and focus in tree.dendrogram.leaves(root)), None)
    if own is not None:
        ax.axvspan(*tree.span(own), color=SUNK, linewidth=0, zorder=0)
    for tick in _ticks(float(tree.y.max()) ** 2):
        ax.axhline(tick**0.5, color=HAIR, linewidth=0.5, zorder=0.5)
        near_cut = abs(tick**0.5 - _cut(tree, clusters)) < 0.07 * ax.get_ylim()[1]
        if not near_cut:
            ax.annotate(
                number(tick), (0, tick**0.5), (-4, 0), xycoords=("axes fraction", "data"),
                textcoords="offset points", ha="right", va="center", fontsize=page.small, color=MUTED,
            )  # fmt: skip
    dead = np.flatnonzero(tree.dendrogram.dead[tree.dendrogram.order])
    ax.bar(dead + 0.5, 0.03 * ax.get_ylim()[1], 1, color=AXIS, linewidth=0, zorder=1.1)
    lines(range(count, min(above, 2 * count - 1)), AXIS, 0.5, 1)
    lines(range(above, 2 * count - 1), FAINT, 0.8, 1.2)
    if own is not None:
        lines(tree.below(own), INK, 0.5, 1.4)
    for place, node in enumerate(subtrees):
        lines(tree.below(node), _color(tree, node, place), 0.9, 1.6)
    if focus is not None:
        path = tree.dendrogram.ancestors(focus)
        corners = [(tree.x[path[0]], tree.y[path[0]])]
        for node in path[1:]:
            corners += [(corners[-1][0], tree.y[node]), (tree.x[node], tree.y[node])]
        ax.plot(*np.array(corners).T, color=INK, linewidth=1.2, zorder=2)
    cut = _cut(tree, clusters)
    ax.axhline(cut, color=MUTED, linewidth=0.6, linestyle=(0, (1, 2.5)), zorder=2.2)
    ax.annotate(
        "cut", (0, cut), (-4, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
        ha="right", va="center", fontsize=page.small, fontweight="bold",
    )  # fmt: skip
    for root in roots:
        radius = min(4.5, 1.3 + 0.22 * len(tree.dendrogram.leaves(root)) ** 0.5)
        ax.plot(
            [tree.x[root]], [cut], linestyle="", marker="o", markersize=2 * radius, zorder=3,
            color=INK if root == own else _root_color(tree, root, subtrees), markeredgecolor=PANEL,
            markeredgewidth=0.5, clip_on=False,
        )  # fmt: skip


def _cut(tree: _Tree, clusters: int) -> float:
    """The height of the cut on the drawing, between the merges that it separates."""
    heights = np.concatenate([[0.0], tree.y[tree.neurons :]])
    last = len(heights) - clusters
    above = heights[last + 1] if last + 1 < len(heights) else 1.02 * heights[-1]
    return float((heights[last] + above) / 2)


def _color(tree: _Tree, node: int, place: int) -> str:
    return INK if node < tree.neurons else GROUPS[place % len(GROUPS)]


def _root_color(tree: _Tree, root: int, subtrees: list[int]) -> str:
    return _color(tree, root, subtrees.index(root)) if root in subtrees else FAINT


def _ticks(highest: float) -> list[float]:
    """Heights about evenly spaced on a scale of square roots, with one digit each, and not too close."""
    apart = 0.5 * highest**0.5 / _TICKS
    ticks = list[float]()
    for step in range(_TICKS + 1):
        tick = float(f"{highest * (step / _TICKS) ** 2:.0e}")
        if tick <= highest and (not ticks or tick**0.5 - ticks[-1] ** 0.5 > apart):
            ticks.append(tick)
    return ticks


def _below(
    page: Sheet, tree: _Tree, roots: list[int], subtrees: list[int], focus: int | None, base: float
) -> float:
    """Chosen subtrees, the focused leaf, and sizes of clusters below the leaves; returns the bottom."""
    unit = (page.width - _LEFT - 3) / tree.neurons
    for place, node in enumerate(subtrees):
        left, right = tree.span(node)
        page.rectangle(
            _LEFT + left * unit, base + 1.5, max(1.0, (right - left) * unit), 2.5, _color(tree, node, place)
        )
    if focus is not None:
        ax = page.axes(_LEFT, base + 4, page.width - _LEFT - 3, 9)
        ax.set_xlim(0, tree.neurons)
        ax.set_ylim(0, 1)
        focus_ring(ax, float(tree.x[focus]), 0.5, 2.4)
        is_right = tree.x[focus] > tree.neurons / 2
        haloed(
            ax, f"neuron {focus}", (float(tree.x[focus]), 0.5), xytext=(-6 if is_right else 6, 0),
            textcoords="offset points", ha="right" if is_right else "left", va="center", fontweight="bold",
            fontsize=page.small,
        )  # fmt: skip
    top = base + (15 if focus is not None else 6)
    page.text(_LEFT - 4, top + 9, "size", size=page.small, color=MUTED, align="right")
    for root in roots:
        left, right = tree.span(root)
        x, wide = _LEFT + left * unit, (right - left) * unit
        own = focus is not None and focus in tree.dendrogram.leaves(root)
        page.rectangle(x + 0.4, top, max(0.6, wide - 0.8), 1.8, INK if own else AXIS)
        text = f"{len(tree.dendrogram.leaves(root)):,}"
        if page.measure(text, size=page.small) + 2 < wide or own:
            page.text(
                x + wide / 2, top + 9, text, size=page.small, align="center", bold=own,
                color=INK if own else MUTED, halo=True,
            )  # fmt: skip
    if not subtrees:
        return top + 12
    named: list[tuple[str, str | None]] = [
        (neurons_in_words(tree.dendrogram.leaves(node).tolist()), _color(tree, node, place))
        for place, node in enumerate(subtrees[: len(GROUPS)])
    ]
    return legend(page, top + 13, named, left=_LEFT) - 1
