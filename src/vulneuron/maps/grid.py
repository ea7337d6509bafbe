"""Positions of the patches of a map: Algorithm 1 of the paper, lines 5 to 8."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vulneuron.errors import MeasureError

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_SMALLEST_DEFAULT = 4


@dataclass(frozen=True)
class PatchGrid:
    """Square patches around the points (0, 0), (0, stride), ... of an image.

    The patch around (i, j) has the rows i - patch/2 .. i + patch/2 - 1 and the columns likewise, clipped to
    the image: smaller at the borders, never empty.

    Parameters
    ----------
    image_size
        ``(y, x)`` in pixels.
    patch
        Side of the patch in pixels, 2k in the paper; even.
    stride
        Pixels from one center to the next, s in the paper.

    Raises
    ------
    MeasureError
        If `patch` is not an even number from 2 to twice the longer side (where every patch covers the image),
        or `stride` is not a number from 1 to the longer side.
    """

    image_size: tuple[int, int]
    patch: int
    stride: int = 1

    def __post_init__(self) -> None:
        longer = max(self.image_size)
        image_text = "for images of {} x {} pixels".format(*self.image_size)
        if not _is_integer(self.patch) or self.patch % 2 or not 2 <= self.patch <= 2 * longer:
            raise MeasureError(
                f"given patch = {self.patch!r} {image_text}",
                allowed=f"an even number of pixels from 2 to {2 * longer}",
                fix=f"leave it out for {default_patch(self.image_size)}",
            )
        if not _is_integer(self.stride) or not 1 <= self.stride <= longer:
            raise MeasureError(
                f"given stride = {self.stride!r} {image_text}",
                allowed=f"a number of pixels from 1 to {longer}",
                fix="use 1 for every pixel, or more for a coarser, faster map",
            )

    @classmethod
    def for_image(cls, image_size: tuple[int, int], patch: int | None = None, stride: int = 1) -> "PatchGrid":
        """Grid for an image ``(y, x)``; the patch defaults to `default_patch`.

        Raises
        ------
        MeasureError
            Like `PatchGrid`.
        """
        return cls(image_size, default_patch(image_size) if patch is None else patch, stride)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the map, ``(ceil(y / stride), ceil(x / stride))``."""
        return math.ceil(self.image_size[0] / self.stride), math.ceil(self.image_size[1] / self.stride)

    def centers(self) -> Ints:
        """Centers (i, j) in pixels, row by row, ``(position, 2)``."""
        rows, columns = self.shape
        return np.stack(np.divmod(np.arange(rows * columns), columns), axis=1) * self.stride

    def touched(self, pixels: Bools) -> Bools:
        """Whether each patch contains at least one of these pixels.

        Parameters
        ----------
        pixels
            ``(y, x)``.

        Returns
        -------
        ndarray
            Bool, in the `shape` of the grid.
        """
        return self.sums(pixels.astype(np.float64)) > 0

    def sums(self, values: Doubles) -> Doubles:
        """Sum of the pixels of each patch.

        Parameters
        ----------
        values
            ``(y, x)``.

        Returns
        -------
        ndarray
            In the `shape` of the grid.
        """
        # Every patch's sum from one summed-area table, whose rectangles begin in the corner (0, 0).
        table = np.zeros((self.image_size[0] + 1, self.image_size[1] + 1))
        table[1:, 1:] = values.cumsum(axis=0).cumsum(axis=1)
        (top, bottom), (left, right) = (self._bounds(axis) for axis in (0, 1))
        strips = table[bottom] - table[top]
        sums: Doubles = strips[:, right] - strips[:, left]
        return sums

    def _bounds(self, axis: int) -> tuple[Ints, Ints]:
        centers = np.arange(self.shape[axis]) * self.stride
        half = self.patch // 2
        return np.maximum(centers - half, 0), np.minimum(centers + half, self.image_size[axis])


def default_patch(image_size: tuple[int, int]) -> int:
    """Even side of a patch: 1/8 of the image's shorter side, but at least 4 pixels (32: 4; 224: 28).

    For an image of a single pixel, it is 2, the only patch.
    """
    return min(max(_SMALLEST_DEFAULT, 2 * round(min(image_size) / 16)), 2 * max(image_size))


def _is_integer(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
