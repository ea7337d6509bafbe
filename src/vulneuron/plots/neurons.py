"""Contribution curves and bands (paper, Figure 4)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from vulneuron.analysis import Analysis, checked_neurons, sort_measure, sorted_neurons
from vulneuron.plots.style import ADVERSARIAL, BENIGN, mark


def contribution_curves(
    analysis: Analysis, pair: int, *, sort_by: str | None = None, highlight: Sequence[int] = ()
) -> Figure:
    """Contributions of all neurons on both images, and the bands of both classes.

    Parameters
    ----------
    analysis
        The analysis.
    pair
        Number of the pair.
    sort_by
        Measure that orders the neurons from left to right: for gaps the most inhibited come first, otherwise
        the largest values. None for the band gap, or the curve gap if there is no band.
    highlight
        Neurons to mark.
    """
    table = analysis.neurons(pair)
    measure = sort_measure(table, sort_by)
    table = sorted_neurons(table, measure)
    summary = analysis.pair(pair)
    figure, ax = plt.subplots(figsize=(9, 3), layout="constrained")
    places = np.arange(len(table))
    sides = (
        ("benign", BENIGN, summary.benign_label),
        ("adversarial", ADVERSARIAL, summary.adversarial_label),
    )
    for side, color, label in sides:
        ax.plot(places, table[f"contribution_{side}"], color=color, linewidth=0.6, label=f"{label} ({side})")
    for side, color, label in sides:
        low, high = table[f"band_{side}_low"], table[f"band_{side}_high"]
        if low.notna().any():
            # With an edge, as bands of many images can be thinner than a pixel.
            ax.fill_between(
                places, low, high, color=color, alpha=0.45, linewidth=1.2, label=f"band of {label}"
            )
    if len(highlight):
        order = {int(neuron): place for place, neuron in enumerate(table.index)}
        mark(ax, {int(neuron): order[int(neuron)] for neuron in checked_neurons(highlight, len(table))})
    left, right = measure.ends
    ax.set_xlabel(f"neurons by {measure.label}   ({left} on the left, {right} on the right)")
    ax.set_ylabel("contribution (logit)")
    ax.set_title(
        f"pair {pair}: {summary.benign_label} -> {summary.adversarial_label}", fontsize=8, loc="left"
    )
    ax.margins(x=0.01)
    ax.legend(frameon=False, fontsize=7, ncols=2)
    return figure
