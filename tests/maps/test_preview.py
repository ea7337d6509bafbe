"""The preview, compared with the network's response to a small perturbation."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nets import average_pooled, randomized
from victims import SHAPE, random_images, victim
from vulneuron.engines import substituted
from vulneuron.maps.grid import PatchGrid
from vulneuron.maps.preview import preview
from vulneuron.network import Classifier

LABELS = (2, 0)


def test_the_preview_is_the_derivative_of_both_log_probabilities() -> None:
    classifier = victim(1)
    benign, other = random_images(2, 3, contrast=0.8)
    # The network is smooth and computes in float64, so a small step shows its slope.
    adversarial = benign + 1e-3 * (other - benign)
    grid = PatchGrid(SHAPE[1:], 4, 3)
    changes = preview(classifier, benign, adversarial, LABELS, grid)
    images = substituted(benign, adversarial, torch.from_numpy(grid.centers()), patch=4)
    logits = classifier.logits(torch.cat([benign[None], images])).double().log_softmax(1)[:, list(LABELS)]
    expected = (logits[1:] - logits[0]).T.reshape(2, *grid.shape).numpy()
    assert changes.shape == expected.shape
    np.testing.assert_allclose(changes, expected, atol=0.03 * np.abs(expected).max())


def test_the_preview_works_in_inference_mode() -> None:
    benign, adversarial = random_images(2)
    grid = PatchGrid(SHAPE[1:], 4)
    with torch.inference_mode():
        inside = preview(victim(), benign, adversarial, LABELS, grid)
    np.testing.assert_array_equal(inside, preview(victim(), benign, adversarial, LABELS, grid))


def test_no_perturbation_is_no_change() -> None:
    benign = random_images(1)[0]
    assert not preview(victim(), benign, benign.clone(), LABELS, PatchGrid(SHAPE[1:], 4)).any()


class Preprocessed(nn.Module):
    """A network applied to a function of its pixels."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function, self.net = function, randomized(average_pooled())

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.net(self.function(images))
        return logits


@pytest.mark.parametrize("function", [torch.sqrt, torch.round])
def test_the_preview_is_0_without_a_finite_gradient(function: Callable[[Tensor], Tensor]) -> None:
    """Gradients that are infinite at a black pixel, or 0 everywhere."""
    classifier = Classifier(Preprocessed(function), input_shape=SHAPE, device="cpu")
    benign, adversarial = random_images(2)
    benign[:, 0, 0] = 0
    changes = preview(classifier, benign, adversarial, LABELS, PatchGrid(SHAPE[1:], 4, 3))
    assert changes.shape == (2, 3, 3)
    assert not changes.any()
