"""Regions of feature maps, one per patch: cut out, read with their surroundings, pasted back."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vulneuron.engines.incremental.regions import Slide, Span


@dataclass(frozen=True, eq=False)
class Axis:
    """Positions of regions of one size on one axis.

    Attributes
    ----------
    start
        ``(n,)``, int64: first cell of each region. Regions can begin before 0 or end beyond the feature map,
        for windows that read padding.
    size
        Number of cells of each region.
    """

    start: Tensor
    size: int

    def read_by(self, slide: Slide) -> "Axis":
        """The cells that a sliding operation reads for these outputs."""
        return Axis(self.start * slide.stride - slide.padding, (self.size - 1) * slide.stride + slide.reach)

    def equals(self, other: "Axis") -> bool:
        """Whether both have the same regions."""
        return self is other or (self.size == other.size and torch.equal(self.start, other.start))


@dataclass(frozen=True, eq=False)
class Place:
    """Positions of rectangular regions of one size on a feature map, one per patch."""

    rows: Axis
    columns: Axis

    def equals(self, other: "Place") -> bool:
        """Whether both have the same regions."""
        return self.rows.equals(other.rows) and self.columns.equals(other.columns)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of each region."""
        return self.rows.size, self.columns.size


@dataclass(frozen=True, eq=False)
class Region:
    """A step's values on the part of its output that the patches may have changed.

    Attributes
    ----------
    values
        ``(n, channel, rows, columns)``, in `channels_last`.
    place
        Positions of the regions.
    """

    values: Tensor
    place: Place


class Background:
    """A step's output on the benign image, laid out for fast reading of regions.

    Parameters
    ----------
    features
        ``(1, channel, y, x)``.
    """

    def __init__(self, features: Tensor) -> None:
        _, channels, self.height, self.width = features.shape
        cells = features[0].permute(1, 2, 0).reshape(-1, channels)
        # Two more rows for padding, of sums and of maxima.
        padding = [cells.new_full((1, channels), fill) for fill in (0.0, -torch.inf)]
        self._table = torch.cat([cells, *padding])

    @property
    def cells(self) -> int:
        """Number of cells of the feature map."""
        return self.height * self.width

    def cut(self, place: Place) -> Tensor:
        """Regions of the benign output, ``(n, channel, rows, columns)``; 0 outside of the feature map."""
        index = _cell_indices(place, self.height, self.width, self.cells)
        return _to_feature_maps(self._table.index_select(0, index.flatten()), place)

    def around(self, region: Region, place: Place, fill: float = 0.0) -> Tensor:
        """Regions of the changed output at `place`: `region` where it lies, the benign output elsewhere."""
        if region.place.equals(place):
            return region.values
        count, (rows, columns) = len(region.values), place.shape
        padding = self.cells + (0 if fill == 0.0 else 1)
        index = _cell_indices(place, self.height, self.width, padding).flatten()
        # An extra last row receives the values that lie outside of `place`.
        total = count * rows * columns
        target = self._table.new_empty(total + 1, self._table.shape[1])
        torch.index_select(self._table, 0, index, out=target[:total])
        relative = Place(
            Axis(region.place.rows.start - place.rows.start, region.place.rows.size),
            Axis(region.place.columns.start - place.columns.start, region.place.columns.size),
        )
        into = _cell_indices(relative, rows, columns, total)
        offsets = torch.arange(count, device=into.device) * (rows * columns)
        into = (into + offsets[:, None, None]).clamp_(max=total)
        values = region.values.permute(0, 2, 3, 1).reshape(-1, target.shape[1])
        target.index_copy_(0, into.flatten(), values)
        return _to_feature_maps(target[:total], place)

    def whole(self, region: Region) -> Tensor:
        """The whole changed output, ``(n, channel, y, x)``."""
        count = len(region.values)
        zeros = torch.zeros(count, dtype=torch.int64, device=region.values.device)
        return self.around(region, Place(Axis(zeros, self.height), Axis(zeros, self.width)))


def cut_each(features: Tensor, place: Place) -> Tensor:
    """One region of each feature map ``(n, channel, y, x)``; none extends beyond its map."""
    rows, columns = (
        axis.start[:, None] + torch.arange(axis.size, device=axis.start.device)
        for axis in (place.rows, place.columns)
    )
    images = torch.arange(len(features), device=features.device)[:, None, None]
    cells = features.permute(0, 2, 3, 1)[images, rows[:, :, None], columns[:, None, :]]
    return cells.permute(0, 3, 1, 2)


def _cell_indices(place: Place, height: int, width: int, outside: int) -> Tensor:
    """Row-major index of each cell of the regions, ``(n, rows, columns)``; `outside` beyond the map."""
    rows = _axis_indices(place.rows, height, outside, width)
    columns = _axis_indices(place.columns, width, outside, 1)
    return (rows[:, :, None] + columns[:, None, :]).clamp_(max=outside)


def _axis_indices(axis: Axis, length: int, outside: int, step: int) -> Tensor:
    cells = axis.start[:, None] + torch.arange(axis.size, device=axis.start.device)
    return torch.where((cells >= 0) & (cells < length), cells * step, outside)


def _to_feature_maps(rows: Tensor, place: Place) -> Tensor:
    return rows.view(-1, *place.shape, rows.shape[1]).permute(0, 3, 1, 2)


def enclosing_axis(span: Span, centers: Tensor, length: int) -> Axis:
    """Smallest regions of one size that contain the intervals of the patches at these centers."""
    low, high = torch.from_numpy(span.low)[centers], torch.from_numpy(span.high)[centers]
    size = int((high - low).max())
    return Axis(low.clamp(max=length - size), size)
