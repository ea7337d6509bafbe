"""Leaf order, compared with all orders that a tree allows."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist, squareform

from vulneuron.measures.clustering import METHODS, Method
from vulneuron.measures.leaf_order import first_positions, optimally_ordered

Doubles = npt.NDArray[np.float64]


def order_of(linkage: Doubles) -> list[int]:
    return [int(leaf) for leaf in hierarchy.leaves_list(linkage)]


def length(order: list[int], distances: Doubles) -> float:
    return float(distances[order[:-1], order[1:]].sum())


def allowed_orders(linkage: Doubles, node: int) -> list[list[int]]:
    count = len(linkage) + 1
    if node < count:
        return [[node]]
    left, right = (allowed_orders(linkage, int(child)) for child in linkage[node - count, :2])
    return [one + other for one in left for other in right] + [other + one for one in left for other in right]


def tree(points: Doubles, method: Method) -> tuple[Doubles, Doubles]:
    condensed = pdist(points)
    return hierarchy.linkage(condensed, method), squareform(condensed)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [2, 3, 5, 9])
@pytest.mark.parametrize("seed", range(5))
def test_no_allowed_order_is_better(method: Method, count: int, seed: int) -> None:
    linkage, distances = tree(np.random.default_rng(seed).random((count, 3)), method)
    ordered = optimally_ordered(linkage, distances)
    allowed = allowed_orders(linkage, 2 * count - 2)
    assert order_of(ordered) in allowed
    assert length(order_of(ordered), distances) == pytest.approx(
        min(length(order, distances) for order in allowed)
    )
    np.testing.assert_array_equal(np.sort(ordered[:, :2], axis=1), np.sort(linkage[:, :2], axis=1))
    np.testing.assert_array_equal(ordered[:, 2:], linkage[:, 2:])


def shortest_length(linkage: Doubles, distances: Doubles) -> float:
    """Length of the best allowed order, by all shortest paths between two leaves of each node."""
    count = len(linkage) + 1
    paths = [{(leaf, leaf): 0.0} for leaf in range(count)]
    for left, right in linkage[:, :2].astype(int):
        joined: dict[tuple[int, int], float] = {}
        for (begin, leaving), one in paths[left].items():
            for (entering, end), other in paths[right].items():
                length = one + float(distances[leaving, entering]) + other
                joined[begin, end] = joined[end, begin] = min(length, joined.get((begin, end), math.inf))
        paths.append(joined)
    return min(paths[-1].values())


@pytest.mark.parametrize("method", METHODS)
def test_large_trees_have_the_shortest_order(method: Method) -> None:
    linkage, distances = tree(np.random.default_rng(3).random((45, 3)), method)
    ordered = order_of(optimally_ordered(linkage, distances))
    assert length(ordered, distances) == pytest.approx(shortest_length(linkage, distances), rel=1e-12)


def test_equal_leaves_are_neighbors_and_cost_nothing() -> None:
    rng = np.random.default_rng(0)
    points = rng.random((7, 3))[[0, 1, 2, 2, 3, 1, 1, 4, 5, 6]]
    linkage, distances = tree(points, "ward")
    ordered = order_of(optimally_ordered(linkage, distances))
    best = min(length(order, distances) for order in allowed_orders(linkage, 18))
    assert length(ordered, distances) == pytest.approx(best)
    assert np.ptp([ordered.index(leaf) for leaf in (1, 5, 6)]) == 2


def test_all_leaves_may_be_equal() -> None:
    linkage, distances = tree(np.ones((6, 2)), "ward")
    assert sorted(order_of(optimally_ordered(linkage, distances))) == list(range(6))


def test_points_on_a_line_are_in_order() -> None:
    """The only order without a detour."""
    points = np.array([0.0, 1, 3, 7, 15, 31])[:, None]
    shuffled = np.random.default_rng(1).permutation(6)
    linkage, distances = tree(points[shuffled], "single")
    ordered = shuffled[order_of(optimally_ordered(linkage, distances))].tolist()
    assert ordered in ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0])


@pytest.mark.parametrize("method", ["ward", "single"])
def test_the_order_is_never_worse_than_scipys(method: Method) -> None:
    linkage, distances = tree(np.random.default_rng(0).random((150, 4)), method)
    ours = length(order_of(optimally_ordered(linkage, distances)), distances)
    theirs = hierarchy.optimal_leaf_ordering(linkage, squareform(distances))
    assert ours <= length(order_of(theirs), distances) + 1e-9


def test_first_positions_by_hand() -> None:
    linkage = np.array([[2, 0, 1, 2], [1, 3, 2, 2], [5, 4, 3, 4]], np.float64)
    # The order is 1, 3, 2, 0.
    assert first_positions(linkage).tolist() == [3, 0, 2, 1, 2, 0, 0]
