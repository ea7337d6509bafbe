"""The plain engine: every substituted image goes through the whole network."""

from collections.abc import Iterator

import torch
from torch import Tensor

from vulneuron.network import Classifier


class Dense:
    """Algorithm 1 of the paper, lines 7 to 9, as it stands there: exact for every network.

    It takes one forward pass a patch. The inputs of a batch are made at once, on the classifier's device.
    """

    name = "dense"

    def __call__(
        self,
        classifier: Classifier,
        benign: Tensor,
        adversarial: Tensor,
        centres: Tensor,
        *,
        patch: int,
        batch_size: int,
    ) -> Iterator[Tensor]:
        """Yield logits ``(n, class)``; see `vulneuron.substitution.engine.Engine`."""
        device = classifier.device
        benign, adversarial, centres = benign.to(device), adversarial.to(device), centres.to(device)
        for chosen in centres.split(batch_size):
            yield classifier.logits(substituted(benign, adversarial, chosen, patch=patch))


def substituted(image: Tensor, other: Tensor, centres: Tensor, *, patch: int) -> Tensor:
    """Copies of an image, each with one patch of it replaced by the same patch of another image.

    Parameters
    ----------
    image, other
        ``(channel, y, x)``, on one device.
    centres
        ``(n, 2)``: centres (i, j) of the patches, in pixels, on that device.
    patch
        Side of the patches; that around (i, j) has rows i - patch/2 .. i + patch/2 - 1, clipped to the image.

    Returns
    -------
    Tensor
        ``(n, channel, y, x)``.
    """
    rows, columns = (_inside(centres[:, axis], image.shape[1 + axis], patch) for axis in (0, 1))
    return torch.where(rows[:, None, :, None] & columns[:, None, None, :], other, image)


def _inside(centres: Tensor, length: int, patch: int) -> Tensor:
    pixels = torch.arange(length, device=centres.device)
    starts = centres[:, None] - patch // 2
    return (pixels >= starts) & (pixels < starts + patch)
