"""How many images go through the network at once: measured, not guessed, and halved when memory runs out."""

from collections.abc import Callable
from typing import TypeVar

import psutil
import torch
from torch import Tensor

from vulneuron.errors import RunError
from vulneuron.memory import out_of_memory
from vulneuron.network import Classifier

T = TypeVar("T")

_LARGEST = 256
#: More does not make a CPU faster, as the maps no longer fit its caches.
_CPU_BUDGET = 512 * 2**20


def choose_batch_size(classifier: Classifier) -> int:
    """Batch size for gradients with respect to the pixels.

    What autograd keeps for two images less what it keeps for one (weights are kept, too), twice for the
    gradients, is the memory of an image. Half of the free memory of an accelerator, or a quarter of the free
    memory of the machine and 512 MiB at most, is divided by it.
    """
    an_image = 2 * (_kept_bytes(classifier, 2) - _kept_bytes(classifier, 1))
    if classifier.device.type == "cuda":
        budget = torch.cuda.mem_get_info(classifier.device)[0] // 2
    else:
        budget = min(psutil.virtual_memory().available // 4, _CPU_BUDGET)
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
        if not out_of_memory(error):
            raise
        if stop - start == 1:
            raise RunError(
                "the memory does not suffice for one image",
                allowed="a model and image size that fit",
                fix="choose another --device, or a smaller --image-size",
            ) from error
    # Outside of the handler, whose traceback keeps the tensors of the failed batch alive.
    middle = (start + stop) // 2
    return [*_or_halves(function, start, middle), *_or_halves(function, middle, stop)]
