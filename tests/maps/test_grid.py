"""Patch positions, compared with the two loops of the paper's Algorithm 1."""

from typing import Any

import numpy as np
import pytest

from vulneuron.errors import MeasureError
from vulneuron.maps.grid import PatchGrid, default_patch

GRIDS = [((6, 6), 2, 1), ((7, 5), 4, 2), ((5, 9), 6, 3), ((4, 4), 8, 1), ((8, 3), 2, 8)]


@pytest.mark.parametrize(("size", "patch", "stride"), GRIDS)
def test_centers_equal_those_of_two_loops(size: tuple[int, int], patch: int, stride: int) -> None:
    grid = PatchGrid(size, patch, stride)
    expected = [(i, j) for i in range(0, size[0], stride) for j in range(0, size[1], stride)]
    assert [tuple(center) for center in grid.centers().tolist()] == expected
    assert grid.shape[0] * grid.shape[1] == len(expected)


def test_shape_is_rounded_up() -> None:
    assert PatchGrid((7, 5), 4, 2).shape == (4, 3)
    assert PatchGrid((224, 224), 28, 8).shape == (28, 28)


@pytest.mark.parametrize(("size", "patch", "stride"), GRIDS)
@pytest.mark.parametrize("density", [0.0, 0.05, 0.3])
def test_touched_patches_contain_a_pixel(
    size: tuple[int, int], patch: int, stride: int, density: float
) -> None:
    pixels = np.random.default_rng(1).random(size) < density
    grid, half = PatchGrid(size, patch, stride), patch // 2
    expected = [
        pixels[max(i - half, 0) : i + half, max(j - half, 0) : j + half].any() for i, j in grid.centers()
    ]
    assert grid.touched(pixels).ravel().tolist() == expected
    assert grid.touched(pixels).shape == grid.shape


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (1, 5), (2, 2), (3, 3)])
def test_the_default_patch_is_allowed_for_the_smallest_images(size: tuple[int, int]) -> None:
    grid = PatchGrid.for_image(size)
    assert grid.patch == (2 if size == (1, 1) else 4)
    assert grid.shape == size


def test_the_default_patch_is_an_even_eighth_of_at_least_four() -> None:
    sizes = {(32, 32): 4, (224, 224): 28, (12, 12): 4, (299, 299): 38, (64, 128): 8, (96, 96): 12}
    assert {size: default_patch(size) for size in sizes} == sizes


@pytest.mark.parametrize("patch", [0, -2, 1, 3, 5, 66, 4.0, True, "4"])
def test_bad_patches_are_refused(patch: Any) -> None:
    with pytest.raises(
        MeasureError, match=r"Allowed: an even number of pixels from 2 to 64\. Leave it out for 4"
    ):
        PatchGrid((32, 32), patch)


@pytest.mark.parametrize("stride", [0, -1, 33, 1.5, False])
def test_bad_strides_are_refused(stride: Any) -> None:
    with pytest.raises(MeasureError, match="Allowed: a number of pixels from 1 to 32"):
        PatchGrid((24, 32), 4, stride)
