"""Recognizes images that attacks return for failures, and that a network may misclassify nevertheless."""

import torch
from torch import Tensor


def with_benign_failures(adversarial: Tensor, images: Tensor) -> Tensor:
    """Replace blank images by the benign ones, so a failure of the attack never counts as a success.

    Attacks that search for the smallest perturbation, such as foolbox's Carlini-Wagner, return blank images
    where they find none. A blank image has one color, or is black, although the benign image is not.

    Parameters
    ----------
    adversarial, images
        ``(n, channel, y, x)``, on the same device.
    """
    blank = _one_color(adversarial) & ~_one_color(images)
    if images[0, 0].numel() > 1:
        blank |= _black(adversarial) & ~_black(images)
    return torch.where(blank[:, None, None, None], images, adversarial)


def _one_color(images: Tensor) -> Tensor:
    values = images.flatten(2)
    return (values == values[:, :, :1]).flatten(1).all(dim=1)


def _black(images: Tensor) -> Tensor:
    return (images == 0).flatten(1).all(dim=1)
