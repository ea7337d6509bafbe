"""Linear interpolation along one axis, as products with small matrices."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


def interpolation_weights(positions: Doubles, cells: int) -> Doubles:
    """Matrix ``(position, cell)`` of linear interpolation.

    Parameters
    ----------
    positions
        Positions to interpolate at, in cells, from 0 to `cells` - 1.
    cells
        Number of values to interpolate between.
    """
    return np.asarray(np.maximum(1 - np.abs(positions[:, None] - np.arange(cells)), 0))


@lru_cache(64)
def upsampling_weights(cells: int, pixels: int) -> Floats:
    """Matrix ``(pixel, cell)`` of bilinear upsampling along one axis, without aligned corners."""
    weights = interpolation_weights(_positions(cells, pixels), cells).astype(np.float32)
    weights.flags.writeable = False
    return weights


def next_to_centers(cells: int, pixels: int) -> Bools:
    """Whether each pixel is the first or the last between two cells' centers, ``(pixel,)``.

    Upsampled values are monotonic from one of these pixels to the next one.
    """
    cell = np.floor(_positions(cells, pixels))
    return np.asarray((np.diff(cell, prepend=-1) > 0) | (np.diff(cell, append=cells) > 0))


def _positions(cells: int, pixels: int) -> Doubles:
    """Positions of the output pixels' centers, counted in cells."""
    return np.clip((np.arange(pixels) + 0.5) * (cells / pixels) - 0.5, 0, cells - 1)
