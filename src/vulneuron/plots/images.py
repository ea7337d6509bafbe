"""Receptive fields, vulnerability maps and context images (paper, Figures 2-d and 5)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from vulneuron.analysis import Analysis
from vulneuron.analysis.context import Order
from vulneuron.analysis.settings import Combination
from vulneuron.maps.vulnerability_map import to_full_size
from vulneuron.measures import SIDES
from vulneuron.measures.fields import masked_image
from vulneuron.plots.style import ADVERSARIAL, BENIGN, grid, show

_COLORS = {"benign": BENIGN, "adversarial": ADVERSARIAL}


def receptive_fields(
    analysis: Analysis, pair: int, neurons: int | Sequence[int], *, combine: Combination = "union"
) -> Figure:
    """Both images of a pair, and the part that a neuron or a set of neurons captures.

    Parameters
    ----------
    analysis, pair, neurons, combine
        As for `Analysis.receptive_field`.
    """
    summary = analysis.pair(pair)
    predictions = (
        (summary.benign_label, summary.benign_probabilities),
        (summary.adversarial_label, summary.adversarial_probabilities),
    )
    figure, axes = grid(1, 4)
    for column, (side, (label, probabilities)) in enumerate(zip(SIDES, predictions, strict=True)):
        # The label is the most probable class of its image.
        probability = probabilities.max()
        image = analysis.record.images(pair, side)
        field = analysis.receptive_field(pair, neurons, side, combine)
        show(axes[0, 2 * column], image, f"{side}: {label} {probability:.2f}", _COLORS[side])
        show(axes[0, 2 * column + 1], field.image, f"captured: {100 * field.coverage:.0f} %", _COLORS[side])
    return figure


def vulnerability_maps(analysis: Analysis, pair: int) -> Figure:
    """Both vulnerability maps of a pair over its benign image in gray, and the most vulnerable pixels.

    Parameters
    ----------
    analysis, pair
        As for `Analysis.vulnerability_maps`; the settings determine patch, stride and percentage.
    """
    summary = analysis.pair(pair)
    maps, top = analysis.vulnerability_maps(pair), analysis.top_masks(pair)
    image = analysis.record.images(pair, "benign")
    figure, axes = grid(1, 5)
    show(axes[0, 0], image, f"pair {pair}: {summary.benign_label} -> {summary.adversarial_label}", BENIGN)
    kinds = (
        ("benign drop", maps.benign_drop, top.benign_drop),
        ("adversarial gain", maps.adversarial_gain, top.adversarial_gain),
    )
    for column, (name, values, mask) in enumerate(kinds):
        ax = axes[0, 2 * column + 1]
        limit = max(float(np.abs(values).max()), np.finfo(np.float64).tiny)
        full = to_full_size(values, (image.shape[1], image.shape[2]), maps.stride)
        ax.imshow(image.mean(axis=0), cmap="gray", vmin=0, vmax=1)
        # Transparent where nothing is vulnerable.
        heatmap = ax.imshow(
            full, cmap="PuOr_r", vmin=-limit, vmax=limit, alpha=0.8 * np.abs(full) / limit,
            interpolation="nearest",
        )  # fmt: skip
        ax.set_title(name, fontsize=8)
        bar = figure.colorbar(heatmap, ax=ax, shrink=0.7)
        bar.ax.tick_params(labelsize=6)
        bar.set_label("probability", fontsize=6)
        show(axes[0, 2 * column + 2], masked_image(image, mask), f"its top {analysis.settings.vmaps.top:g} %")
    return figure


def context(
    analysis: Analysis, pair: int, neuron: int, *, count: int = 6, order: Order = "activation"
) -> Figure:
    """Other pairs that show what a neuron captures: benign images above, adversarial ones below.

    Parameters
    ----------
    analysis, pair, neuron, count, order
        As for `Analysis.context`.
    """
    others = analysis.context(pair, neuron, count=count, order=order)
    figure, axes = grid(2, max(len(others.pairs), 1), cell=1.3)
    for row, side in enumerate(SIDES):
        axes[row, 0].set_ylabel(side, fontsize=8)
    if not len(others.pairs):
        axes[0, 0].set_title("no other pair of these labels", fontsize=8)
        return figure
    masks = analysis.neuron_masks(neuron, others.pairs)
    for row, side in enumerate(SIDES):
        images = analysis.record.images(others.pairs, side)
        for column, number in enumerate(others.pairs):
            image = masked_image(images[column], masks[side][column])
            show(axes[row, column], image, "" if row else f"pair {number}", _COLORS[side])
    return figure
