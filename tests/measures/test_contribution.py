"""Contributions, compared with loops and with a pair worked out by hand."""

import numpy as np
import numpy.typing as npt
import pytest

from vulneuron.errors import MeasureError
from vulneuron.measures.contribution import (
    WEIGHTS,
    Weights,
    contributions,
    curve_weights,
    label_contributions,
)

Floats = npt.NDArray[np.float32]
WEIGHT = np.array([[1, 2, 0], [3, -1, 2]], np.float32)
BENIGN, ADVERSARIAL = np.array([1, 2, 3], np.float32), np.array([2, 0, 1], np.float32)

#: Benign and adversarial curve of an image of class 0 that is taken for class 1.
BY_HAND: dict[Weights, tuple[list[int], list[int]]] = {
    "own": ([1, 4, 0], [6, 0, 2]),
    "benign": ([1, 4, 0], [2, 0, 0]),
    "adversarial": ([3, -2, 6], [6, 0, 2]),
    "margin": ([2, -6, 6], [4, 0, 2]),
}


def slow_curves(
    activation: Floats, weight: Floats, labels: tuple[int, int], weights: Weights
) -> list[list[float]]:
    """Both curves of activations (side, neuron)."""
    curves = []
    for side in range(2):
        curve = []
        for neuron in range(activation.shape[1]):
            factors = [float(weight[label, neuron]) for label in labels]
            factor = {
                "own": factors[side],
                "benign": factors[0],
                "adversarial": factors[1],
                "margin": factors[1] - factors[0],
            }[weights]
            curve.append(float(activation[side, neuron]) * factor)
        curves.append(curve)
    return curves


@pytest.mark.parametrize("weights", WEIGHTS)
def test_a_pair_by_hand(weights: Weights) -> None:
    curves = contributions(BENIGN, ADVERSARIAL, WEIGHT, benign_label=0, adversarial_label=1, weights=weights)
    benign, adversarial = BY_HAND[weights]
    assert curves.benign.tolist() == benign
    assert curves.adversarial.tolist() == adversarial
    assert (curves.adversarial - curves.benign).tolist() == np.subtract(adversarial, benign).tolist()


def test_margin_sums_to_the_change_of_the_logit_margin() -> None:
    """Logits (5, 7) become (2, 8), with any bias: the margin goes from 2 to 6."""
    curves = contributions(BENIGN, ADVERSARIAL, WEIGHT, benign_label=0, adversarial_label=1, weights="margin")
    assert (curves.adversarial - curves.benign).sum() == 4


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("seed", range(3))
def test_many_pairs_equal_loops(weights: Weights, seed: int) -> None:
    rng = np.random.default_rng(seed)
    activation = rng.normal(size=(20, 2, 7)).astype(np.float32)
    weight = rng.normal(size=(5, 7)).astype(np.float32)
    labels = rng.integers(0, 5, (20, 2))
    curves = contributions(
        activation[:, 0],
        activation[:, 1],
        weight,
        benign_label=labels[:, 0],
        adversarial_label=labels[:, 1],
        weights=weights,
    )
    assert curves.benign.shape == curves.adversarial.shape == (20, 7)
    for pair in range(20):
        one, other = (int(label) for label in labels[pair])
        slow = slow_curves(activation[pair], weight, (one, other), weights)
        np.testing.assert_allclose([curves.benign[pair], curves.adversarial[pair]], slow, rtol=1e-12)
        benign, adversarial = activation[pair]
        alone = contributions(
            benign, adversarial, weight, benign_label=one, adversarial_label=other, weights=weights
        )
        np.testing.assert_array_equal(alone.benign, curves.benign[pair])
        np.testing.assert_array_equal(alone.adversarial, curves.adversarial[pair])


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("shape", [(), (6,)])
def test_gradient_times_activation_equals_activation_times_weight(
    weights: Weights, shape: tuple[int, ...]
) -> None:
    """For a linear head, gradient x activation is activation x weight."""
    rng = np.random.default_rng(0)
    activation = rng.normal(size=(*shape, 2, 4)).astype(np.float32)
    weight = rng.normal(size=(3, 4)).astype(np.float32)
    stored = activation[..., :, None, :] * weight[[2, 0]]
    curves = label_contributions(stored, weights)
    expected = contributions(
        activation[..., 0, :],
        activation[..., 1, :],
        weight,
        benign_label=2,
        adversarial_label=0,
        weights=weights,
    )
    np.testing.assert_allclose(curves.benign, expected.benign, atol=1e-6)
    np.testing.assert_allclose(curves.adversarial, expected.adversarial, atol=1e-6)


def test_curve_weights_by_hand() -> None:
    curves = curve_weights(WEIGHT, benign_label=0, adversarial_label=1)
    assert curves.benign.tolist() == [1, 2, 0]
    assert curves.adversarial.tolist() == [3, -1, 2]
    margin = curve_weights(WEIGHT, benign_label=0, adversarial_label=1, weights="margin")
    assert margin.benign.tolist() == margin.adversarial.tolist() == [2, -3, 2]


def test_unknown_weights_are_refused() -> None:
    with pytest.raises(MeasureError, match=r"weights = 'both'.*own, benign, adversarial, margin"):
        curve_weights(WEIGHT, benign_label=0, adversarial_label=1, weights="both")  # type: ignore[arg-type]
    with pytest.raises(MeasureError, match="weights = 'both'"):
        label_contributions(np.zeros((2, 2, 3)), "both")  # type: ignore[arg-type]


@pytest.mark.parametrize("label", [-1, 2])
def test_an_unknown_label_is_refused(label: int) -> None:
    with pytest.raises(MeasureError, match=f"labels from {label} to {label}.*0 to 1"):
        curve_weights(WEIGHT, benign_label=0, adversarial_label=label)
