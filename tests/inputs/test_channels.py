"""The number of input channels is that of the images, if the model runs on them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from vulneuron.errors import ImagesError
from vulneuron.inputs.channels import open_images_for
from vulneuron.inputs.preprocessing import parse_image_size


def stem(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    )


class DefinedInAnotherOrder(nn.Module):
    """The first convolution that is defined reads feature maps, the second one the images."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.last, self.first = nn.Conv2d(5, 4, 3), nn.Conv2d(channels, 5, 3)
        self.fc = nn.Linear(4, 2)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.last(self.first(images)).mean((2, 3)))
        return logits


class Gray(nn.Module):
    """Takes images with any number of channels, of which it reads the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.net = stem(1)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.net(images.mean(1, keepdim=True))
        return logits


class Opaque(nn.Module):
    """Has no convolution module."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.rand(4, channels, 3, 3))

    def forward(self, images: Tensor) -> Tensor:
        return torch.conv2d(images, self.kernel).mean((2, 3))


def unshuffling() -> nn.Module:
    return nn.Sequential(nn.PixelUnshuffle(2), *stem(12))


def array(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).random((4, *shape), dtype=np.float32)


def as_dataset(images: np.ndarray) -> list[tuple[Tensor, int]]:
    return [(torch.from_numpy(image), 0) for image in images]


@pytest.mark.parametrize(
    ("build", "images", "channels"),
    [
        (unshuffling, array(3, 8, 8), 3),
        (unshuffling, array(8, 8, 3), 3),
        (unshuffling, as_dataset(array(3, 8, 12)), 3),
        (lambda: DefinedInAnotherOrder(3), array(3, 8, 8), 3),
        (lambda: DefinedInAnotherOrder(1), array(8, 8), 1),
        (lambda: DefinedInAnotherOrder(4), (array(4, 8, 8), [0, 1, 0, 1]), 4),
        (lambda: Opaque(1), array(8, 8), 1),
        (lambda: Opaque(6), array(6, 8, 8), 6),
        (Gray, array(3, 8, 8), 3),
        (Gray, array(8, 8), 1),
        (lambda: stem(3), array(8, 8), 3),
        (lambda: stem(1), [Image.new("L", (8, 8)), Image.new("L", (8, 8))], 1),
        (lambda: stem(3), [Image.new("L", (8, 8)), Image.new("L", (8, 8))], 3),
        (lambda: stem(1).double(), array(1, 8, 8), 1),
        (lambda: stem(3), array(3, 8, 12), 3),
    ],
)
def test_channels_are_those_of_the_images(build: Callable[[], nn.Module], images: Any, channels: int) -> None:
    source = open_images_for(build(), images)
    assert source.shape[0] == channels
    assert source.load([0]).shape == (1, *source.shape)


@pytest.mark.parametrize(
    ("build", "channels"),
    [(unshuffling, 3), (lambda: DefinedInAnotherOrder(1), 1), (lambda: stem(1), 1), (Gray, 3)],
)
def test_channels_of_image_files(build: Callable[[], nn.Module], channels: int, tmp_path: Path) -> None:
    Image.new("RGB", (8, 12)).save(tmp_path / "a.png")
    assert open_images_for(build(), tmp_path).shape == (channels, 12, 8)


def test_images_that_do_not_fit_are_compared_with_the_first_convolution() -> None:
    with pytest.raises(ImagesError, match="3 input channels"):
        open_images_for(stem(3), array(5, 8, 8))


@pytest.mark.parametrize(("text", "size"), [("32", (32, 32)), ("32x48", (32, 48)), ("32 X 48", (32, 48))])
def test_image_size_is_a_side_or_two(text: str, size: tuple[int, int]) -> None:
    assert parse_image_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "32x", "axb", "-3", "3.5", "1x2x3", "²"])
def test_bad_image_sizes_are_refused(text: str) -> None:
    with pytest.raises(ImagesError, match="HEIGHTxWIDTH"):
        parse_image_size(text)
