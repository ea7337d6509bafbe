"""How many images go through a network at once: tried on the first batches of real work."""

import math

import torch

from vulneuron.network import Classifier
from vulneuron.tracing import trace_calls

#: Bytes that the maps of an engine may take by default.
MEMORY = 384 * 2**20
_SIZES = (8, 16, 32, 64, 128)
#: Maps of the largest size that are in memory at once: a layer's input, its output, a shortcut.
_MAPS = 3
_TRIES = 2


class BatchSize:
    """Finds the batch size with the most images a second.

    Each size is tried twice, from the smallest on, and the faster time counts: the first one also pays for
    what a network prepares for a new shape.

    Parameters
    ----------
    most
        Images at once, at most.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._sizes = [size for size in _SIZES if size <= most] or [max(most, 1)]
        self._seconds: dict[int, list[float]] = {size: [] for size in self._sizes}

    @property
    def size(self) -> int:
        """Size of the next batch: one that has to be tried, or the best."""
        untried = [size for size, seconds in self._seconds.items() if len(seconds) < _TRIES]
        return untried[0] if untried else min(self._sizes, key=lambda size: min(self._seconds[size]))

    def tell(self, images: int, seconds: float) -> None:
        """Tell how long a batch took; one of another size, as the last may be, is passed over."""
        if len(tried := self._seconds.get(images, [0.0] * _TRIES)) < _TRIES:
            tried.append(seconds / images)


def most_images(classifier: Classifier, memory: int) -> int:
    """Images whose maps fit into so many bytes, about; at least 1."""
    image = torch.zeros(1, *classifier.input_shape, device=classifier.device)
    largest = max((call.out.numel() for call in trace_calls(classifier.module, image)), default=0)
    values = max(largest, math.prod(classifier.input_shape))
    return max(1, memory // (values * _MAPS * image.element_size()))
