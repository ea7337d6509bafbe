"""How many images go through a network at once: fitted to memory, tuned on real work, halved on failure."""

import math
from collections.abc import Callable
from typing import TypeVar

import psutil
import torch
from torch import Tensor

from vulneuron.errors import RunError
from vulneuron.network.classifier import Classifier
from vulneuron.network.devices import out_of_memory
from vulneuron.network.tracing import trace_calls

T = TypeVar("T")

#: Bytes that the maps of an engine may take by default.
MEMORY = 256 * 2**20
_SIZES = (4, 8, 16, 32, 64, 128)
#: Maps of the largest size that are in memory at once: a layer's input, its output, a shortcut.
_MAPS = 3
_TRIES = 2
_LARGEST = 256
#: More does not make a CPU faster, as the maps no longer fit its caches.
CPU_BUDGET = 512 * 2**20


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
        untried = [size for size in self._times if size not in tried and size <= min(left, self.most)]
        best = untried[0] if untried else min(tried or self._times, key=lambda size: tried.get(size, size))
        return min(best, left, self.most)

    def halve(self, size: int, error: Exception) -> None:
        """Lower `most` after a batch of this size failed.

        Raises
        ------
        RunError
            If not even one image fits into memory.
        Exception
            The error itself if it is no lack of memory.
        """
        self.most = halved(size, error)

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


def choose_batch_size(classifier: Classifier, *, cpu_budget: int = CPU_BUDGET) -> int:
    """Batch size for gradients with respect to the pixels.

    What autograd keeps for two images less what it keeps for one (weights are kept, too), twice for the
    gradients, is the memory of an image. Half of the free memory of an accelerator, or a quarter of the free
    memory of the machine and `cpu_budget` bytes at most, is divided by it.
    """
    an_image = 2 * (_kept_bytes(classifier, 2) - _kept_bytes(classifier, 1))
    if classifier.device.type == "cuda":
        budget = torch.cuda.mem_get_info(classifier.device)[0] // 2
    else:
        budget = min(psutil.virtual_memory().available // 4, cpu_budget)
    return max(1, min(_LARGEST, int(budget // max(an_image, 1))))


def _kept_bytes(classifier: Classifier, images: int) -> int:
    kept = 0

    def count(tensor: Tensor) -> Tensor:
        nonlocal kept
        kept += tensor.numel() * tensor.element_size()
        return tensor

    pixels = torch.zeros(images, *classifier.input_shape, device=classifier.device, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        classifier(pixels)
    return kept


def in_batches(function: Callable[[slice], T], images: int, batch_size: int) -> list[T]:
    """Results of ``function(slice)`` over `images` in batches; a batch that does not fit is halved.

    Raises
    ------
    RunError
        If not even one image fits into memory.
    """
    starts = range(0, images, batch_size)
    parts = (_or_halves(function, start, min(start + batch_size, images)) for start in starts)
    return [result for part in parts for result in part]


def _or_halves(function: Callable[[slice], T], start: int, stop: int) -> list[T]:
    try:
        return [function(slice(start, stop))]
    except Exception as error:
        middle = start + halved(stop - start, error)
    # Outside of the handler, whose traceback keeps the tensors of the failed batch alive.
    return [*_or_halves(function, start, middle), *_or_halves(function, middle, stop)]


def halved(size: int, error: Exception) -> int:
    """Half of a batch size, after a batch did not fit into memory.

    Raises
    ------
    RunError
        If not even one image fits into memory.
    Exception
        The error itself if it is no lack of memory.
    """
    if not out_of_memory(error):
        raise error
    if size == 1:
        raise RunError(
            "the memory does not suffice for one image",
            allowed="a model and image size that fit",
            fix="choose another --device, or a smaller --image-size",
        ) from error
    return size // 2
