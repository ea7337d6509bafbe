"""Intersection over union, compared with sets of pixels."""

import numpy as np
import numpy.typing as npt
import pytest

from vulneuron.errors import MeasureError
from vulneuron.measures.overlap import iou

Bools = npt.NDArray[np.bool_]


def iou_slowly(first: Bools, second: Bools) -> float:
    one, other = set(np.flatnonzero(first)), set(np.flatnonzero(second))
    return len(one & other) / len(one | other) if one | other else 0.0


def random_masks(neurons: int, *size: int, seed: int = 0) -> Bools:
    """Masks of all densities, including empty and full ones."""
    rng = np.random.default_rng(seed)
    return rng.random((neurons, *size)) < np.linspace(0, 1, neurons)[:, None, None]


SHAPES = [(1, 1, 1), (5, 4, 6), (70, 8, 8), (3, 130, 130)]


@pytest.mark.parametrize("shape", SHAPES)
def test_iou_equals_that_of_pixel_sets(shape: tuple[int, int, int]) -> None:
    masks = random_masks(*shape)
    for mask in (random_masks(3, *shape[1:], seed=1)[1], np.zeros(shape[1:], bool), np.ones(shape[1:], bool)):
        expected = [iou_slowly(one, mask) for one in masks]
        overlaps = iou(masks, mask)
        assert overlaps.dtype == np.float32
        np.testing.assert_allclose(overlaps, expected, atol=1e-6)


def test_iou_by_hand() -> None:
    masks: Bools = np.array([[[1, 1, 0, 0]], [[0, 1, 1, 1]], [[0, 0, 0, 0]]], bool)
    mask = np.array([[0, 1, 1, 0]], bool)
    np.testing.assert_allclose(iou(masks, mask), [1 / 3, 2 / 3, 0], rtol=1e-6)


def test_masks_may_be_noncontiguous() -> None:
    masks = random_masks(6, 8, 8)[::2, :, ::2]
    np.testing.assert_array_equal(iou(masks, masks[1]), iou(masks.copy(), masks[1].copy()))


def test_no_neurons_give_no_values() -> None:
    assert iou(np.zeros((0, 3, 3), bool), np.ones((3, 3), bool)).shape == (0,)


def test_masks_that_do_not_fit_are_refused() -> None:
    masks = random_masks(3, 4, 4)
    with pytest.raises(MeasureError, match=r"given a mask as bool \(4, 5\).*Allowed: bool \(4, 4\)"):
        iou(masks, np.zeros((4, 5), bool))
    with pytest.raises(MeasureError, match="given a mask as float64"):
        iou(masks, np.zeros((4, 4)))  # type: ignore[arg-type]
    with pytest.raises(MeasureError, match="given masks as float32"):
        iou(masks.astype(np.float32), masks[0])
    with pytest.raises(MeasureError, match=r"given masks as bool \(4, 4\)"):
        iou(masks[0], masks[0, 0])
