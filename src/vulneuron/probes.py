"""Images on which a network is tried before the user's images are read."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

_CELLS = 4


def probe_images(shape: tuple[int, int, int], seed: int) -> Tensor:
    """One image of each kind, ``(3, channel, y, x)`` in [0, 1]: noise, soft blobs, and flat pure colours.

    Convolutions average noise away; the large areas of the other two drive feature maps further. No image
    is constant, as a network that standardises each image would divide by zero.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(1, *shape, generator=generator)
    blobs, colours = torch.rand(2, 1, shape[0], _CELLS, _CELLS, generator=generator)
    soft = F.interpolate(blobs, shape[1:], mode="bilinear")
    flat = F.interpolate((colours > 0.5).float(), shape[1:], mode="nearest")
    return torch.cat([noise, soft, flat])
