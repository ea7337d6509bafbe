"""Probe images, on which a network is tried before a user's images, and the comparison of its outputs."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

_CELLS = 4
_SAME_VALUES = 1e-5


def probe_images(shape: tuple[int, int, int], seed: int) -> Tensor:
    """One image of each kind, ``(3, channel, y, x)`` in [0, 1]: noise, soft blobs, and flat pure colors.

    Convolutions average noise away; the large areas of the other two drive feature maps further. No image
    is constant, as a network that standardizes each image would divide by zero.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(1, *shape, generator=generator)
    blobs, colors = torch.rand(2, 1, shape[0], _CELLS, _CELLS, generator=generator)
    soft = F.interpolate(blobs, shape[1:], mode="bilinear")
    flat = F.interpolate((colors > 0.5).float(), shape[1:], mode="nearest")
    return torch.cat([noise, soft, flat])


def max_relative_error(result: Tensor, reference: Tensor) -> float:
    """Largest absolute difference, relative to the largest absolute value of the reference."""
    scale = reference.abs().max().clamp_min(torch.finfo(torch.float32).tiny)
    return float((result - reference).abs().max() / scale)


def same_values(a: Tensor, b: Tensor) -> bool:
    """Whether two batches hold the same values, up to rounding and the shape of a sample."""
    if a.numel() != b.numel() or len(a) != len(b):
        return False
    return max_relative_error(a.reshape(b.shape), b) <= _SAME_VALUES
