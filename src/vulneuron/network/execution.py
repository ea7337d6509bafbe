"""How a network runs: the precision of its weights, and the memory layout of its images."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vulneuron.errors import ModelError
from vulneuron.network.checks import checked_logits
from vulneuron.network.copying import prepared
from vulneuron.network.probes import probe_images
from vulneuron.network.quiet import quiet
from vulneuron.network.weights import is_float32

#: The first one is faster, but fails for networks with ``x.view(len(x), -1)``.
_LAYOUTS = (torch.channels_last, torch.contiguous_format)


@dataclass(frozen=True)
class Execution:
    """A network that runs, the memory layout of its images and weights, and its logits of the probes."""

    net: nn.Module
    layout: torch.memory_format
    logits: Tensor


def choose_execution(net: nn.Module, whole: Callable[[nn.Module], nn.Module], probe: Tensor) -> Execution:
    """The first combination of precision and layout in which a network runs.

    Weights become float32, unless the network casts its images to the type of its weights.

    Parameters
    ----------
    net
        The network, which may be modified.
    whole
        Adds to the network the modules before and after it.
    probe
        Images ``(n, channel, y, x)``, contiguous.

    Raises
    ------
    ModelError
        If the network does not run in any of them.
    """
    errors = []
    for candidate in _precisions(net):
        for layout in _LAYOUTS:
            set_layout(candidate, layout)
            try:
                return Execution(candidate, layout, checked_logits(whole(candidate), probe, layout))
            except ModelError as error:
                errors.append(error)
    # That of float32 weights, and images in the layout that all networks expect.
    raise errors[len(_LAYOUTS) - 1]


def _precisions(net: nn.Module) -> Iterator[nn.Module]:
    if is_float32(net):
        yield net
    else:
        yield deepcopy(net).float()
        yield net


def runs_on(model: nn.Module, shape: tuple[int, int, int]) -> bool:
    """Whether a copy of a model runs on an image ``(channel, y, x)``, whatever it returns.

    Raises
    ------
    ModelError
        Like `prepared`.
    """
    net = prepared(model, copy=True)
    device = next((tensor.device for tensor in net.parameters()), torch.device("cpu"))
    image = probe_images(shape, 0)[:1].to(device)
    return any(_runs(candidate, image) for candidate in _precisions(net))


def _runs(net: nn.Module, image: Tensor) -> bool:
    try:
        with torch.inference_mode(), quiet():
            net(image.clone())
    # User code can raise anything.
    except Exception:
        return False
    return True


def set_layout(net: nn.Module, layout: torch.memory_format) -> None:
    """Convert the memory of all 4-D weights, in place."""
    for tensor in (*net.parameters(), *net.buffers()):
        if tensor.ndim == 4:
            tensor.data = tensor.data.contiguous(memory_format=layout)
