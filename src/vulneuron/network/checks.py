"""Preconditions on the user's model."""

import re
import traceback
from pathlib import Path

import torch
from torch import Tensor, nn

from vulneuron.errors import ModelError, one_line
from vulneuron.network.probes import max_relative_error
from vulneuron.network.process_state import quiet

#: Largest relative difference between the logits of an image alone and in a batch: accelerators choose less
#: exact sums for some sizes.
_BATCH_TOLERANCE = 1e-2
#: Exact types, and words in their messages, that indicate images of an unsuitable size.
_SIZE_ERRORS = (RuntimeError, ValueError, AssertionError, IndexError)
_SIZE_WORDS = re.compile(r"size|shape|channel|dim|height|width|divisible|multiple|match", re.IGNORECASE)


def checked_logits(
    module: nn.Module, probe: Tensor, layout: torch.memory_format = torch.contiguous_format
) -> Tensor:
    """Logits ``(n, class)`` of probe images, in float32.

    The batch has the memory layout, a single image is contiguous.

    Raises
    ------
    ModelError
        If the module fails on them, returns anything but finite logits of at least 2 classes, or returns
        different logits when its last image is passed alone.
    """
    try:
        with quiet(), torch.inference_mode():
            batch = probe.clone(memory_format=layout)
            output, single = module(batch), module(probe[-1:].clone())
    except Exception as error:
        raise _forward_error(error, probe) from error
    if not isinstance(output, Tensor) or output.ndim != 2 or output.shape[0] != len(probe):
        raise _output_error(f"the model's output is {_shape_or_type(output)}")
    if output.shape[1] < 2:
        raise ModelError(
            f"the model has {output.shape[1]} output",
            allowed="one matrix of logits (n, class) with at least 2 classes",
            fix="for a single logit z of shape (n, 1), return torch.cat([-z, z], 1) / 2, whose softmax is "
            "the sigmoid of z",
        )
    if not isinstance(single, Tensor) or single.shape != (1, output.shape[1]):
        raise _output_error(f"the model's output for one image is {_shape_or_type(single)}")
    if not output.isfinite().all():
        raise ModelError(
            "the model's logits are NaN or infinite",
            allowed="finite logits on pixels in [0, 1]",
            fix=f"check its weights{_first_bad_tensor(module)} and the normalization (--mean, --std)",
        )
    difference = max_relative_error(single.float(), output[-1:].float())
    if not difference <= _BATCH_TOLERANCE:
        raise ModelError(
            f"the logits of an image differ between batches (relative difference {difference:.1e})",
            allowed="logits that depend only on the image",
            fix="disable random layers, and layers that use batch statistics (track_running_stats=False)",
        )
    return output.float()


def protect_images(net: nn.Module, image: Tensor) -> None:
    """Make a network that modifies its images in place work on copies of them."""
    copy = image.clone()
    with torch.inference_mode():
        net(copy)
    if not torch.equal(copy, image):
        # Before hooks of the model, which may be the ones that modify them.
        net.register_forward_pre_hook(
            lambda _net, inputs: tuple(value.clone() for value in inputs), prepend=True
        )


def _shape_or_type(output: object) -> object:
    return tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__


def _forward_error(error: Exception, probe: Tensor) -> ModelError:
    allowed = "a model that maps images (n, channel, y, x) to logits (n, class)"
    if "re-export" in str(error):
        return ModelError(
            f"the model was exported for batches of one size ({one_line(error)})",
            allowed="a model for any number of images",
            fix="pass dynamic_shapes=({0: torch.export.Dim.AUTO},) to torch.export.export",
        )
    if type(error) in _SIZE_ERRORS and _SIZE_WORDS.search(str(error)):
        return ModelError(
            f"the model fails on images {tuple(probe.shape)}: {one_line(error)}",
            allowed=allowed,
            fix="check the image size (--image-size) and the number of input channels",
        )
    *_, frame = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frame.filename).name}, line {frame.lineno}"
    return ModelError(
        f"the model's forward pass raised {one_line(error)} ({place})",
        allowed=allowed,
        fix=f"run it in Python on a tensor of shape {tuple(probe.shape)} to see where it fails",
    )


def _output_error(problem: str) -> ModelError:
    return ModelError(
        problem,
        allowed="one matrix of logits (n, class) with at least 2 classes",
        fix="wrap the model so that its forward method returns only the logits",
    )


def _first_bad_tensor(module: nn.Module) -> str:
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            return f" ({name} contains NaN or infinity)"
    return ""
