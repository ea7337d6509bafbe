"""Colors and helpers of all figures."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BENIGN, ADVERSARIAL = "#2b6cb0", "#dd6b20"
SELECTED = "#c53030"
GRAY = "#a0aec0"


def picture(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Pixels ``(channel, y, x)`` in matplotlib's layout: ``(y, x, channel)``, or ``(y, x)`` for gray."""
    return pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1)


def grid(rows: int, columns: int, *, cell: float = 1.8) -> tuple[Figure, npt.NDArray[Any]]:
    """A figure of image cells without axes, and its ``(rows, columns)`` axes."""
    figure, axes = plt.subplots(
        rows, columns, figsize=(cell * columns, cell * rows), squeeze=False, layout="constrained"
    )
    for ax in axes.flat:
        ax.set_xticks([])
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_visible(False)
    return figure, axes


def show(ax: Axes, pixels: npt.NDArray[Any], title: str = "", color: str = "black") -> None:
    """Show an image ``(channel, y, x)`` with a title."""
    ax.imshow(picture(pixels), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_title(title, fontsize=8, color=color)


def mark(ax: Axes, places: dict[int, float]) -> None:
    """Mark neurons by vertical lines with their numbers, staggered to avoid overlap."""
    for level, (neuron, place) in enumerate(sorted(places.items(), key=lambda item: item[1])):
        ax.axvline(place, color=SELECTED, linewidth=0.6, linestyle=":")
        ax.annotate(
            str(neuron), (place, 1), (0, -9 - 9 * (level % 4)), xycoords=("data", "axes fraction"),
            textcoords="offset points", color=SELECTED, fontsize=7, ha="left",
        )  # fmt: skip
