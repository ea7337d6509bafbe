"""When two tensors count as the same values."""

import torch
from torch import Tensor

_SAME_VALUES = 1e-5


def max_relative_error(result: Tensor, reference: Tensor) -> float:
    """Largest absolute difference, relative to the largest absolute value of the reference."""
    scale = reference.abs().max().clamp_min(torch.finfo(torch.float32).tiny)
    return float((result - reference).abs().max() / scale)


def same_values(a: Tensor, b: Tensor) -> bool:
    """Whether two batches hold the same values, up to rounding and the shape of a sample."""
    if a.numel() != b.numel() or len(a) != len(b):
        return False
    return max_relative_error(a.reshape(b.shape), b) <= _SAME_VALUES
