"""Which part of every step's output patches can change, and which go through the network together."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, fx

from vulneuron.engines.incremental.operations import Local, Mean, Sliding
from vulneuron.engines.incremental.regions import Span, patch_span
from vulneuron.engines.incremental.steps import Step, Steps
from vulneuron.engines.incremental.windows import Axis, Place, axis_of

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
#: Bins of sizes on each axis, at most, and positions in a pair of bins, at least.
_MOST_BINS, _OF_A_BIN = 12, 64


@dataclass(frozen=True, eq=False)
class Spans:
    """Parts of all outputs that patches can change: of the image, and of each step that works on regions.

    Attributes
    ----------
    rows, columns
        For each node, intervals for a patch around each row and each column of the image.
    sizes
        ``(y, x)`` of each node's maps.
    image
        The node of the images.
    patch
        Side of the patches, in pixels.
    kept
        Nodes whose benign maps are read around what patches change; of the others, only regions are.
    """

    rows: dict[fx.Node, Span]
    columns: dict[fx.Node, Span]
    sizes: dict[fx.Node, tuple[int, int]]
    image: fx.Node
    patch: int
    kept: frozenset[fx.Node]

    def follow(self, step: Step) -> bool:
        """Whether a step can work on regions of its inputs."""
        return step.node in self.rows or isinstance(step.operation, Mean)

    def middle(self, side: int) -> Ints:
        """Centers of `side` x `side` patches whose regions are as large as those of most are.

        They are neighbors in the middle of the image, ``(side * side, 2)``.
        """
        rows, columns = (
            (np.arange(side) + (length - side) // 2).clip(0, length - 1) for length in self.sizes[self.image]
        )
        return np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)

    def areas(self, node: fx.Node, centers: Ints) -> Doubles:
        """Part of the maps that patches around some pixels can change, ``(position,)`` in (0, 1]."""
        height, width = self.sizes[node]
        rows, columns = self.rows[node].sizes / height, self.columns[node].sizes / width
        return np.asarray(rows[centers[:, 0]] * columns[centers[:, 1]])


def spans_of(steps: Steps, patch: int) -> Spans:
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
        else:
            continue
        sizes[step.node] = (shape[2], shape[3])
    kept = {
        read
        for step in steps.steps
        for read in step.reads
        if read in rows and not _reads_region_alone(step, read, rows, columns)
    }
    return Spans(rows, columns, sizes, steps.image, patch, frozenset({steps.image, *kept}))


def _reads_region_alone(
    step: Step, read: fx.Node, rows: dict[fx.Node, Span], columns: dict[fx.Node, Span]
) -> bool:
    """Whether a step reads nothing but the changed region of an input, just where it is."""
    return (
        isinstance(step.operation, Local)
        and step.node in rows
        and all(side[read] is side[step.node] for side in (rows, columns))
    )


def _hull(one: Span, other: Span) -> Span:
    """Their hull; the same object where they are the same, so that it is worked with only once."""
    if one is other:
        return one
    hull = one.hull(other)
    for span in (one, other):
        if np.array_equal(hull.low, span.low) and np.array_equal(hull.high, span.high):
            return span
    return hull


class Patches:
    """A batch of patches: where their regions lie on each step's output.

    Parameters
    ----------
    spans
        Of patches of their size.
    centers
        ``(n, 2)``, int64.
    device
        Where the network computes.
    """

    def __init__(self, spans: Spans, centers: Ints, device: torch.device) -> None:
        self._spans, self._device = spans, device
        self._row, self._column = (torch.from_numpy(centers[:, axis]) for axis in (0, 1))
        self._known: dict[tuple[int, int], Axis] = {}
        self.centers = torch.from_numpy(centers).to(device)

    def has(self, node: fx.Node) -> bool:
        """Whether a node has regions."""
        return node in self._spans.rows

    def inside(self, place: Place) -> Tensor:
        """Whether places of the image are in the patches, ``(n, rows, columns)``."""
        axes = (
            (self._spans.rows, self._row, place.rows),
            (self._spans.columns, self._column, place.columns),
        )
        inside = []
        for side, numbers, axis in axes:
            span = side[self._spans.image]
            places = axis.start[:, None] + torch.arange(axis.size, device=self._device)
            low, high = (torch.from_numpy(it)[numbers].to(self._device) for it in (span.low, span.high))
            inside.append((places >= low[:, None]) & (places < high[:, None]))
        return inside[0][:, :, None] & inside[1][:, None, :]

    def place(self, node: fx.Node) -> Place:
        """Smallest regions of one size that hold all that the patches can change."""
        height, width = self._spans.sizes[node]
        return Place(
            self._axis(self._spans.rows[node], self._row, height),
            self._axis(self._spans.columns[node], self._column, width),
        )

    def area(self, node: fx.Node) -> float:
        """Part of the maps that these regions take, in (0, 1]."""
        height, width = self._spans.sizes[node]
        rows, columns = self.place(node).shape
        return rows * columns / (height * width)

    def _axis(self, span: Span, of: Tensor, length: int) -> Axis:
        key = (id(span), id(of))
        if key not in self._known:
            axis = axis_of(span, of, length)
            self._known[key] = Axis(axis.start.to(self._device), axis.size)
        return self._known[key]


def by_size(spans: Spans, centers: Ints, costs: dict[fx.Node, float]) -> Ints:
    """Order patches so that neighbors have regions of similar sizes, and one size fits all of a batch.

    Parameters
    ----------
    spans
        Of patches of their size.
    centers
        ``(position, 2)``, int64.
    costs
        What each node costs on a whole map.

    Returns
    -------
    ndarray
        ``(position,)``, int64: numbers of the positions.
    """
    bins = max(1, min(_MOST_BINS, int(np.sqrt(len(centers) / _OF_A_BIN))))
    row, column = (
        _bins(_cost(side, axis, spans.sizes, costs)[centers[:, axis]], bins)
        for axis, side in enumerate((spans.rows, spans.columns))
    )
    # There and back again, so that neighbors in this order are neighbors in size.
    column = np.where(row % 2 == 0, column, bins - 1 - column)
    return np.lexsort((centers[:, 1], centers[:, 0], column, row))


def _cost(
    side: dict[fx.Node, Span], axis: int, sizes: dict[fx.Node, tuple[int, int]], costs: dict[fx.Node, float]
) -> Doubles:
    total = np.zeros(len(next(iter(side.values())).low))
    for node, cost in costs.items():
        if node in side:
            total += cost * side[node].sizes / sizes[node][axis]
    return total


def _bins(values: Doubles, bins: int) -> Ints:
    """Number of the bin of each value, of bins that hold about as many values each; equals stay together."""
    edges = np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1]) if bins > 1 else np.zeros(0)
    return np.searchsorted(edges, values, side="left")
