"""The dendrogram of neurons (paper, Figures 7 and 8)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from scipy.cluster import hierarchy

from vulneuron.analysis import Analysis, checked_neurons
from vulneuron.measures.distances import DISTANCES
from vulneuron.plots.style import GRAY, mark

#: Colors that alternate between neighboring clusters.
_CLUSTERS = ("#2c7a7b", "#805ad5")


def dendrogram(analysis: Analysis, pair: int, *, clusters: int = 12, highlight: Sequence[int] = ()) -> Figure:
    """Dendrogram of the neurons, by the distance of their receptive fields or feature maps on both images.

    Parameters
    ----------
    analysis, pair
        As for `Analysis.dendrogram`.
    clusters
        Number of clusters; the branches of neighboring clusters alternate in color.
    highlight
        Neurons to mark.
    """
    tree = analysis.dendrogram(pair)
    count = len(tree.order)
    cluster_labels = tree.cut_count(clusters)
    first_merge_above_cut = 2 * count - clusters

    def color(node: int) -> str:
        if node >= first_merge_above_cut:
            return GRAY
        return _CLUSTERS[cluster_labels[tree.leaves(node)[0]] % 2]

    figure, ax = plt.subplots(figsize=(9, 3), layout="constrained")
    hierarchy.dendrogram(tree.linkage, ax=ax, no_labels=True, link_color_func=color)
    if len(highlight):
        # SciPy draws leaves 10 units apart.
        leaf_x = {int(neuron): 10.0 * position + 5 for position, neuron in enumerate(tree.order)}
        mark(ax, {int(neuron): leaf_x[int(neuron)] for neuron in checked_neurons(highlight, count)})
    ax.set_ylabel(f"distance ({DISTANCES[analysis.settings.clusters.distance].label})", fontsize=8)
    ax.set_title(
        f"pair {pair}: {count} neurons, {int(tree.dead.sum())} dead, cut into {clusters} clusters", fontsize=8
    )
    return figure
