"""Receptive fields, compared with PyTorch, a slow loop and numbers worked out by hand."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from vulneuron.errors import MeasureError
from vulneuron.measures.fields import (
    coverage,
    dead,
    intersection,
    masked_image,
    masks,
    peaks,
    resized,
    union,
    upsample,
)

Floats = npt.NDArray[np.float32]
SIZES = [((4, 4), (32, 32)), ((7, 7), (224, 224)), ((2, 3), (5, 11)), ((6, 5), (4, 3)), ((1, 1), (3, 2))]


def random_maps(*shape: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def upsampled_slowly(feature_map: Floats, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """One pixel at a time, from the four cells around it."""
    height, width = feature_map.shape
    pixels = np.zeros(size)
    for y in range(size[0]):
        for x in range(size[1]):
            row = min(max((y + 0.5) * height / size[0] - 0.5, 0.0), height - 1.0)
            column = min(max((x + 0.5) * width / size[1] - 0.5, 0.0), width - 1.0)
            top, left = math.floor(row), math.floor(column)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            above = feature_map[top, left] * (1 - column + left) + feature_map[top, right] * (column - left)
            below = feature_map[bottom, left] * (1 - column + left) + feature_map[bottom, right] * (
                column - left
            )
            pixels[y, x] = above * (1 - row + top) + below * (row - top)
    return pixels


@pytest.mark.parametrize(("shape", "size"), SIZES)
def test_upsampling_equals_pytorchs(shape: tuple[int, int], size: tuple[int, int]) -> None:
    maps = random_maps(2, 3, *shape)
    expected = F.interpolate(torch.from_numpy(maps), size=size, mode="bilinear", align_corners=False)
    np.testing.assert_allclose(upsample(maps, size), expected.numpy(), atol=1e-6)


@pytest.mark.parametrize(("shape", "size"), [case for case in SIZES if case[1] != (224, 224)])
def test_upsampling_equals_a_slow_loop(shape: tuple[int, int], size: tuple[int, int]) -> None:
    maps = random_maps(3, *shape)
    expected = np.stack([upsampled_slowly(it, size) for it in maps])
    np.testing.assert_allclose(upsample(maps, size), expected, atol=1e-6)


def test_upsampling_and_masking_by_hand() -> None:
    feature_map = np.array([[[0, 4], [0, 0]]], np.float32)
    expected = np.array([[0, 1, 3, 4], [0, 0.75, 2.25, 3], [0, 0.25, 0.75, 1], [0, 0, 0, 0]])
    np.testing.assert_array_equal(upsample(feature_map, (4, 4))[0], expected)
    above_one = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]], bool)
    fields = masks(feature_map, 1.0, (4, 4))
    np.testing.assert_array_equal(fields[0], above_one)
    assert coverage(fields).tolist() == [0.25]
    assert dead(masks(feature_map, 4.0, (4, 4))).tolist() == [True]
    image = np.arange(16, dtype=np.float32).reshape(1, 4, 4) / 16
    seen = masked_image(image, fields[0])
    assert seen.shape == (1, 4, 4)
    assert (seen[0] * 16).tolist() == [[0, 0, 2, 3], [0, 0, 6, 7], [0, 0, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("neurons", [1, 15, 16, 40])
def test_masks_compare_each_neuron_with_its_own_threshold(neurons: int) -> None:
    maps, levels = random_maps(neurons, 3, 4), random_maps(neurons, seed=1) / 4
    fields = masks(maps, levels, (9, 10))
    assert fields.shape == (neurons, 9, 10)
    assert fields.dtype == np.bool_
    for one, level, mask in zip(maps, levels, fields, strict=True):
        np.testing.assert_array_equal(mask, upsampled_slowly(one, (9, 10)) > level)
    np.testing.assert_array_equal(dead(fields), [not mask.any() for mask in fields])
    np.testing.assert_allclose(coverage(fields), [mask.sum() / 90 for mask in fields], atol=1e-6)


@pytest.mark.parametrize("level", [0.0, 0.1, 0.3, 1 / 3, 7.7])
def test_a_neuron_that_only_reaches_its_threshold_captures_nothing(level: float) -> None:
    """A constant feature map must not exceed itself, although weights sum to 1 only up to rounding."""
    for size in [(32, 32), (27, 31), (224, 224)]:
        assert not masks(np.full((2, 7, 5), level, np.float32), level, size).any()


@pytest.mark.parametrize(("shape", "size"), [*SIZES, ((3, 5), (3, 5)), ((5, 4), (7, 9)), ((7, 7), (50, 31))])
def test_peaks_are_the_maxima_of_upsampled_feature_maps(
    shape: tuple[int, int], size: tuple[int, int]
) -> None:
    maps = random_maps(2, 600, *shape)
    expected = upsample(maps, size).max(axis=(-2, -1))
    np.testing.assert_allclose(peaks(maps, size), expected, atol=1e-6)
    slow = upsampled_slowly(maps[1, 7], size).max()
    assert peaks(maps[1, 7], size) == pytest.approx(slow, abs=1e-6)


@pytest.mark.parametrize("size", [(32, 32), (27, 31), (4, 4), (3, 3)])
def test_peaks_and_masks_agree_on_dead_neurons(size: tuple[int, int]) -> None:
    """Including a feature map that just reaches its threshold at a cell; in between, rounding decides."""
    maps = np.maximum(random_maps(4000, 4, 4), 0).round(1)
    maps[:10] = np.arange(10, dtype=np.float32)[:, None, None] / 10
    highest = upsample(maps, size).max(axis=(1, 2))
    for level in np.unique(maps)[::3]:
        fields, expected = peaks(maps, size) <= level, dead(masks(maps, level, size))
        clear = (np.abs(highest - level) > 1e-6) | (maps.max(axis=(1, 2)) == level)
        assert clear.sum() > 3500
        np.testing.assert_array_equal(fields[clear], expected[clear])


def test_no_neurons_give_no_masks() -> None:
    assert masks(random_maps(0, 2, 2), 0.0, (4, 4)).shape == (0, 4, 4)
    assert peaks(random_maps(3, 0, 2, 2), (4, 4)).shape == (3, 0)


def test_images_are_resized_to_the_rf_size() -> None:
    image = np.random.default_rng(0).random((3, 16, 12), np.float32)
    image.setflags(write=False)
    expected = F.interpolate(torch.tensor(image)[None], size=(40, 30), mode="bilinear")[0].numpy()
    np.testing.assert_allclose(resized(image, (40, 30)), expected, atol=1e-6)
    np.testing.assert_array_equal(resized(image, (16, 12)), image)
    # Every third of alternating stripes is again black and white, but their average is nearly gray.
    stripes = np.tile(np.array([0, 1], np.float32), (1, 18, 9))
    assert np.abs(resized(stripes, (18, 6))[0, :, 1:-1] - 0.5).max() < 0.1


def test_masked_images_are_the_resized_image_inside_the_mask_and_0_outside() -> None:
    image = np.random.default_rng(0).random((3, 8, 8), np.float32)
    fields = masks(random_maps(5, 2, 2), 0.0, (20, 20))
    seen = masked_image(image.astype(np.float64), fields)
    assert seen.shape == (5, 3, 20, 20)
    assert seen.dtype == np.float32
    for neuron, mask in enumerate(fields):
        for channel, pixels in enumerate(resized(image, (20, 20))):
            np.testing.assert_array_equal(seen[neuron, channel], np.where(mask, pixels, 0))


def test_union_and_intersection_by_hand() -> None:
    fields = np.array([[[1, 1, 0, 0]], [[1, 0, 1, 0]]], bool)
    assert union(fields).tolist() == [[True, True, True, False]]
    assert intersection(fields).tolist() == [[True, False, False, False]]


@pytest.mark.parametrize("combine", [union, intersection])
def test_combining_no_neuron_is_refused(combine: Any) -> None:
    with pytest.raises(MeasureError, match="given no neuron"):
        combine(np.zeros((0, 4, 4), bool))


@pytest.mark.parametrize("size", [(0, 4), (4, -1), (4.5, 4), (4, True), (4,)])
def test_bad_sizes_are_refused(size: Any) -> None:
    for call in (
        lambda: upsample(random_maps(2, 2, 2), size),
        lambda: masks(random_maps(2, 2, 2), 0.0, size),
        lambda: resized(random_maps(3, 4, 4), size),
    ):
        with pytest.raises(MeasureError, match="two positive integers"):
            call()


def test_another_number_of_thresholds_is_refused() -> None:
    with pytest.raises(MeasureError, match=r"thresholds \(2,\) for 3 feature maps"):
        masks(random_maps(3, 2, 2), np.zeros(2, np.float32), (4, 4))
