"""Batch sizes: fitted to the memory, tuned by measured times, halved when out of memory."""

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

#: Bytes that an engine's feature maps may take by default.
MEMORY = 256 * 2**20
_SIZES = (4, 8, 16, 32, 64, 128)
#: Number of largest feature maps in memory at once: a layer's input, its output, a shortcut.
_FEATURES_AT_ONCE = 3
_TRIES = 2
_LARGEST = 256
#: A larger budget does not make a CPU faster, because the feature maps no longer fit into its caches.
CPU_BUDGET = 512 * 2**20


class BatchSize:
    """Finds the batch size with the most images per second.

    Each size is tried twice, from the smallest to the largest, and the faster time counts, because the first
    one may include one-time preparations for a new shape.

    Parameters
    ----------
    most
        Largest batch size.
    least
        Smallest batch size to try; if `most` is smaller, only `most` is tried.

    Attributes
    ----------
    most
        Largest batch size.
    """

    def __init__(self, most: int, *, least: int = _SIZES[0]) -> None:
        self.most = max(most, 1)
        sizes = [size for size in _SIZES if least <= size <= most] or [self.most]
        self._times: dict[int, list[float]] = {size: [] for size in sizes}

    def size(self, remaining: int) -> int:
        """Size of the next batch for this many remaining images: an untried one, or the fastest."""
        tried = {size: min(times) for size, times in self._times.items() if len(times) == _TRIES}
        untried = [size for size in self._times if size not in tried and size <= min(remaining, self.most)]
        best = untried[0] if untried else min(tried or self._times, key=lambda size: tried.get(size, size))
        return min(best, remaining, self.most)

    def halve(self, size: int, error: Exception) -> None:
        """Lower `most` after a batch of this size failed.

        Raises
        ------
        RunError
            If not even one image fits into memory.
        Exception
            The error itself, if it does not mean out of memory.
        """
        self.most = halved(size, error)

    def record_time(self, size: int, time: float) -> None:
        """Record the time per image, in any unit, of a batch whose size was `size`."""
        if len(times := self._times.get(size, [0.0] * _TRIES)) < _TRIES:
            times.append(time)


def most_images(classifier: Classifier, memory: int) -> int:
    """Approximate number of images whose feature maps fit into this many bytes; at least 1."""
    image = torch.zeros(1, *classifier.input_shape, dtype=torch.float32, device=classifier.device)
    calls = trace_calls(classifier.module, lambda: classifier.module(image))
    largest = max((call.out.numel() for call in calls), default=0)
    values = max(largest, math.prod(classifier.input_shape))
    return max(1, memory // (values * _FEATURES_AT_ONCE * image.element_size()))


def choose_batch_size(classifier: Classifier, *, cpu_budget: int = CPU_BUDGET) -> int:
    """Batch size for gradients with respect to the pixels.

    The memory per image is the difference between the bytes that autograd saves for two images and for one
    (both include the weights), doubled for the gradients. The budget is half of the free memory of an
    accelerator; on the CPU, a quarter of the free memory, at most `cpu_budget` bytes.
    """
    bytes_per_image = 2 * (_saved_bytes(classifier, 2) - _saved_bytes(classifier, 1))
    if classifier.device.type == "cuda":
        budget = torch.cuda.mem_get_info(classifier.device)[0] // 2
    else:
        budget = min(psutil.virtual_memory().available // 4, cpu_budget)
    return max(1, min(_LARGEST, int(budget // max(bytes_per_image, 1))))


def _saved_bytes(classifier: Classifier, images: int) -> int:
    saved = 0

    def count(tensor: Tensor) -> Tensor:
        nonlocal saved
        saved += tensor.numel() * tensor.element_size()
        return tensor

    shape = (images, *classifier.input_shape)
    pixels = torch.zeros(shape, dtype=torch.float32, device=classifier.device, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        classifier(pixels)
    return saved


def in_batches(function: Callable[[slice], T], images: int, batch_size: int) -> list[T]:
    """Results of ``function(slice)`` for batches of `images`; batches that do not fit into memory are halved.

    Raises
    ------
    RunError
        If not even one image fits into memory.
    """
    starts = range(0, images, batch_size)
    batches = (_in_halves(function, start, min(start + batch_size, images)) for start in starts)
    return [result for results in batches for result in results]


def _in_halves(function: Callable[[slice], T], start: int, stop: int) -> list[T]:
    try:
        return [function(slice(start, stop))]
    except Exception as error:
        middle = start + halved(stop - start, error)
    # Outside the handler, because the traceback keeps the tensors of the failed batch alive.
    return [*_in_halves(function, start, middle), *_in_halves(function, middle, stop)]


def halved(size: int, error: Exception) -> int:
    """Half of a batch size, after a batch did not fit into memory.

    Raises
    ------
    RunError
        If not even one image fits into memory.
    Exception
        The error itself, if it does not mean out of memory.
    """
    if not out_of_memory(error):
        raise error
    if size == 1:
        raise RunError(
            "one image does not fit into memory",
            allowed="a model and image size that fit",
            fix="choose another --device, or a smaller --image-size",
        ) from error
    return size // 2
