"""Regions of maps, one a patch: cut out of a map, read with their surroundings, pasted back."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vulneuron.engines.incremental.regions import Slide, Span


@dataclass(frozen=True, eq=False)
class Axis:
    """Where regions of one size lie on one axis.

    Attributes
    ----------
    start
        ``(n,)``, int64: first place of each region; before 0 or behind the map's end for windows that read
        padding.
    size
        Places of each region.
    """

    start: Tensor
    size: int

    def read_by(self, slide: Slide) -> "Axis":
        """What the windows of a sliding operation read for these outputs."""
        return Axis(self.start * slide.stride - slide.padding, (self.size - 1) * slide.stride + slide.reach)

    def same(self, other: "Axis") -> bool:
        """Whether the other axis has the same regions."""
        return self is other or (self.size == other.size and torch.equal(self.start, other.start))


@dataclass(frozen=True, eq=False)
class Place:
    """Where rectangular regions of one size lie on a map, one for each patch."""

    rows: Axis
    columns: Axis

    def same(self, other: "Place") -> bool:
        """Whether the other place has the same regions."""
        return self.rows.same(other.rows) and self.columns.same(other.columns)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of each region."""
        return self.rows.size, self.columns.size


@dataclass(frozen=True, eq=False)
class Region:
    """Values of a step on the part of its output that patches can have changed.

    Attributes
    ----------
    values
        ``(n, channel, rows, columns)``, in `channels_last`.
    place
        Where they lie.
    """

    values: Tensor
    place: Place


class Background:
    """A step's output on the benign image, laid out so that regions of it are read quickly.

    Parameters
    ----------
    maps
        ``(1, channel, y, x)``.
    """

    def __init__(self, maps: Tensor) -> None:
        _, channels, self.height, self.width = maps.shape
        places = maps[0].permute(1, 2, 0).reshape(-1, channels)
        # Behind the places of the map: what padding reads, for sums and for maxima.
        padding = [places.new_full((1, channels), fill) for fill in (0.0, -torch.inf)]
        self._table = torch.cat([places, *padding])

    @property
    def places(self) -> int:
        """Places of the map."""
        return self.height * self.width

    def cut(self, place: Place) -> Tensor:
        """Regions of the benign output, ``(n, channel, rows, columns)``; 0 outside of the map."""
        index = _index(place, self.height, self.width, self.places)
        return _as_maps(self._table.index_select(0, index.flatten()), place)

    def around(self, region: Region, place: Place, fill: float = 0.0) -> Tensor:
        """Regions of the changed output: a region's values where it has them, else the benign output's."""
        if region.place.same(place):
            return region.values
        count, (rows, columns) = len(region.values), place.shape
        padding = self.places + (0 if fill == 0.0 else 1)
        index = _index(place, self.height, self.width, padding).flatten()
        # The last row takes what lies outside of the wanted place.
        total = count * rows * columns
        target = self._table.new_empty(total + 1, self._table.shape[1])
        torch.index_select(self._table, 0, index, out=target[:total])
        moved = Place(
            Axis(region.place.rows.start - place.rows.start, region.place.rows.size),
            Axis(region.place.columns.start - place.columns.start, region.place.columns.size),
        )
        into = _index(moved, rows, columns, total)
        offsets = torch.arange(count, device=into.device) * (rows * columns)
        into = (into + offsets[:, None, None]).clamp_(max=total)
        values = region.values.permute(0, 2, 3, 1).reshape(-1, target.shape[1])
        target.index_copy_(0, into.flatten(), values)
        return _as_maps(target[:total], place)

    def whole(self, region: Region) -> Tensor:
        """The whole changed output, ``(n, channel, y, x)``."""
        count = len(region.values)
        zeros = torch.zeros(count, dtype=torch.int64, device=region.values.device)
        return self.around(region, Place(Axis(zeros, self.height), Axis(zeros, self.width)))


def _index(place: Place, height: int, width: int, outside: int) -> Tensor:
    """Number of each place of regions in a map, row by row, ``(n, rows, columns)``; `outside` beside it."""
    rows = _numbers(place.rows, height, outside, width)
    columns = _numbers(place.columns, width, outside, 1)
    return (rows[:, :, None] + columns[:, None, :]).clamp_(max=outside)


def _numbers(axis: Axis, length: int, outside: int, step: int) -> Tensor:
    places = axis.start[:, None] + torch.arange(axis.size, device=axis.start.device)
    return torch.where((places >= 0) & (places < length), places * step, outside)


def _as_maps(rows: Tensor, place: Place) -> Tensor:
    return rows.view(-1, *place.shape, rows.shape[1]).permute(0, 3, 1, 2)


def axis_of(span: Span, chosen: Tensor, length: int) -> Axis:
    """Regions of one size, as small as possible, that contain the intervals of some patches."""
    low, high = torch.from_numpy(span.low)[chosen], torch.from_numpy(span.high)[chosen]
    size = int((high - low).max())
    return Axis(low.clamp(max=length - size), size)
