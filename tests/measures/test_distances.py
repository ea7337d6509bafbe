"""Distances between neurons, compared with loops over pixels and with numbers worked out by hand."""

import math

import numpy as np
import numpy.typing as npt
import pytest

from vulneuron.measures.distances import feature_map_distances, iou_distances, receptive_field_distances
from vulneuron.measures.fields import masked_image, masks

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


def some_fields(seed: int, size: tuple[int, int] = (20, 24)) -> tuple[Bools, Bools, Floats, Floats]:
    """Neurons 0 and 1 are dead on both images, 2 on the benign one; 3 and 4 are equal."""
    rng = np.random.default_rng(seed)
    maps = rng.normal(size=(2, 12, 4, 4)).astype(np.float32)
    maps[:, :2] = maps[0, 2] = -1
    maps[:, 3] = maps[:, 4]
    benign, adversarial = (masks(side, 0.3, size) for side in maps)
    images = rng.random((2, 3, *size), np.float32)
    return benign, adversarial, images[0], images[1]


def test_receptive_field_distances_by_hand() -> None:
    """White pixels of three channels: masks that differ in one have distance sqrt(3)."""
    benign = np.array([[[1, 0]], [[1, 1]], [[0, 0]]], bool)
    adversarial = np.array([[[0, 0]], [[1, 0]], [[0, 0]]], bool)
    image = np.ones((3, 1, 2), np.float32)
    distances = receptive_field_distances(benign, adversarial, image, image)
    expected = np.sqrt(np.array([[0.0, 6, 3], [6, 0, 9], [3, 9, 0]]))
    np.testing.assert_allclose(distances.values, expected, atol=1e-12)
    assert distances.dead.tolist() == [False, False, True]


@pytest.mark.parametrize("seed", range(3))
def test_receptive_field_distances_equal_a_loop(seed: int) -> None:
    benign, adversarial, benign_image, adversarial_image = some_fields(seed)
    distances = receptive_field_distances(benign, adversarial, benign_image, adversarial_image)
    shown = masked_image(benign_image, benign), masked_image(adversarial_image, adversarial)
    pictures = np.concatenate([pictures.reshape(12, -1) for pictures in shown], axis=1)
    for one in range(12):
        for other in range(12):
            squares = ((pictures[one].astype(np.float64) - pictures[other]) ** 2).tolist()
            assert distances.values[one, other] == pytest.approx(math.sqrt(math.fsum(squares)), abs=1e-9)
    np.testing.assert_array_equal(distances.values, distances.values.T)


@pytest.mark.parametrize("seed", range(3))
def test_equal_neurons_are_at_distance_0(seed: int) -> None:
    benign, adversarial, *images = some_fields(seed, (224, 224))
    maps = np.random.default_rng(seed).normal(size=(2, 12, 4, 4))
    maps[:, :2] = 0
    maps[:, 3] = maps[:, 4]
    for distances in (
        receptive_field_distances(benign, adversarial, *images),
        iou_distances(benign, adversarial),
        feature_map_distances(*maps),
    ):
        assert distances.dead.tolist() == [True, True] + [False] * 10
        assert distances.values[0, 1] == distances.values[3, 4] == 0
        assert distances.values[2:, :2].min() > 0
        assert distances.values[3, 5:].min() > 0


@pytest.mark.parametrize("seed", range(3))
def test_iou_distances_equal_a_loop_over_both_images(seed: int) -> None:
    benign, adversarial, *_ = some_fields(seed)
    distances = iou_distances(benign, adversarial)
    for one in range(12):
        for other in range(12):
            pixels = [
                {(side, pixel) for side, masks in enumerate((benign, adversarial))
                 for pixel in np.flatnonzero(masks[neuron])}
                for neuron in (one, other)
            ]  # fmt: skip
            common, union = len(pixels[0] & pixels[1]), len(pixels[0] | pixels[1])
            # Two dead neurons share no pixel, but are equal.
            assert distances.values[one, other] == pytest.approx(1 - common / union if union else 0)


def test_feature_map_distances_equal_a_loop() -> None:
    benign, adversarial = np.random.default_rng(0).normal(size=(2, 6, 3, 5)).astype(np.float32)
    distances = feature_map_distances(benign, adversarial)
    assert not distances.dead.any()
    for one in range(6):
        for other in range(6):
            squares = [
                (float(first) - float(second)) ** 2
                for maps in (benign, adversarial)
                for first, second in zip(maps[one].ravel(), maps[other].ravel(), strict=True)
            ]
            assert distances.values[one, other] == pytest.approx(math.sqrt(math.fsum(squares)))
