"""Advice on the size of images is a size on which the network runs."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from vulneuron import Classifier
from vulneuron.errors import ModelError


class Viewing(nn.Module):
    """Like many networks for CIFAR: images of another size become more rows of the output."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 6, 3, stride=4, padding=1), nn.Linear(6, 4)

    def forward(self, images: Tensor) -> Tensor:
        maps = nn.functional.avg_pool2d(self.conv(images).relu(), 8)
        logits: Tensor = self.fc(maps.permute(0, 2, 3, 1).reshape(-1, 6))
        return logits


class Checking(nn.Module):
    """Like vision transformers: asserts the size."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.conv, self.fc, self.side = nn.Conv2d(3, 6, 3, stride=8), nn.Linear(6, 4), side

    def forward(self, images: Tensor) -> Tensor:
        assert images.shape[2:] == (self.side, self.side), f"Input size doesn't match model ({self.side})"
        logits: Tensor = self.fc(self.conv(images).relu().mean((2, 3)))
        return logits


def flattening(side: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 8, 8), nn.ReLU(), nn.Flatten(), nn.Linear(4 * (side // 8) ** 2, 4))


@pytest.mark.parametrize(
    ("build", "given", "wanted"),
    [
        (Viewing, (64, 64), 32),
        (Viewing, (96, 64), 32),
        (lambda: Checking(224), (375, 375), 224),
        (lambda: Checking(384), (224, 224), 384),
        (lambda: flattening(224), (64, 64), 224),
        (lambda: flattening(32), (64, 64), 32),
    ],
)
def test_advised_size_is_one_on_which_the_network_runs(
    build: Callable[[], nn.Module], given: tuple[int, int], wanted: int
) -> None:
    net = build()
    with pytest.raises(ModelError, match=rf"--image-size {wanted}\.$") as caught:
        Classifier(net, input_shape=(3, *given))
    assert "only the logits" not in str(caught.value)
    assert Classifier(net, input_shape=(3, wanted, wanted)).classes == 4


def test_no_size_is_advised_if_the_size_is_not_the_cause() -> None:
    class TwoOutputs(nn.Module):
        def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
            return images.mean((2, 3)), torch.zeros(1)

    with pytest.raises(ModelError, match="only the logits"):
        Classifier(TwoOutputs(), input_shape=(3, 16, 16))
