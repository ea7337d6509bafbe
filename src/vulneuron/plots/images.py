"""Receptive fields, vulnerability maps and context images (paper, Figures 2-d and 5)."""

from collections.abc import Sequence
from typing import get_args

import numpy as np
from matplotlib.figure import Figure

from vulneuron.analysis import Analysis
from vulneuron.analysis.analysis import Combination, Order
from vulneuron.analysis.settings import Side
from vulneuron.measures.receptive_field import masked_image
from vulneuron.measures.vulnerability_map import to_full_size
from vulneuron.plots.style import ADVERSARIAL, BENIGN, grid, picture, show

_SIDES: tuple[Side, ...] = get_args(Side)
_COLOURS = {"benign": BENIGN, "adversarial": ADVERSARIAL}


def receptive_fields(
    analysis: Analysis, pair: int, neurons: int | Sequence[int], *, combine: Combination = "union"
) -> Figure:
    """Both images of a pair, and what a neuron or a set of neurons captures on them.

    Parameters
    ----------
    analysis, pair, neurons, combine
        As for `Analysis.receptive_field`.
    """
    figure, axes = grid(1, 4)
    of_pair = analysis.record.pairs.loc[pair]
    for column, side in enumerate(_SIDES):
        label = of_pair[f"{side}_label"]
        probability = of_pair[f"{side}_label_p_{side}"]
        image = analysis.record.images(pair, side)
        field = analysis.receptive_field(pair, neurons, side, combine)
        show(axes[0, 2 * column], image, f"{side}: {label} {probability:.2f}", _COLOURS[side])
        show(axes[0, 2 * column + 1], field.image, f"captured: {100 * field.coverage:.0f} %", _COLOURS[side])
    return figure


def vulnerability_maps(analysis: Analysis, pair: int) -> Figure:
    """Both vulnerability maps of a pair over its benign image, and their most vulnerable pixels.

    Parameters
    ----------
    analysis, pair
        As for `Analysis.vulnerability_maps`; patch, stride and percentage are those of the settings.
    """
    settings = analysis.settings
    maps = analysis.vulnerability_maps(pair, settings.patch, settings.stride)
    top = analysis.top_masks(pair)
    image = analysis.record.images(pair, "benign")
    figure, axes = grid(1, 4)
    rows = (
        ("benign drop", maps.benign_drop, top.benign_drop),
        ("adversarial gain", maps.adversarial_gain, top.adversarial_gain),
    )
    for column, (name, values, mask) in enumerate(rows):
        ax = axes[0, 2 * column]
        limit = max(float(np.abs(values).max()), np.finfo(np.float64).tiny)
        full = to_full_size(values, (image.shape[1], image.shape[2]), maps.stride)
        ax.imshow(picture(image).mean(-1) if len(image) > 1 else image[0], cmap="gray", alpha=0.5)
        drawn = ax.imshow(full, cmap="PuOr_r", vmin=-limit, vmax=limit, alpha=0.7, interpolation="nearest")
        ax.set_title(name, fontsize=8)
        figure.colorbar(drawn, ax=ax, shrink=0.8).ax.tick_params(labelsize=7)
        show(axes[0, 2 * column + 1], masked_image(image, mask), f"top {settings.top:g} %")
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
    found = analysis.context(pair, neuron, count=count, order=order)
    figure, axes = grid(2, max(len(found.pairs), 1), cell=1.3)
    for column, number in enumerate(found.pairs):
        benign = masked_image(found.benign_images[column], found.benign_masks[column])
        adversarial = masked_image(found.adversarial_images[column], found.adversarial_masks[column])
        show(axes[0, column], benign, f"pair {number}", BENIGN)
        show(axes[1, column], adversarial, "", ADVERSARIAL)
    for row, side in enumerate(("benign", "adversarial")):
        axes[row, 0].set_ylabel(side, fontsize=8)
    return figure
