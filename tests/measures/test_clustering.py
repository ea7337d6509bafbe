"""Dendrograms, compared with SciPy's trees and cuts and with one worked out by hand."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist, squareform

from vulneuron.errors import MeasureError
from vulneuron.measures.clustering import METHODS, Dendrogram, Distances, Method, cluster

Doubles = npt.NDArray[np.float64]


def distances_of(points: Doubles, dead: tuple[int, ...] = ()) -> Distances:
    mask = np.zeros(len(points), bool)
    mask[list(dead)] = True
    return Distances(squareform(pdist(points)), mask)


def on_a_line() -> Dendrogram:
    """Points at 0, 10, 1, 14 and twice 30: merges at 0 (4, 5), 1 (0, 2), 4 (1, 3), 9, 16."""
    points = np.array([0.0, 10, 1, 14, 30, 30])[:, None]
    return cluster(distances_of(points, dead=(4, 5)), "single")


def same_partition(one: npt.NDArray[np.integer], other: npt.NDArray[np.integer]) -> bool:
    return bool(((one[:, None] == one) == (other[:, None] == other)).all())


def test_a_tree_by_hand() -> None:
    tree = on_a_line()
    assert tree.heights.tolist() == [0, 1, 4, 9, 16]
    assert tree.linkage[:, 3].tolist() == [2, 2, 2, 4, 6]
    assert tree.root == 10
    assert tree.order.tolist() in (
        [0, 2, 1, 3, 4, 5],
        [5, 4, 3, 1, 2, 0],
        [4, 5, 3, 1, 2, 0],
        [0, 2, 1, 3, 5, 4],
    )
    assert set(tree.leaves(6).tolist()) == {4, 5}
    assert set(tree.leaves(9).tolist()) == {0, 1, 2, 3}
    assert tree.leaves(3).tolist() == [3]
    assert tree.leaves(10).tolist() == tree.order.tolist()
    assert tree.ancestors(3) == (3, 8, 9, 10)
    assert tree.ancestors(10) == (10,)


@pytest.mark.parametrize(
    "clusters",
    [
        [{0}, {1}, {2}, {3}, {4}, {5}],
        [{0}, {1}, {2}, {3}, {4, 5}],
        [{0, 2}, {1, 3}, {4, 5}],
        [{0, 1, 2, 3}, {4, 5}],
        [{0, 1, 2, 3, 4, 5}],
    ],
)
def test_cuts_by_hand(clusters: list[set[int]]) -> None:
    labels = on_a_line().cut_count(len(clusters))
    members = [set(np.flatnonzero(labels == label).tolist()) for label in range(labels.max() + 1)]
    assert sorted(map(sorted, members)) == sorted(map(sorted, clusters))


def test_clusters_are_numbered_from_left_to_right() -> None:
    tree = on_a_line()
    for clusters in range(1, 7):
        steps = np.diff(tree.cut_count(clusters)[tree.order])
        assert set(steps.tolist()) <= {0, 1}
        assert steps.sum() == clusters - 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(2))
def test_trees_and_cuts_equal_scipys(method: Method, seed: int) -> None:
    points = np.random.default_rng(seed).random((40, 5))
    distances = distances_of(points)
    tree = cluster(distances, method)
    expected = hierarchy.linkage(pdist(points), method)
    np.testing.assert_allclose(tree.heights, expected[:, 2])
    np.testing.assert_array_equal(tree.order, hierarchy.leaves_list(tree.linkage))
    assert hierarchy.is_valid_linkage(tree.linkage)
    assert hierarchy.is_monotonic(tree.linkage)
    for clusters in (1, 2, 7, 40):
        flat = hierarchy.fcluster(expected, clusters, "maxclust")
        assert same_partition(tree.cut_count(clusters), flat)
    for height in expected[[3, 20, 37], 2]:
        flat = hierarchy.fcluster(expected, height, "distance")
        assert same_partition(tree.cut_count(40 - int((tree.heights <= height).sum())), flat)
    nodes = hierarchy.to_tree(tree.linkage, rd=True)[1]
    for node in nodes:
        assert tree.leaves(node.id).tolist() == node.pre_order()
        for leaf in node.pre_order():
            assert node.id in tree.ancestors(leaf)


@pytest.mark.parametrize("method", METHODS)
def test_dead_neurons_form_one_group_at_height_0(method: Method) -> None:
    points = np.random.default_rng(0).random((30, 4))
    dead = (2, 3, 11, 17, 29)
    points[list(dead)] = 0
    tree = cluster(distances_of(points, dead), method)
    assert set(tree.leaves(30 + 3).tolist()) == set(dead)
    assert tree.heights[:5].tolist() == [0, 0, 0, 0, tree.heights[4]]
    assert tree.heights[4] > 0
    positions = np.flatnonzero(np.isin(tree.order, dead))
    assert np.ptp(positions) == 4


def test_a_single_neuron_is_a_tree() -> None:
    tree = cluster(distances_of(np.ones((1, 2))))
    assert tree.order.tolist() == [0]
    assert tree.root == 0
    assert tree.leaves(0).tolist() == [0]
    assert tree.ancestors(0) == (0,)
    assert tree.cut_count(1).tolist() == [0]


def test_bad_parameters_are_refused() -> None:
    with pytest.raises(MeasureError, match=r"method = 'median'.*ward, average, complete, single"):
        cluster(distances_of(np.ones((3, 2))), "median")  # type: ignore[arg-type]
    with pytest.raises(MeasureError, match="no neuron"):
        cluster(Distances(np.empty((0, 0)), np.empty(0, bool)))
    tree = on_a_line()
    for clusters in (0, 7):
        with pytest.raises(MeasureError, match=f"{clusters} clusters of 6.*1 to 6"):
            tree.cut_count(clusters)
    for node in (-1, 11):
        with pytest.raises(MeasureError, match=f"node {node}.*0 to 10"):
            tree.leaves(node)
        with pytest.raises(MeasureError, match=f"node {node}"):
            tree.ancestors(node)
