"""The dendrogram of neurons (paper, Figures 7 and 8)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.cluster import hierarchy

from vulneuron.analysis import Analysis
from vulneuron.plots.style import GREY, SELECTED


def dendrogram(analysis: Analysis, pair: int, *, clusters: int = 12, highlight: Sequence[int] = ()) -> Figure:
    """Neurons clustered by what they capture on both images of a pair.

    Parameters
    ----------
    analysis, pair
        As for `Analysis.dendrogram`.
    clusters
        Where to cut: the tree is coloured below the cut into so many clusters.
    highlight
        Neurons to mark.
    """
    tree = analysis.dendrogram(pair)
    count = min(clusters, len(tree.order))
    heights = np.concatenate([[0.0], tree.heights, [np.inf]])
    cut = heights[len(tree.order) - count + 1]
    figure, ax = plt.subplots(figsize=(9, 3), layout="constrained")
    hierarchy.dendrogram(tree.linkage, ax=ax, no_labels=True, color_threshold=cut, above_threshold_color=GREY)
    place = {int(neuron): 10 * position + 5 for position, neuron in enumerate(tree.order)}
    for neuron in highlight:
        ax.annotate(
            str(neuron), (place[neuron], 0), (0, -14), textcoords="offset points", color=SELECTED, fontsize=8,
            ha="center", arrowprops={"arrowstyle": "-", "color": SELECTED},
        )  # fmt: skip
    ax.set_ylabel(f"distance ({analysis.settings.distance.replace('_', ' ')})", fontsize=8)
    ax.set_title(f"{len(tree.order)} neurons, {int(tree.dead.sum())} dead, {count} clusters", fontsize=8)
    return figure
