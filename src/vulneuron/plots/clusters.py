"""The dendrogram of neurons (paper, Figures 7 and 8)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from scipy.cluster import hierarchy

from vulneuron.analysis import Analysis, checked_neurons
from vulneuron.measures.distances import DISTANCES
from vulneuron.plots.style import GRAY, mark

#: Neighboring clusters alternate in color.
_CLUSTERS = ("#2c7a7b", "#805ad5")


def dendrogram(analysis: Analysis, pair: int, *, clusters: int = 12, highlight: Sequence[int] = ()) -> Figure:
    """Neurons clustered by what they capture on both images of a pair.

    Parameters
    ----------
    analysis, pair
        As for `Analysis.dendrogram`.
    clusters
        Number of clusters at the cut; below it, neighboring clusters alternate in color.
    highlight
        Neurons to mark.
    """
    tree = analysis.dendrogram(pair)
    count = len(tree.order)
    cluster = tree.cut_count(clusters)
    kept = count - clusters

    def color(node: int) -> str:
        return _CLUSTERS[cluster[tree.leaves(node)[0]] % 2] if node < count + kept else GRAY

    figure, ax = plt.subplots(figsize=(9, 3), layout="constrained")
    hierarchy.dendrogram(tree.linkage, ax=ax, no_labels=True, link_color_func=color)
    if len(highlight):
        # SciPy draws leaves 10 units apart.
        place = {int(neuron): 10.0 * position + 5 for position, neuron in enumerate(tree.order)}
        mark(ax, {int(neuron): place[int(neuron)] for neuron in checked_neurons(highlight, count)})
    ax.set_ylabel(f"distance ({DISTANCES[analysis.settings.clusters.distance].label})", fontsize=8)
    ax.set_title(
        f"pair {pair}: {count} neurons, {int(tree.dead.sum())} dead, cut into {clusters} clusters", fontsize=8
    )
    return figure
