"""Properties of distances and dendrograms of any receptive fields."""

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vulneuron.measures.clustering import METHODS, Distances, Method, cluster
from vulneuron.measures.distances import iou_distances, receptive_field_distances

SIZE = (3, 9)
pixels = arrays.arrays(np.float32, (2, 2, *SIZE), elements=st.floats(0, 1, width=32))


@st.composite
def distances(draw: st.DrawFn) -> Distances:
    """Distances of up to 9 neurons with few distinct receptive fields, many equal or empty."""
    kinds = draw(arrays.arrays(np.bool_, (3, 2, *SIZE)))
    kinds[0] = False
    fields = kinds[draw(st.lists(st.integers(0, 2), min_size=1, max_size=9))]
    if draw(st.booleans()):
        return iou_distances(fields[:, 0], fields[:, 1])
    return receptive_field_distances(fields[:, 0], fields[:, 1], *draw(pixels))


def merged(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    return np.equal.outer(labels, labels)


@given(distances())
def test_distances_are_a_metric_and_0_between_dead_neurons(between: Distances) -> None:
    assert between.values.min() >= 0
    np.testing.assert_array_equal(between.values, between.values.T)
    assert not between.values.diagonal().any()
    assert not between.values[np.ix_(between.dead, between.dead)].any()
    detours = (between.values[:, :, None] + between.values[None]).min(axis=1)
    assert (between.values <= detours + 1e-5).all()


@given(distances(), st.sampled_from([*METHODS]))
def test_heights_ascend_and_cuts_nest(between: Distances, method: Method) -> None:
    tree = cluster(between, method)
    count = len(tree.order)
    assert sorted(tree.order.tolist()) == list(range(count))
    assert (np.diff(tree.heights, prepend=0) >= 0).all()
    finer = merged(tree.cut_count(count))
    for clusters in range(count, 0, -1):
        labels = tree.cut_count(clusters)
        assert set(labels.tolist()) == set(range(clusters))
        assert (merged(labels) >= finer).all()
        finer = merged(labels)


@given(distances(), st.sampled_from([*METHODS]))
def test_children_split_the_leaves_of_their_parent(between: Distances, method: Method) -> None:
    tree = cluster(between, method)
    count = len(tree.order)
    for row, (left, right) in enumerate(tree.linkage[:, :2].astype(int)):
        node = count + row
        together = [*tree.leaves(left).tolist(), *tree.leaves(right).tolist()]
        assert tree.leaves(node).tolist() == together
        assert tree.ancestors(left)[1] == tree.ancestors(right)[1] == node


@given(distances(), st.sampled_from([*METHODS]))
def test_dead_neurons_are_merged_at_height_0(between: Distances, method: Method) -> None:
    tree = cluster(between, method)
    labels = tree.cut_count(len(tree.order) - int((tree.heights == 0).sum()))
    assert len(set(labels[between.dead].tolist())) <= 1
