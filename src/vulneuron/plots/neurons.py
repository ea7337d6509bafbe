"""Contribution curves and bands (paper, Figure 4)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from vulneuron.analysis import MEASURES, Analysis
from vulneuron.measures.choices import check_choice
from vulneuron.plots.style import ADVERSARIAL, BENIGN, SELECTED


def contribution_curves(
    analysis: Analysis, pair: int, *, sort_by: str = "band_gap", highlight: Sequence[int] = ()
) -> Figure:
    """Contributions of all neurons on both images, and the bands of both classes.

    Parameters
    ----------
    analysis
        The analysis.
    pair
        Number of the pair.
    sort_by
        Measure that orders the neurons from left to right, ascending: for gaps the most inhibited come first.
    highlight
        Neurons to mark.
    """
    check_choice(sort_by, "sort_by", MEASURES)
    table = analysis.neurons(pair).sort_values(sort_by, kind="stable")
    labels = analysis.record.pairs.loc[pair, ["benign_label", "adversarial_label"]]
    figure, ax = plt.subplots(figsize=(9, 3), layout="constrained")
    places = np.arange(len(table))
    for side, colour, label in zip(("benign", "adversarial"), (BENIGN, ADVERSARIAL), labels, strict=True):
        low, high = table[f"band_{side}_low"], table[f"band_{side}_high"]
        ax.fill_between(places, low, high, color=colour, alpha=0.25, linewidth=0)
        ax.plot(places, table[f"contribution_{side}"], color=colour, linewidth=0.8, label=f"{label} ({side})")
    for neuron in highlight:
        place = int(np.flatnonzero(table.index == neuron)[0])
        ax.axvline(place, color=SELECTED, linewidth=0.8)
        ax.annotate(
            str(neuron),
            (place, 1),
            xycoords=("data", "axes fraction"),
            color=SELECTED,
            fontsize=8,
            ha="center",
            va="bottom",
        )
    gaps = sort_by in {"band_gap", "curve_gap"}
    sides = "   (inhibited by the attack on the left, excited on the right)" if gaps else ""
    ax.set_xlabel(f"neurons by {sort_by.replace('_', ' ')}{sides}")
    ax.set_ylabel("contribution (logit)")
    ax.margins(x=0.01)
    ax.legend(frameon=False, fontsize=8)
    return figure
