"""Packed masks, compared with masks of pixels."""

import numpy as np
import pytest

from vulneuron.measures.fields import upsample
from vulneuron.measures.packed_masks import as_packed, positive_masks


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (7, 9), (16, 24), (33, 50)])
def test_masks_are_the_same_after_unpacking(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    masks = rng.random((6, *size)) < np.linspace(0, 1, 6)[:, None, None]
    packed = as_packed(masks)
    assert as_packed(packed) is packed
    assert len(packed) == 6
    np.testing.assert_array_equal(packed.unpacked(), masks)
    np.testing.assert_array_equal(packed.areas, masks.sum(axis=(1, 2)))
    mask = rng.random(size) < 0.5
    np.testing.assert_array_equal(packed.common_areas(mask), (masks & mask).sum(axis=(1, 2)))
    np.testing.assert_array_equal(as_packed(np.ones((1, *size), bool)).patterns[:, 0], packed.full)


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (7, 7), (3, 14), (30, 2)])
@pytest.mark.parametrize("size", [(32, 32), (224, 96), (13, 57), (5, 3)])
def test_positive_masks_are_where_upsampled_maps_are_positive(
    shape: tuple[int, int], size: tuple[int, int]
) -> None:
    """Smooth and rough maps, with tiles that are positive, not positive, or mixed."""
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(40, *shape)) + np.linspace(-2, 2, 40)[:, None, None]).astype(np.float32)
    features[::3] = np.maximum(features[::3], 0)
    upsampled = upsample(features, size)
    masks = positive_masks(features, size).unpacked()
    clear = np.abs(upsampled) > 1e-6
    np.testing.assert_array_equal(masks[clear], (upsampled > 0)[clear])
    np.testing.assert_array_equal(masks[::3], upsampled[::3] > 0)
