"""How many images go through a network at once: tried on the first batches of real work."""

import math

import torch

from vulneuron.network import Classifier
from vulneuron.tracing import trace_calls

#: Bytes that the maps of an engine may take by default.
MEMORY = 256 * 2**20
_SIZES = (4, 8, 16, 32, 64, 128)
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
    least
        Sizes below are not tried, unless `most` is.

    Attributes
    ----------
    most
        Images at once, at most.
    """

    def __init__(self, most: int, *, least: int = _SIZES[0]) -> None:
        self.most = max(most, 1)
        sizes = [size for size in _SIZES if least <= size <= most] or [self.most]
        self._times: dict[int, list[float]] = {size: [] for size in sizes}

    def size(self, left: int) -> int:
        """Size of the next batch, if so many images are left: one that has to be tried, or the best."""
        tried = {size: min(times) for size, times in self._times.items() if len(times) == _TRIES}
        untried = [size for size in self._times if size not in tried and size <= left]
        best = untried[0] if untried else min(tried or self._times, key=lambda size: tried.get(size, size))
        return min(best, left)

    def tell(self, size: int, time: float) -> None:
        """Tell how long an image took, in any unit, when a batch of this size was asked for."""
        if len(tried := self._times.get(size, [0.0] * _TRIES)) < _TRIES:
            tried.append(time)


def most_images(classifier: Classifier, memory: int) -> int:
    """Images whose maps fit into so many bytes, about; at least 1."""
    image = torch.zeros(1, *classifier.input_shape, device=classifier.device)
    largest = max((call.out.numel() for call in trace_calls(classifier.module, image)), default=0)
    values = max(largest, math.prod(classifier.input_shape))
    return max(1, memory // (values * _MAPS * image.element_size()))
