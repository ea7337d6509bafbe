"""Hierarchical clustering of neurons, shown as a dendrogram (paper, Section 5.2.2)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from vulneuron.errors import MeasureError
from vulneuron.measures.choices import Choice, check_choice
from vulneuron.measures.leaf_order import first_positions, optimally_ordered

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Method = Literal["ward", "average", "complete", "single"]
METHODS: dict[Method, Choice] = {
    "ward": Choice("Ward", "Merge where the variance inside of clusters grows least"),
    "average": Choice("average", "Mean distance between the neurons of two clusters"),
    "complete": Choice("complete", "Largest distance between the neurons of two clusters"),
    "single": Choice("single", "Smallest distance between the neurons of two clusters"),
}


@dataclass(frozen=True, eq=False)
class Distances:
    """Distances between every two neurons.

    Attributes
    ----------
    values
        ``(neuron, neuron)``, float64, symmetric, at least 0, with zeros on the diagonal.
    dead
        ``(neuron,)``, bool: neurons that capture nothing on either image. They are at distance 0 from each
        other.
    """

    values: Doubles
    dead: Bools


@dataclass(frozen=True, eq=False)
class Dendrogram:
    """Binary tree of neurons. Leaves are nodes 0 to n - 1; row i of `linkage` is node n + i.

    Attributes
    ----------
    linkage
        ``(n - 1, 4)``, float64, SciPy's format: left child, right child, height, number of leaves. Heights
        ascend. Children are in leaf order, as SciPy's `dendrogram` draws them.
    order
        ``(n,)``, int64: neurons from left to right.
    dead
        ``(n,)``, bool: neurons that capture nothing on either image.
    """

    linkage: Doubles
    order: Ints
    dead: Bools

    @property
    def heights(self) -> Doubles:
        """Heights of the merges, ``(n - 1,)``, >= 0 and ascending, in the unit of the distance."""
        return self.linkage[:, 2]

    @property
    def root(self) -> int:
        """Node of all neurons."""
        return 2 * len(self.order) - 2

    def leaves(self, node: int) -> Ints:
        """Neurons below a node, from left to right; the neuron itself for a leaf.

        Raises
        ------
        MeasureError
            If there is no such node.
        """
        self._check_node(node)
        start = self._starts[node]
        return self.order[start : start + self._size(node)]

    def ancestors(self, node: int) -> tuple[int, ...]:
        """The node and all nodes above it, up to the root.

        Raises
        ------
        MeasureError
            If there is no such node.
        """
        self._check_node(node)
        path = [node]
        while path[-1] != self.root:
            path.append(int(self._parents[path[-1]]))
        return tuple(path)

    def cut_count(self, clusters: int) -> Ints:
        """Cut the tree into a number of clusters, by undoing the last merges.

        Parameters
        ----------
        clusters
            From 1 to n.

        Returns
        -------
        ndarray
            ``(n,)``, int64: number of each neuron's cluster, from 0, counted from left to right.

        Raises
        ------
        MeasureError
            If the number is not from 1 to n.
        """
        if not 1 <= clusters <= len(self.order):
            raise MeasureError(
                f"given {clusters} clusters of {len(self.order)} neurons",
                allowed=f"1 to {len(self.order)}",
                fix="choose another number of clusters",
            )
        return self._clusters_after(len(self.order) - clusters)

    def _clusters_after(self, merges: int) -> Ints:
        """Clusters after the first merges; each merge removes the border between two neighbors."""
        borders = np.zeros(len(self.order), np.int64)
        borders[self._starts[self.linkage[merges:, 1].astype(np.int64)]] = 1
        labels = np.empty(len(self.order), np.int64)
        labels[self.order] = np.cumsum(borders)
        return labels

    @cached_property
    def _starts(self) -> Ints:
        return first_positions(self.linkage)

    @cached_property
    def _parents(self) -> Ints:
        parents = np.zeros(self.root + 1, np.int64)
        nodes = np.arange(len(self.order), self.root + 1)
        parents[self.linkage[:, :2].astype(np.int64)] = nodes[:, None]
        return parents

    def _size(self, node: int) -> int:
        return 1 if node < len(self.order) else int(self.linkage[node - len(self.order), 3])

    def _check_node(self, node: int) -> None:
        if not 0 <= node <= self.root:
            raise MeasureError(
                f"given node {node}",
                allowed=f"0 to {self.root}: neurons up to {len(self.order) - 1}, then merges",
                fix="choose a node of this dendrogram",
            )


def cluster(distances: Distances, method: Method = "ward") -> Dendrogram:
    """Agglomerative clustering with optimal leaf order.

    Equal neurons, including dead ones, are merged first, at height 0.

    Parameters
    ----------
    distances
        As a function of `vulneuron.measures.distances` computes them.
    method
        Rule by which distances between clusters follow from those between neurons. "ward" is designed for L2
        distances; "average" also suits others, such as IoU distances. Average linkage of L2 distances chains:
        on CIFAR-10, it puts most neurons into one of twelve clusters.

    Raises
    ------
    MeasureError
        If the method is unknown or there are no neurons.

    References
    ----------
    Muellner, "Modern hierarchical, agglomerative clustering algorithms", 2011.
    """
    check_choice(method, "method", METHODS)
    count = len(distances.values)
    if count == 0:
        raise MeasureError("given no neuron", allowed="at least one neuron", fix="select a neuron first")
    if count == 1:
        return Dendrogram(np.empty((0, 4)), np.zeros(1, np.int64), distances.dead)
    linkage = hierarchy.linkage(squareform(distances.values, checks=False), method)
    linkage = optimally_ordered(linkage, distances.values)
    return Dendrogram(linkage, np.argsort(first_positions(linkage)[:count]), distances.dead)
