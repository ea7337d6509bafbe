"""Properties of all receptive fields, overlaps and vulnerability maps."""

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from victims import CLASSES, random_images, victim
from vulneuron.maps.grid import PatchGrid
from vulneuron.maps.image_pair import ImagePair
from vulneuron.maps.vulnerability_map import to_full_size, top_mask, vulnerability_maps
from vulneuron.measures.fields import dead, intersection, masks, union, upsample
from vulneuron.measures.overlap import iou
from vulneuron.network import Classifier

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@cache
def network(seed: int) -> Classifier:
    return victim(seed, steepness=10)


networks = st.integers(0, 5).map(network)
image_pairs = st.integers(0, 2**32).map(lambda seed: random_images(2, seed))
labels = st.integers(0, CLASSES - 1)
# Few simple values, too, which makes feature maps tie with each other and with thresholds.
values = st.one_of(
    st.floats(-8, 8, width=32), st.sampled_from([-1.0, 0.0, 1.0]).map(float), st.integers(-3, 3).map(float)
)
feature_maps = arrays.arrays(
    np.float32, arrays.array_shapes(min_dims=3, max_dims=3, max_side=6), elements=values
)
sizes = st.tuples(st.integers(1, 20), st.integers(1, 20))
mask_stacks = arrays.arrays(np.bool_, arrays.array_shapes(min_dims=3, max_dims=3, max_side=7))
maps_2d = arrays.arrays(np.float32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=values)


@st.composite
def grids(draw: st.DrawFn, size: tuple[int, int]) -> PatchGrid:
    longer = max(size)
    return PatchGrid(size, 2 * draw(st.integers(1, longer)), draw(st.integers(1, longer)))


@settings(deadline=None)
@given(feature_maps, sizes)
def test_upsampling_stays_within_the_range_of_the_feature_map(
    features: Floats, size: tuple[int, int]
) -> None:
    upsampled = upsample(features, size)
    slack = 1e-5
    assert (upsampled.max(axis=(1, 2)) <= features.max(axis=(1, 2)) + slack).all()
    assert (upsampled.min(axis=(1, 2)) >= features.min(axis=(1, 2)) - slack).all()


@settings(deadline=None)
@given(feature_maps, st.tuples(values, values), sizes)
def test_masks_shrink_as_the_threshold_grows(
    features: Floats, levels: tuple[float, float], size: tuple[int, int]
) -> None:
    low, high = sorted(levels)
    assert not (masks(features, high, size) & ~masks(features, low, size)).any()


@settings(deadline=None)
@given(feature_maps, values, sizes)
def test_a_neuron_that_never_exceeds_the_threshold_is_dead(
    features: Floats, level: float, size: tuple[int, int]
) -> None:
    fields = masks(features, level, size)
    silent = (features <= np.float32(level)).all(axis=(1, 2))
    loud = (features > np.float32(level)).all(axis=(1, 2))
    assert dead(fields)[silent].all()
    assert fields[loud].all()


@settings(deadline=None)
@given(mask_stacks)
def test_the_union_contains_each_mask_and_each_contains_the_intersection(stack: Bools) -> None:
    assert not (stack & ~union(stack)).any()
    assert not (intersection(stack) & ~stack).any()
    assert union(stack).sum() <= stack.sum()
    np.testing.assert_array_equal(union(stack), ~intersection(~stack))


@settings(deadline=None)
@given(mask_stacks)
def test_iou_is_symmetric_in_the_unit_interval_and_one_only_for_equals(stack: Bools) -> None:
    overlaps = np.stack([iou(stack, mask) for mask in stack])
    assert overlaps.min() >= 0
    assert overlaps.max() <= 1
    np.testing.assert_array_equal(overlaps, overlaps.T)
    for neuron, mask in enumerate(stack):
        np.testing.assert_array_equal(overlaps[neuron], iou(stack, mask))
        equal = (stack == mask).all(axis=(1, 2)) & mask.any()
        np.testing.assert_array_equal(overlaps[neuron] == 1, equal)


@settings(deadline=None)
@given(maps_2d, st.floats(0.01, 100))
def test_the_top_mask_has_exactly_the_requested_pixels(vulnerability: Floats, q: float) -> None:
    top = top_mask(vulnerability, q)
    assert top.sum() == round(q * vulnerability.size / 100)
    order = sorted(range(vulnerability.size), key=lambda pixel: (-vulnerability.flat[pixel], pixel))
    assert set(np.flatnonzero(top)) == set(order[: top.sum()])


@settings(deadline=None)
@given(sizes.flatmap(grids))
def test_full_size_keeps_the_values_at_the_centers(grid: PatchGrid) -> None:
    numbers = np.arange(float(np.prod(grid.shape))).reshape(grid.shape)
    full = to_full_size(numbers, grid.image_size, grid.stride)
    assert full.shape == grid.image_size
    np.testing.assert_array_equal(full[:: grid.stride, :: grid.stride], numbers)


@settings(max_examples=40, deadline=None)
@given(networks, image_pairs, labels, labels, st.data())
def test_maps_are_zero_where_the_patch_changes_nothing(
    classifier: Classifier, pair: torch.Tensor, benign_label: int, adversarial_label: int, data: st.DataObject
) -> None:
    size = (pair.shape[2], pair.shape[3])
    grid = data.draw(grids(size))
    differs = data.draw(arrays.arrays(np.bool_, size, elements=st.booleans(), fill=st.just(False)))
    benign, adversarial = pair[0], torch.where(torch.from_numpy(differs), pair[1], pair[0])
    maps = vulnerability_maps(
        classifier,
        ImagePair(benign, adversarial, benign_label, adversarial_label),
        patch=grid.patch,
        stride=grid.stride,
    )
    half = grid.patch // 2
    for (i, j), drop, gain in zip(
        grid.centers(), maps.benign_drop.flat, maps.adversarial_gain.flat, strict=True
    ):
        if not differs[max(i - half, 0) : i + half, max(j - half, 0) : j + half].any():
            assert drop == gain == 0


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(networks, image_pairs, labels, labels, st.integers(0, 3))
def test_a_patch_over_the_whole_image_gives_the_change_of_the_whole_image(
    classifier: Classifier, pair: torch.Tensor, benign_label: int, adversarial_label: int, extra: int
) -> None:
    side = max(pair.shape[2:])
    assume(not torch.equal(pair[0], pair[1]))
    maps = vulnerability_maps(
        classifier,
        ImagePair(pair[0], pair[1], benign_label, adversarial_label),
        patch=2 * side,
        stride=side - extra,
    )
    before, after = classifier.logits(pair).double().softmax(1)
    np.testing.assert_allclose(maps.benign_drop, float(before[benign_label] - after[benign_label]), atol=1e-5)
    np.testing.assert_allclose(
        maps.adversarial_gain, float(after[adversarial_label] - before[adversarial_label]), atol=1e-5
    )
