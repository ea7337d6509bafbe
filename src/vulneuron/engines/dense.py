"""The plain engine: every substituted image goes through the whole network."""

from collections.abc import Iterator
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from vulneuron.engines.clock import clock_of
from vulneuron.engines.engine import Batch
from vulneuron.network import Classifier
from vulneuron.network.batch_size import MEMORY, BatchSize, most_images


class Dense:
    """Algorithm 1 of the paper, lines 7 to 9, as it stands there: exact for every network.

    It takes one forward pass a patch. The inputs of a batch are made at once, on the classifier's device, in
    `channels_last` as the network's weights are. The batch size that is fastest for a network is found on the
    first batches, and remembered.

    Parameters
    ----------
    memory
        Bytes that the network's maps may take at once, about.
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
        clock = clock_of(classifier.device)
        sizes, left = self._sizes[classifier], torch.arange(len(centers))
        while len(left):
            size = min(batch_size or sizes.size(len(left)), sizes.most, len(left))
            chosen, left = left[:size], left[size:]
            start = clock()
            images = substituted(benign, adversarial, centers[chosen].to(classifier.device), patch=patch)
            batch = Batch(chosen, classifier.logits(images).cpu())
            sizes.tell(size, (clock() - start) / len(chosen))
            yield batch


def substituted(image: Tensor, other: Tensor, centers: Tensor, *, patch: int) -> Tensor:
    """Copies of an image, each with one patch of it replaced by the same patch of another image.

    Parameters
    ----------
    image, other
        ``(channel, y, x)``, on one device.
    centers
        ``(n, 2)``: centers (i, j) of the patches, in pixels, on that device.
    patch
        Side of the patches; that around (i, j) has rows i - patch/2 .. i + patch/2 - 1, clipped to the image.

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
