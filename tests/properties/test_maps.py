"""What holds for every receptive field, overlap and vulnerability map."""

from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from victims import CLASSES, random_images, victim
from vulneuron.maps.grid import PatchGrid
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
# Few and simple values too, so that maps tie with each other and with their thresholds.
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
def test_upsampled_maps_stay_within_the_range_of_the_map(maps: Floats, size: tuple[int, int]) -> None:
    upsampled = upsample(maps, size)
    slack = 1e-5
    assert (upsampled.max(axis=(1, 2)) <= maps.max(axis=(1, 2)) + slack).all()
    assert (upsampled.min(axis=(1, 2)) >= maps.min(axis=(1, 2)) - slack).all()


@settings(deadline=None)
@given(feature_maps, st.tuples(values, values), sizes)
def test_masks_shrink_as_the_threshold_grows(
    maps: Floats, levels: tuple[float, float], size: tuple[int, int]
) -> None:
    low, high = sorted(levels)
    assert not (masks(maps, high, size) & ~masks(maps, low, size)).any()


@settings(deadline=None)
@given(feature_maps, values, sizes)
def test_a_map_that_never_exceeds_the_threshold_is_dead(
    maps: Floats, level: float, size: tuple[int, int]
) -> None:
    found = masks(maps, level, size)
    silent = (maps <= np.float32(level)).all(axis=(1, 2))
    loud = (maps > np.float32(level)).all(axis=(1, 2))
    assert dead(found)[silent].all()
    assert found[loud].all()


@settings(deadline=None)
@given(mask_stacks)
def test_union_contains_each_and_intersection_is_contained(found: Bools) -> None:
    assert not (found & ~union(found)).any()
    assert not (intersection(found) & ~found).any()
    assert union(found).sum() <= found.sum()
    np.testing.assert_array_equal(union(found), ~intersection(~found))


@settings(deadline=None)
@given(mask_stacks)
def test_iou_is_in_the_unit_interval_symmetric_and_one_only_for_equals(found: Bools) -> None:
    overlaps = np.stack([iou(found, mask) for mask in found])
    assert overlaps.min() >= 0
    assert overlaps.max() <= 1
    np.testing.assert_array_equal(overlaps, overlaps.T)
    for neuron, mask in enumerate(found):
        np.testing.assert_array_equal(overlaps[neuron], iou(found, mask))
        equal = (found == mask).all(axis=(1, 2)) & mask.any()
        np.testing.assert_array_equal(overlaps[neuron] == 1, equal)


@settings(deadline=None)
@given(maps_2d, st.floats(0.01, 100))
def test_exactly_the_wanted_number_of_pixels_is_on_top(vulnerability: Floats, q: float) -> None:
    top = top_mask(vulnerability, q)
    assert top.sum() == round(q * vulnerability.size / 100)
    order = sorted(range(vulnerability.size), key=lambda it: (-vulnerability.flat[it], it))
    assert set(np.flatnonzero(top)) == set(order[: top.sum()])


@settings(deadline=None)
@given(sizes.flatmap(grids))
def test_full_size_keeps_the_value_of_every_center(grid: PatchGrid) -> None:
    numbers = np.arange(float(np.prod(grid.shape))).reshape(grid.shape)
    full = to_full_size(numbers, grid.image_size, grid.stride)
    assert full.shape == grid.image_size
    np.testing.assert_array_equal(full[:: grid.stride, :: grid.stride], numbers)


@settings(max_examples=40, deadline=None)
@given(networks, image_pairs, labels, labels, st.data())
def test_maps_are_zero_exactly_where_the_patch_changes_nothing(
    classifier: Classifier, pair: torch.Tensor, benign_label: int, adversarial_label: int, data: st.DataObject
) -> None:
    size = (pair.shape[2], pair.shape[3])
    grid = data.draw(grids(size))
    differs = data.draw(arrays.arrays(np.bool_, size, elements=st.booleans(), fill=st.just(False)))
    benign, adversarial = pair[0], torch.where(torch.from_numpy(differs), pair[1], pair[0])
    maps = vulnerability_maps(
        classifier,
        benign,
        adversarial,
        benign_label=benign_label,
        adversarial_label=adversarial_label,
        patch=grid.patch,
        stride=grid.stride,
    )
    half = grid.patch // 2
    for (i, j), drop, gain in zip(
        grid.centers(), maps.benign_drop.flat, maps.adversarial_gain.flat, strict=True
    ):
        if not differs[max(i - half, 0) : i + half, max(j - half, 0) : j + half].any():
            assert drop == gain == 0


@settings(max_examples=40, deadline=None)
@given(networks, image_pairs, labels, labels, st.integers(0, 3))
def test_a_patch_that_covers_the_image_gives_the_change_of_the_whole_image(
    classifier: Classifier, pair: torch.Tensor, benign_label: int, adversarial_label: int, extra: int
) -> None:
    side = max(pair.shape[2:])
    assume(not torch.equal(pair[0], pair[1]))
    maps = vulnerability_maps(
        classifier,
        pair[0],
        pair[1],
        benign_label=benign_label,
        adversarial_label=adversarial_label,
        patch=2 * side,
        stride=side - extra,
    )
    before, after = classifier.logits(pair).double().softmax(1)
    np.testing.assert_allclose(maps.benign_drop, float(before[benign_label] - after[benign_label]), atol=1e-5)
    np.testing.assert_allclose(
        maps.adversarial_gain, float(after[adversarial_label] - before[adversarial_label]), atol=1e-5
    )
