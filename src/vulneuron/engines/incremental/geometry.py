"""The region of each step's output that a patch can change, and the grouping of patches into batches."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, fx

from vulneuron.engines.incremental.operations import Affine, Local, Mean, Sliding
from vulneuron.engines.incremental.regions import Span, patch_span
from vulneuron.engines.incremental.steps import NetworkStep, NetworkSteps
from vulneuron.engines.incremental.windows import Axis, Place, enclosing_axis

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
#: Largest number of size bins on each axis, and smallest number of positions in a pair of bins.
_MAX_BINS, _MIN_IN_BIN = 12, 64


@dataclass(frozen=True, eq=False)
class PatchSpans:
    """Intervals that patches of one size can change: of the image, and of each step that works on regions.

    Attributes
    ----------
    rows, columns
        For each node, the intervals for a patch centered at each row and at each column of the image.
    sizes
        ``(y, x)`` of each node's feature maps.
    image
        The node of the images.
    patch
        Side of the patches, in pixels.
    backgrounds
        Nodes whose benign feature maps are read around a changed region; of the others, only regions exist.
    """

    rows: dict[fx.Node, Span]
    columns: dict[fx.Node, Span]
    sizes: dict[fx.Node, tuple[int, int]]
    image: fx.Node
    patch: int
    backgrounds: frozenset[fx.Node]

    def works_on_regions(self, step: NetworkStep) -> bool:
        """Whether a step can work on regions of its inputs."""
        return step.node in self.rows or isinstance(step.operation, Mean)

    def central_patches(self, side: int) -> Ints:
        """Centers of `side` x `side` neighboring patches in the middle of the image, ``(side * side, 2)``.

        Their regions have the size of most patches' regions.
        """
        rows, columns = (
            (np.arange(side) + (length - side) // 2).clip(0, length - 1) for length in self.sizes[self.image]
        )
        return np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)


def propagate_spans(steps: NetworkSteps, patch: int) -> PatchSpans:
    """Follow patches of one size through the network, as far as steps work on regions."""
    size = (steps.shapes[steps.image] or ())[2:]
    rows, columns = ({steps.image: patch_span(np.arange(length), patch, length)} for length in size)
    sizes = {steps.image: (size[0], size[1])}
    for step in steps.steps:
        if not all(read in rows for read in step.reads):
            continue
        shape = steps.shapes[step.node] or ()
        first, *others = step.reads
        if isinstance(step.operation, Local):
            rows[step.node], columns[step.node] = rows[first], columns[first]
            for other in others:
                rows[step.node] = _hull(rows[step.node], rows[other])
                columns[step.node] = _hull(columns[step.node], columns[other])
        elif isinstance(step.operation, Sliding):
            rows[step.node] = step.operation.rows.reached(rows[first], shape[2])
            columns[step.node] = step.operation.columns.reached(columns[first], shape[3])
        elif isinstance(step.operation, Affine):
            rows[step.node] = step.operation.rows.reached(rows[first])
            columns[step.node] = step.operation.columns.reached(columns[first])
        else:
            continue
        sizes[step.node] = (shape[2], shape[3])
    backgrounds = {
        read
        for step in steps.steps
        for read in step.reads
        if read in rows and not _reads_region_alone(step, read, rows, columns)
    }
    return PatchSpans(rows, columns, sizes, steps.image, patch, frozenset({steps.image, *backgrounds}))


def _reads_region_alone(
    step: NetworkStep, read: fx.Node, rows: dict[fx.Node, Span], columns: dict[fx.Node, Span]
) -> bool:
    """Whether a step reads exactly the changed region of an input, and nothing around it."""
    return (
        isinstance(step.operation, Local)
        and step.node in rows
        and all(spans[read] is spans[step.node] for spans in (rows, columns))
    )


def _hull(one: Span, other: Span) -> Span:
    """The hull of both; one of the two objects if it equals the hull, as work is cached per object."""
    if one is other:
        return one
    hull = one.hull(other)
    for span in (one, other):
        if np.array_equal(hull.low, span.low) and np.array_equal(hull.high, span.high):
            return span
    return hull


class PatchBatch:
    """Positions of the regions of a batch of patches on each step's output.

    Parameters
    ----------
    spans
        Spans of patches of this size.
    centers
        ``(n, 2)``, int64.
    device
        The network's device.
    """

    def __init__(self, spans: PatchSpans, centers: Ints, device: torch.device) -> None:
        self._spans, self._device = spans, device
        self._row, self._column = (torch.from_numpy(centers[:, axis]) for axis in (0, 1))
        self._axes: dict[tuple[int, int], Axis] = {}
        self.centers = torch.from_numpy(centers).to(device)

    def has_regions(self, node: fx.Node) -> bool:
        """Whether a node has regions."""
        return node in self._spans.rows

    def inside(self, place: Place) -> Tensor:
        """Whether the pixels of these regions of the image are in the patches, ``(n, rows, columns)``."""
        axes = (
            (self._spans.rows, self._row, place.rows),
            (self._spans.columns, self._column, place.columns),
        )
        inside = []
        for spans, centers, axis in axes:
            span = spans[self._spans.image]
            pixels = axis.start[:, None] + torch.arange(axis.size, device=self._device)
            low, high = (
                torch.from_numpy(bounds)[centers].to(self._device) for bounds in (span.low, span.high)
            )
            inside.append((pixels >= low[:, None]) & (pixels < high[:, None]))
        return inside[0][:, :, None] & inside[1][:, None, :]

    def place(self, node: fx.Node) -> Place:
        """Smallest regions of one size that cover everything the patches can change."""
        height, width = self._spans.sizes[node]
        return Place(
            self._axis(self._spans.rows[node], self._row, height),
            self._axis(self._spans.columns[node], self._column, width),
        )

    def area(self, node: fx.Node) -> float:
        """Fraction of the feature map that these regions cover, in (0, 1]."""
        height, width = self._spans.sizes[node]
        rows, columns = self.place(node).shape
        return rows * columns / (height * width)

    def _axis(self, span: Span, centers: Tensor, length: int) -> Axis:
        key = (id(span), id(centers))
        if key not in self._axes:
            axis = enclosing_axis(span, centers, length)
            self._axes[key] = Axis(axis.start.to(self._device), axis.size)
        return self._axes[key]


def order_by_size(spans: PatchSpans, centers: Ints, costs: dict[fx.Node, float]) -> Ints:
    """Order patches such that neighbors have regions of similar sizes, and one size suits a whole batch.

    Parameters
    ----------
    spans
        Spans of patches of this size.
    centers
        ``(position, 2)``, int64.
    costs
        Cost of each node on a whole feature map.

    Returns
    -------
    ndarray
        ``(position,)``, int64: indices into `centers`.
    """
    bins = max(1, min(_MAX_BINS, int(np.sqrt(len(centers) / _MIN_IN_BIN))))
    row, column = (
        _bin_indices(_cost(spans_on_axis, axis, spans.sizes, costs)[centers[:, axis]], bins)
        for axis, spans_on_axis in enumerate((spans.rows, spans.columns))
    )
    # Back and forth, which makes neighbors in this order neighbors in size.
    column = np.where(row % 2 == 0, column, bins - 1 - column)
    return np.lexsort((centers[:, 1], centers[:, 0], column, row))


def _cost(
    spans: dict[fx.Node, Span], axis: int, sizes: dict[fx.Node, tuple[int, int]], costs: dict[fx.Node, float]
) -> Doubles:
    total = np.zeros(len(next(iter(spans.values())).low))
    for node, cost in costs.items():
        if node in spans:
            total += cost * spans[node].sizes / sizes[node][axis]
    return total


def _bin_indices(values: Doubles, bins: int) -> Ints:
    """Bin index of each value, for bins of similar counts; equal values stay together."""
    edges = np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1]) if bins > 1 else np.zeros(0)
    return np.searchsorted(edges, values, side="left")
