"""Masks of receptive fields as bits, with the 8 x 8 pixels of a tile in one number.

RFs come from small, smooth feature maps, so most masks are constant on most tiles. Masks, their overlaps, and
the energy that they share are therefore computed per tile instead of per pixel, in an eighth of the memory.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from vulneuron.errors import MeasureError
from vulneuron.measures.interpolation import next_to_centers, upsampling_weights

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Patterns = npt.NDArray[np.uint64]

#: Side of a tile in pixels.
TILE = 8
#: Number of values at the corners of tiles that stay in a CPU's cache.
_VALUES_AT_ONCE = 2**19


@dataclass(frozen=True, eq=False)
class PackedMasks:
    """Masks of one image.

    Attributes
    ----------
    patterns
        ``(tile, mask)``, uint64, tiles row by row; pixels outside of the image are 0.
    size
        Size ``(y, x)`` of the image in pixels.
    """

    patterns: Patterns
    size: tuple[int, int]

    def __len__(self) -> int:
        """Number of masks."""
        return int(self.patterns.shape[1])

    @property
    def grid(self) -> tuple[int, int]:
        """Number of tiles ``(y, x)``."""
        return _grid(self.size)

    @cached_property
    def full(self) -> Patterns:
        """Pattern ``(tile,)`` of the whole image."""
        return _packed(np.ones((1, *self.size), np.bool_))[:, 0]

    @cached_property
    def areas(self) -> Ints:
        """Number of pixels in each mask, ``(mask,)``."""
        return _counts(self.patterns)

    def common_areas(self, mask: Bools) -> Ints:
        """Number of pixels that each mask shares with another one ``(y, x)``, ``(mask,)``."""
        return _counts(self.patterns & _packed(mask[None]))

    def unpacked(self) -> Bools:
        """The masks as ``(mask, y, x)``, bool."""
        rows, columns = self.grid
        tiles = np.ascontiguousarray(self.patterns.T).view(np.uint8).reshape(len(self), rows, columns, TILE)
        lines = tiles.swapaxes(2, 3).reshape(len(self), rows * TILE, columns)
        height, width = self.size
        return np.unpackbits(lines[:, :height], axis=2, count=width).view(np.bool_)


def as_packed(masks: Bools | PackedMasks) -> PackedMasks:
    """Masks ``(mask, y, x)`` as bits; packed masks are returned unchanged.

    Raises
    ------
    MeasureError
        If they are not boolean masks.
    """
    if isinstance(masks, PackedMasks):
        return masks
    if masks.dtype != np.bool_ or masks.ndim != 3:
        raise MeasureError(
            f"given masks as {masks.dtype} {masks.shape}",
            allowed="bool (neuron, y, x)",
            fix="create them with vulneuron.measures.fields.masks",
        )
    return PackedMasks(_packed(masks), (masks.shape[1], masks.shape[2]))


def tiled(values: Doubles) -> Doubles:
    """Values ``(y, x)`` of an image as ``(tile, pixel)``; 0 outside of the image."""
    padded = np.pad(values, [(0, -length % TILE) for length in values.shape])
    rows, columns = (length // TILE for length in padded.shape)
    return padded.reshape(rows, TILE, columns, TILE).swapaxes(1, 2).reshape(rows * columns, -1)


def positive_masks(features: Floats, size: tuple[int, int]) -> PackedMasks:
    """Pixels where upsampled feature maps are positive.

    Upsampled values of a tile lie between those at its corners and next to the centers of cells in it, so
    only tiles where these differ in sign are upsampled.

    Parameters
    ----------
    features
        ``(neuron, row, column)``; see `vulneuron.measures.fields.upsample`.
    size
        Size ``(y, x)`` in pixels, positive.
    """
    neurons = len(features)
    rows, columns = _grid(size)
    masks = PackedMasks(np.zeros((rows * columns, neurons), np.uint64), size)
    patterns, full = masks.patterns.reshape(rows, columns, neurons), masks.full.reshape(rows, columns)
    at_once = max(1, _VALUES_AT_ONCE // (4 * rows * columns))
    for start in range(0, neurons, at_once):
        block = slice(start, start + at_once)
        # With the neurons last, all products are large.
        cells = np.ascontiguousarray(np.moveaxis(features[block], 0, -1))
        _fill(patterns[:, :, block], cells, full, size)
    return masks


def _fill(patterns: Patterns, cells: Floats, full: Patterns, size: tuple[int, int]) -> None:
    """Set the patterns ``(y, x, neuron)`` of feature maps ``(row, column, neuron)``."""
    (height, width, neurons), (rows, columns) = cells.shape, full.shape
    vertical, horizontal = upsampling_weights(height, size[0]), upsampling_weights(width, size[1])
    above, beside = _corners(height, size[0]), _corners(width, size[1])
    lines = (vertical[above.ravel()] @ cells.reshape(height, -1)).reshape(-1, width, neurons)
    values = horizontal[beside.ravel()] @ np.ascontiguousarray(lines.swapaxes(0, 1)).reshape(width, -1)
    corners = values.reshape(*beside.shape, *above.shape, neurons)
    any_positive = (corners.max(axis=(1, 3)) > 0).swapaxes(0, 1)
    all_positive = (corners.min(axis=(1, 3)) > 0).swapaxes(0, 1)
    np.copyto(patterns, full[:, :, None], where=all_positive)
    mixed = any_positive & ~all_positive
    # Upsampled from left to right, ``(row of cells, column of tiles and neuron, pixel of the tile)``.
    padded = np.pad(horizontal, ((0, columns * TILE - size[1]), (0, 0)))
    wide = cells.swapaxes(1, 2).reshape(-1, width) @ padded.T
    wide = wide.reshape(height, neurons, columns, TILE).swapaxes(1, 2).reshape(height, -1, TILE)
    for row in range(rows):
        places = np.flatnonzero(mixed[row])
        weights = vertical[row * TILE : (row + 1) * TILE]
        used = np.flatnonzero(weights.any(axis=0))
        between = slice(used[0], used[-1] + 1)
        pixels = weights[:, between] @ wide[between, places].reshape(between.stop - between.start, -1)
        bits = np.packbits((pixels > 0).reshape(len(weights), len(places), TILE), axis=2)
        tile = np.zeros((len(places), TILE), np.uint8)
        tile[:, : len(weights)] = bits[:, :, 0].T
        column, neuron = np.divmod(places, neurons)
        patterns[row, column, neuron] = tile.view(np.uint64)[:, 0] & full[row, column]


def _grid(size: tuple[int, int]) -> tuple[int, int]:
    return -(-size[0] // TILE), -(-size[1] // TILE)


@lru_cache(64)
def _corners(cells: int, pixels: int) -> Ints:
    """Pixels of each tile between which upsampled values are monotonic along an axis, ``(tile, pixel)``."""
    chosen = next_to_centers(cells, pixels)
    chosen[::TILE] = chosen[TILE - 1 :: TILE] = chosen[-1] = True
    places = np.flatnonzero(chosen)
    counts = np.bincount(places // TILE)
    # Tiles with fewer pixels repeat their last one.
    steps = np.minimum(np.arange(counts.max()), counts[:, None] - 1)
    return np.asarray(places[(np.cumsum(counts) - counts)[:, None] + steps])


def _packed(masks: Bools) -> Patterns:
    """Patterns ``(tile, mask)`` of masks ``(mask, y, x)``."""
    count, height, width = masks.shape
    below, right = -height % TILE, -width % TILE
    if below or right:
        masks = np.pad(masks, ((0, 0), (0, below), (0, right)))
    rows, columns = masks.shape[1] // TILE, masks.shape[2] // TILE
    lines = np.packbits(masks, axis=2).reshape(count, rows, TILE, columns)
    tiles = np.ascontiguousarray(lines.transpose(1, 3, 0, 2)).view(np.uint64)
    return tiles.reshape(rows * columns, count)


def _counts(patterns: Patterns) -> Ints:
    return np.asarray(np.bitwise_count(patterns).sum(axis=0, dtype=np.int64))
