"""Normalization of a network's input, and its number of input channels."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vulneuron.errors import ModelError


class Normalization(NamedTuple):
    """Mean and standard deviation of each channel, or of all."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


class Normalized(nn.Module):
    """A network preceded by the normalization ``(pixels - mean) / std``; takes pixels in [0, 1]."""

    def __init__(self, net: nn.Module, normalization: Normalization) -> None:
        super().__init__()
        self.net = net
        mean, std = normalization
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(1, -1, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits of pixels in [0, 1]."""
        logits: Tensor = self.net((pixels - self.mean) / self.std)
        return logits


def expected_channels(module: nn.Module) -> int:
    """Input channels of a network: those of its first convolution, or 3 if it has none."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            return layer.in_channels
    return 3


def checked_normalization(
    mean: Sequence[float] | None, std: Sequence[float] | None, channels: int
) -> Normalization | None:
    """Mean and standard deviation of a normalization; None if both are None.

    Raises
    ------
    ModelError
        If `mean` and `std` do not match the number of channels, or a `std` is not positive.
    """
    if mean is None and std is None:
        return None
    mean, std = tuple(mean or [0.0] * channels), tuple(std or [1.0] * channels)
    if len(mean) not in (1, channels) or len(std) not in (1, channels) or min(std) <= 0:
        raise ModelError(
            f"the normalization mean {mean}, std {std} does not match {channels} channels",
            allowed=f"1 or {channels} numbers each, std above 0",
            fix="pass --mean and --std as comma-separated numbers, on the scale of pixels in [0, 1]",
        )
    return Normalization(mean, std)
