"""Contract tests of attacks."""

import pytest
import torch
from torch import Tensor, nn

from vulneuron.attacks import Attack
from vulneuron.network import Classifier

_SHAPE = (3, 8, 8)
_CLASSES = 4


def small_classifier() -> Classifier:
    """A random convolutional network for images of 8 x 8 pixels, with four classes."""
    torch.manual_seed(0)
    body = [nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return Classifier(nn.Sequential(*body, nn.Linear(6, _CLASSES)), input_shape=_SHAPE, device="cpu")


class AttackTests:
    """Contract of every attack.

    Inherit from this class, and provide the fixture `attack`.
    """

    @pytest.fixture
    def attack(self) -> Attack:
        """The attack to test."""
        pytest.fail("provide the fixture `attack`")

    @pytest.fixture
    def classifier(self) -> Classifier:
        """The attacked network."""
        return small_classifier()

    @pytest.fixture
    def images(self) -> Tensor:
        """Random images, including black and white pixels."""
        return (
            torch.rand(5, *_SHAPE, generator=torch.Generator().manual_seed(1)).mul(1.4).sub(0.2).clamp(0, 1)
        )

    @pytest.fixture
    def labels(self, classifier: Classifier, images: Tensor) -> Tensor:
        """The network's own predictions, because only correctly classified images are attacked."""
        return classifier.logits(images).argmax(dim=1)

    def test_results_are_images_in_the_ball(
        self, attack: Attack, classifier: Classifier, images: Tensor, labels: Tensor
    ) -> None:
        """Pixels are in [0, 1] and, if the attack has a ball, within its radius."""
        adversarial = attack.adversarial_images(classifier, images, labels)
        assert adversarial.shape == images.shape
        assert 0 <= adversarial.min() <= adversarial.max() <= 1
        if attack.ball is not None:
            assert torch.equal(attack.ball.project(adversarial, images).clamp(0, 1), adversarial)

    def test_inputs_are_not_changed(
        self, attack: Attack, classifier: Classifier, images: Tensor, labels: Tensor
    ) -> None:
        """The passed images and labels are not modified."""
        before = images.clone(), labels.clone()
        attack.adversarial_images(classifier, images, labels)
        assert torch.equal(images, before[0])
        assert torch.equal(labels, before[1])

    def test_same_seeds_same_images(
        self, attack: Attack, classifier: Classifier, images: Tensor, labels: Tensor
    ) -> None:
        """The same seeds give the same results."""
        seeds = list(range(len(images)))
        once, again = (attack.adversarial_images(classifier, images, labels, seeds=seeds) for _ in range(2))
        assert torch.equal(once, again)

    def test_results_do_not_depend_on_the_batch(
        self, attack: Attack, classifier: Classifier, images: Tensor, labels: Tensor
    ) -> None:
        """An image is attacked the same way alone and in a batch, up to rounding."""
        seeds = list(range(len(images)))
        whole = attack.adversarial_images(classifier, images, labels, seeds=seeds)
        alone = attack.adversarial_images(classifier, images[2:3], labels[2:3], seeds=seeds[2:3])
        torch.testing.assert_close(alone[0], whole[2], rtol=0, atol=1e-5)

    def test_parameters_are_json(self, attack: Attack) -> None:
        """Name and parameters describe the attack in a record."""
        assert attack.name
        for name, value in attack.parameters().items():
            assert isinstance(name, str)
            assert value is None or isinstance(value, str | int | float | bool)
