"""Failures that attacks return as blank or unchanged images never count as successes."""

from typing import Any

import pytest
import torch
from torch import Tensor

from victims import SHAPE, predicted, random_images, victim
from vulneuron.attacks import FoolboxAttack, FunctionAttack
from vulneuron.attacks.failures import with_benign_failures
from vulneuron.attacks.foreign import require
from vulneuron.network import Classifier

foolbox = require("foolbox")


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return victim()


def _weak(name: str) -> Any:
    options = {"initial_const": 1e-9, "binary_search_steps": 1, "steps": 2}
    return getattr(foolbox.attacks, name)(**options)


@pytest.mark.parametrize("name", ["L2CarliniWagnerAttack", "EADAttack"])
@pytest.mark.parametrize("eps", [None, 100.0])
def test_black_images_of_foolbox_are_failures(classifier: Classifier, name: str, eps: float | None) -> None:
    images = random_images(12)
    labels = predicted(classifier, images)
    black = predicted(classifier, torch.zeros(1, *SHAPE))
    assert (labels != black).sum() >= 3
    result = FoolboxAttack(_weak(name), eps)(classifier, images, labels)
    assert not result.success.any()
    torch.testing.assert_close(result.images, images, rtol=0, atol=1e-6)


@pytest.mark.parametrize("color", [0.0, 0.5, (0.485, 0.456, 0.406)], ids=["black", "gray", "mean color"])
def test_blank_images_of_a_function_are_failures(classifier: Classifier, color: Any) -> None:
    images = random_images(4)
    blank = torch.tensor(color).reshape(1, -1, 1, 1).expand_as(images).clone()
    labels = (predicted(classifier, blank) + 1) % 4

    def attack(_classifier: Classifier, benign: Tensor, _labels: Tensor) -> Tensor:
        return torch.cat([blank[:2], 1 - benign[2:]])

    result = FunctionAttack(attack)(classifier, images, labels)
    torch.testing.assert_close(result.images, torch.cat([images[:2], 1 - images[2:]]), rtol=0, atol=0)


def test_images_that_are_blank_already_are_left_alone() -> None:
    single = torch.full((1, 3, 1, 1), 0.2)
    assert torch.equal(with_benign_failures(torch.zeros_like(single), single), torch.zeros_like(single))
    flat, other = torch.full((1, 3, 4, 4), 0.2), torch.full((1, 3, 4, 4), 0.4)
    assert torch.equal(with_benign_failures(other, flat), other)
    assert torch.equal(with_benign_failures(torch.zeros_like(flat), flat), flat)
