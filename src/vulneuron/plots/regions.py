"""Regions of images: what neurons capture, and vulnerability maps."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vulneuron.plots.colors import INK, MAP, MASK, PANEL, channels
from vulneuron.plots.sheet import Sheet, as_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
#: How much of a pixel that is not captured is the mask's color; the rest is the pixel's luminance.
_MASKED = 0.78
_LUMINANCE = (0.299, 0.587, 0.114)
_STEPS = 256
#: Pixels per inch that a thumbnail has at least, if its image has them.
_THUMBNAIL = 300


def masked(pixels: npt.NDArray[Any], mask: Bools) -> Bytes:
    """An image ``(channel, y, x)`` in [0, 1] as bytes ``(y, x, 3)``, grayed outside a mask ``(y, x)``.

    An image of which nothing is captured is faint instead.
    """
    image = as_bytes(pixels)
    if not mask.any():
        return faint(image)
    gray = (image @ np.array(_LUMINANCE))[..., None]
    dimmed = _MASKED * np.array(channels(MASK)) + (1 - _MASKED) * gray
    return np.where(mask[..., None], image, np.rint(dimmed)).astype(np.uint8)


def faint(image: Bytes) -> Bytes:
    """An image that is there for orientation only."""
    return np.rint(127.5 + image / 2).astype(np.uint8)


def reduced(image: Bytes, width: float) -> Bytes:
    """An image ``(y, x, channel)`` with fewer pixels, if it is a thumbnail of this width in points."""
    factor = int(image.shape[1] / (width / 72 * _THUMBNAIL))
    return np.asarray(Image.fromarray(image).reduce(factor)) if factor > 1 else image


def map_colors() -> npt.NDArray[np.float64]:
    """The color scale of vulnerability maps, ``(256, 3)`` from 0 to the largest value."""
    stops = np.array([channels(color) for color in MAP], np.float64)
    at = np.linspace(0, len(stops) - 1, _STEPS)
    return np.stack([np.interp(at, np.arange(len(stops)), stops[:, channel]) for channel in range(3)], axis=1)


def map_pixels(values: npt.NDArray[Any], most: float) -> Bytes:
    """A vulnerability map ``(y, x)`` as bytes ``(y, x, 3)``; values below 0 look like 0."""
    parts = np.clip(values / most, 0, 1) if most > 0 else np.zeros_like(values)
    colors = map_colors()[np.rint(parts * (_STEPS - 1)).astype(np.int64)]
    return np.asarray(np.rint(colors), np.uint8)


def outline(ax: "Axes", mask: Bools) -> None:
    """Outline of a mask ``(y, x)`` in coordinates of its pixels: white on black, visible on any image."""
    from matplotlib.collections import LineCollection

    segments = [*_horizontal(mask), *[[(y, x) for x, y in piece] for piece in _horizontal(mask.T)]]
    for color, thickness in (("#000000", 1.3), ("#ffffff", 0.55)):
        lines = LineCollection(segments, colors=color, linewidths=thickness, capstyle="projecting")
        ax.add_collection(lines, autolim=False)


def _horizontal(mask: Bools) -> list[list[tuple[float, float]]]:
    """Pieces between rows of which one is inside and the other is not, without the edge of the image."""
    pieces = []
    for row, edge in enumerate(mask[1:] != mask[:-1], start=1):
        ends = np.flatnonzero(np.diff(np.concatenate([[False], edge, [False]]).astype(np.int8)))
        pieces += [[(float(a), float(row)), (float(b), float(row))] for a, b in ends.reshape(-1, 2)]
    return pieces


def receptive_field(
    sheet: Sheet,
    left: float,
    top: float,
    width: float,
    height: float,
    pixels: npt.NDArray[Any],
    mask: Bools,
) -> None:
    """An image ``(channel, y, x)`` in [0, 1], and the part of it that neurons capture."""
    ax = sheet.image(left, top, width, height, masked(pixels, mask))
    if mask.any():
        outline(ax, mask)
    else:
        picture_note(sheet, left, top, width, height, "captures nothing", "nothing")


def picture_note(sheet: Sheet, left: float, top: float, width: float, height: float, *texts: str) -> None:
    """A line in the middle of a picture: the first of some texts that fits."""
    text = sheet.first_fitting(texts, width - 6, size=sheet.small)
    wide = min(width - 2, sheet.measure(text, size=sheet.small) + 6)
    sheet.rectangle(left + (width - wide) / 2, top + height / 2 - 6, wide, 11, PANEL, alpha=0.85, zorder=2)
    sheet.text(
        left + width / 2, top + height / 2 + 1.7, text, size=sheet.small, color=INK, align="center",
        zorder=4,
    )  # fmt: skip
