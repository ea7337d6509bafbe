"""The plain engine: every substituted image goes through the whole network."""

from collections.abc import Iterator
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from vulneuron.engines.engine import Batch
from vulneuron.network import Classifier
from vulneuron.network.batch_size import MEMORY, BatchSize, most_images
from vulneuron.network.devices import device_clock


class Dense:
    """Lines 7 to 9 of the paper's Algorithm 1, taken literally; exact for every network.

    It runs one forward pass per patch. The images of a batch are built together on the classifier's device,
    in `channels_last` like the network's weights. The fastest batch size for a network is found on its first
    batches and reused.

    Parameters
    ----------
    memory
        Approximate number of bytes that the network's feature maps may take at once.
    """

    name = "dense"

    def __init__(self, *, memory: int = MEMORY) -> None:
        self._memory = memory
        self._sizes: WeakKeyDictionary[Classifier, BatchSize] = WeakKeyDictionary()

    def __call__(
        self,
        classifier: Classifier,
        benign: Tensor,
        adversarial: Tensor,
        centers: Tensor,
        *,
        patch: int,
        batch_size: int | None = None,
    ) -> Iterator[Batch]:
        """Yield logits; see `vulneuron.engines.engine.Engine`."""
        benign, adversarial = (
            image.to(classifier.device)[None].contiguous(memory_format=torch.channels_last)[0]
            for image in (benign, adversarial)
        )
        if classifier not in self._sizes:
            self._sizes[classifier] = BatchSize(most_images(classifier, self._memory))
        clock = device_clock(classifier.device)
        sizes, remaining = self._sizes[classifier], torch.arange(len(centers))
        while len(remaining):
            size = min(batch_size or sizes.size(len(remaining)), sizes.most, len(remaining))
            indices, start = remaining[:size], clock()
            try:
                images = substituted(benign, adversarial, centers[indices].to(classifier.device), patch=patch)
                batch = Batch(indices, classifier.logits(images).cpu())
            except Exception as error:
                sizes.halve(size, error)
                continue
            sizes.record_time(size, (clock() - start) / len(indices))
            remaining = remaining[size:]
            yield batch


def substituted(image: Tensor, other: Tensor, centers: Tensor, *, patch: int) -> Tensor:
    """Copies of an image, each with one patch replaced by the same patch of another image.

    Parameters
    ----------
    image, other
        ``(channel, y, x)``, on the same device.
    centers
        ``(n, 2)``: centers (i, j) of the patches in pixels, on that device.
    patch
        Side of the patches. The patch at (i, j) has rows i - patch/2 .. i + patch/2 - 1, clipped to the
        image, and likewise for columns.

    Returns
    -------
    Tensor
        ``(n, channel, y, x)``.
    """
    rows, columns = (_inside(centers[:, axis], image.shape[1 + axis], patch) for axis in (0, 1))
    return torch.where(rows[:, None, :, None] & columns[:, None, None, :], other, image)


def _inside(centers: Tensor, length: int, patch: int) -> Tensor:
    pixels = torch.arange(length, device=centers.device)
    starts = centers[:, None] - patch // 2
    return (pixels >= starts) & (pixels < starts + patch)
