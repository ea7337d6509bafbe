"""What a model must be, before anything is looked for in it."""

import re
import traceback
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor, nn

from vulneuron.errors import ModelError, one_line
from vulneuron.network.probes import max_relative_error
from vulneuron.network.quiet import quiet

#: How far logits of one image may be from those in a batch, relative to the largest: accelerators choose less
#: exact sums for some sizes.
_OF_BATCHES = 1e-2
#: What PyTorch and networks raise on images of a size that does not fit, none of the subclasses; and how.
_SIZE_ERRORS = (RuntimeError, ValueError, AssertionError, IndexError)
_SIZE_WORDS = re.compile(r"size|shape|channel|dim|height|width|divisible|multiple|match", re.IGNORECASE)


def prepared(model: nn.Module, *, copy: bool) -> nn.Module:
    """Return a model in float32 and eval mode, without parameter gradients: a copy, or the very one.

    Raises
    ------
    ModelError
        If the model is TorchScript, or cannot be copied.
    """
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        raise ModelError(
            "the model is a TorchScript module",
            allowed="a torch.nn.Module of Python code, whose layers can be watched",
            fix="build the model from its class, and load its weights",
        )
    try:
        return (deepcopy(model) if copy else model).eval().requires_grad_(False).float()
    except Exception as error:
        raise ModelError(
            f"the model cannot be {'copied' if copy else 'prepared'} ({one_line(error)})",
            allowed="a module that copy.deepcopy, eval and float work on",
            fix="detach tensors that were kept from a forward pass, or load the model afresh",
        ) from error


def checked_logits(module: nn.Module, probe: Tensor) -> Tensor:
    """Logits ``(n, class)`` of probe images, in float32.

    Raises
    ------
    ModelError
        If the module fails on them, gives something else than finite logits of at least 2 classes, or other
        ones for the same images one by one.
    """
    try:
        with quiet(), torch.inference_mode():
            output, *alone = (module(images.clone()) for images in (probe, *probe.split(1)))
    except Exception as error:
        raise _forward_fails(error, probe) from error
    if not isinstance(output, Tensor) or output.ndim != 2 or output.shape[0] != len(probe):
        found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise _no_logits(f"the model's output is {found}")
    if output.shape[1] < 2:
        raise _no_logits(f"the model has {output.shape[1]} output")
    shapes = {tuple(it.shape) if isinstance(it, Tensor) else type(it).__name__ for it in alone}
    if shapes != {(1, output.shape[1])}:
        raise _no_logits(f"the model's output for one image is {' or '.join(map(str, shapes))}")
    if not output.isfinite().all():
        raise ModelError(
            "the model's logits are NaN or infinite",
            allowed="finite logits on pixels in [0, 1]",
            fix=f"check its weights{_first_bad_tensor(module)} and the normalization (--mean, --std)",
        )
    difference = max_relative_error(torch.cat(alone).float(), output.float())
    if not difference <= _OF_BATCHES:
        raise ModelError(
            f"the model gives an image other logits alone than in a batch (by {difference:.1e}, relative)",
            allowed="logits that depend on nothing but the image",
            fix="switch off what is random, or takes statistics of a batch (track_running_stats=False)",
        )
    return output.float()


def protect_images(net: nn.Module, probe: Tensor) -> None:
    """Let a network that changes its images in place work on copies of them."""
    images = probe.clone()
    with torch.inference_mode():
        net(images)
    if not torch.equal(images, probe):
        net.register_forward_pre_hook(lambda _net, given: tuple(it.clone() for it in given))


def _forward_fails(error: Exception, probe: Tensor) -> ModelError:
    allowed = "a model that maps images (n, channel, y, x) to logits (n, class)"
    if type(error) in _SIZE_ERRORS and _SIZE_WORDS.search(str(error)):
        return ModelError(
            f"the model fails on images {tuple(probe.shape)}: {one_line(error)}",
            allowed=allowed,
            fix="check the image size (--image-size) and the number of channels that it expects",
        )
    *_, frame = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frame.filename).name}, line {frame.lineno}"
    return ModelError(
        f"the model's forward pass raised {one_line(error)} ({place})",
        allowed=allowed,
        fix=f"run it in Python on an array of shape {tuple(probe.shape)} to see where it fails",
    )


def _no_logits(given: str) -> ModelError:
    return ModelError(
        given,
        allowed="one matrix of logits (n, class) with at least 2 classes",
        fix="wrap the model so that its forward returns only the logits",
    )


def _first_bad_tensor(module: nn.Module) -> str:
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            return f" ({name} holds NaN or infinity)"
    return ""
