"""How a network runs: the precision of its weights, and the memory layout of its images."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vulneuron.errors import ModelError
from vulneuron.network.checks import checked_logits
from vulneuron.network.copying import prepared
from vulneuron.network.probes import probe_images
from vulneuron.network.process_state import quiet
from vulneuron.network.weights import is_float32

#: The first one is faster, but fails for networks with ``x.view(len(x), -1)``.
_LAYOUTS = (torch.channels_last, torch.contiguous_format)
#: Image sizes to propose, the most common ones first.
_SIDES = (224, 32, 64, 28, 299, 384, 256, 96, 128, 160, 192, 240, 288, 320, 448)


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
    plain = errors[len(_LAYOUTS) - 1]
    if (side := _suitable_side(whole(net), probe)) is not None:
        raise ModelError(
            f"{plain.given.removesuffix('.')}; it runs on images of {side} x {side} pixels",
            allowed=f"images of {side} x {side} pixels",
            fix=f"pass --image-size {side}",
        ) from plain
    raise plain


def _suitable_side(module: nn.Module, probe: Tensor) -> int | None:
    """A common image size for which a network returns logits; None if it does for the probe, or for none."""
    if _returns_logits(module, probe):
        return None
    squares = (F.interpolate(probe, (side, side)) for side in _SIDES)
    return next((len(square[0, 0]) for square in squares if _returns_logits(module, square)), None)


def _returns_logits(module: nn.Module, images: Tensor) -> bool:
    try:
        with torch.inference_mode(), quiet():
            output = module(images.clone())
    # User code can raise anything.
    except Exception:
        return False
    return isinstance(output, Tensor) and output.ndim == 2 and len(output) == len(images)


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
