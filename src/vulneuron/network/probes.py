"""Probe images, on which a network is tested before the user's images; comparison of outputs."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

_CELLS = 4
_SAME_VALUES = 1e-5
#: Values to compare first along each axis, and their relative difference that rounding never explains.
_FEW, _FAR = 3, 0.5
#: Standard deviation of the random outputs of the target layer for verification; it covers the bends of relu6
#: and hardswish. That of each map's mean is larger, so that some maps are negative everywhere.
_SPREAD, _MEAN_SPREAD = 8.0, 16.0


def probe_images(shape: tuple[int, int, int], seed: int) -> Tensor:
    """One image of each kind, ``(3, channel, y, x)`` in [0, 1]: noise, smooth blobs, and flat pure colors.

    Convolutions average noise out; the large areas of the other two kinds give larger activations. No image
    is constant, because a network that standardizes each image would divide by zero.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(1, *shape, generator=generator, dtype=torch.float32)
    blobs, colors = torch.rand(2, 1, shape[0], _CELLS, _CELLS, generator=generator, dtype=torch.float32)
    smooth = F.interpolate(blobs, shape[1:], mode="bilinear")
    flat = F.interpolate((colors > 0.5).float(), shape[1:], mode="nearest")
    return torch.cat([noise, smooth, flat])


def random_like(output: Tensor, seed: int) -> Tensor:
    """Random values in the shape of a layer's output; some maps are negative everywhere."""
    generator = torch.Generator().manual_seed(seed)
    means = torch.randn(
        *output.shape[:2], *(1 for _ in output.shape[2:]), generator=generator, dtype=torch.float32
    )
    values = torch.randn(output.shape, generator=generator, dtype=torch.float32)
    return (values * _SPREAD + means * _MEAN_SPREAD).to(output.device)


def max_relative_error(result: Tensor, reference: Tensor) -> float:
    """Largest absolute difference, relative to the largest absolute value of the reference."""
    scale = reference.abs().max().clamp_min(torch.finfo(torch.float32).tiny)
    return float((result - reference).abs().max() / scale)


def same_values(a: Tensor, b: Tensor, *, tolerance: float | None = None) -> bool:
    """Whether two batches have the same values, up to rounding and the shape of a sample."""
    if a.numel() != b.numel() or len(a) != len(b):
        return False
    if a.shape == b.shape and _differ_somewhere(a, b):
        return False
    return max_relative_error(a.reshape(b.shape), b) <= (tolerance or _SAME_VALUES)


def _differ_somewhere(a: Tensor, b: Tensor) -> bool:
    """Whether a few values differ by so much that a comparison of all values is not needed."""
    few = tuple(slice(None, None, max(1, size // _FEW)) for size in b.shape)
    values = b[few]
    return bool((a[few] - values).abs().max() > _FAR * values.abs().max() > 0)
