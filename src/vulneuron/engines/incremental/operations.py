"""What each step of a network does to a changed region, proved on values instead of read off names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vulneuron.engines.incremental.regions import Slide
from vulneuron.network.probes import max_relative_error

#: A step as a function of the values that it reads.
Function = Callable[..., Any]
_TOLERANCE = 1e-5
_SCALES = (2.0, 100.0)


@dataclass(frozen=True)
class Local:
    """Each place of the output depends on the same place of the inputs: activations, sums, concatenation."""


@dataclass(frozen=True)
class Sliding:
    """Each place of the output depends on a window of one input: convolutions, pooling.

    Attributes
    ----------
    rows, columns
        How the window moves.
    fill
        What padding reads: 0, or -inf for maximum pooling.
    function
        The operation on maps that have their padding already.
    """

    rows: Slide
    columns: Slide
    fill: float
    function: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Mean:
    """The output is the mean over all places, an ``(n, channel, ...)`` number a channel."""


@dataclass(frozen=True)
class Opaque:
    """Anything else: needs its inputs whole, and everything after it is whole, too."""


Operation = Local | Sliding | Mean | Opaque


def operation_of(
    function: Function, module: nn.Module | None, call: Any, inputs: Sequence[Tensor]
) -> Operation:
    """What a step does to a changed region, `Opaque` unless proved.

    Parameters
    ----------
    function
        The step, as a function of `inputs` alone.
    module
        The module that it calls, if any.
    call
        The function that it calls and its arguments, for pooling that is no module.
    inputs
        What depends on the image, ``(1, channel, y, x)`` each; replaced by noise for the proofs.
    """
    maps = {tuple(it.shape[2:]) for it in inputs if it.ndim == 4 and it.is_floating_point()}
    if len(maps) != 1 or not all(it.ndim == 4 and it.is_floating_point() for it in inputs):
        return Opaque()
    generator = torch.Generator().manual_seed(0)
    noise = [torch.randn(it.shape, generator=generator).to(it) for it in inputs]
    try:
        # What clips or rounds is another function for large values than for small ones.
        found = [_proved(function, module, call, [scale * it for it in noise]) for scale in _SCALES]
        return found[0] if all(_same(found[0], it) for it in found) else Opaque()
    # Foreign code on maps of another size than it has ever seen.
    except (RuntimeError, TypeError, ValueError, LookupError, AssertionError):
        return Opaque()


def _proved(function: Function, module: nn.Module | None, call: Any, noise: list[Tensor]) -> Operation:
    output = function(*(it.clone() for it in noise))
    if not isinstance(output, Tensor):
        return Opaque()
    if _is_local(function, noise, output):
        return Local()
    if len(noise) == 1:
        if output.ndim in (2, 4) and _close(output.flatten(1), noise[0].mean((2, 3))):
            return Mean()
        for proposal in _proposals(module, call, noise[0], output):
            if _slides(proposal, noise[0], output):
                return proposal
    return Opaque()


def _same(one: Operation, other: Operation) -> bool:
    if isinstance(one, Sliding) and isinstance(other, Sliding):
        return (one.rows, one.columns, one.fill) == (other.rows, other.columns, other.fill)
    return one == other


def _is_local(function: Function, inputs: Sequence[Tensor], output: Tensor) -> bool:
    """Whether the step gives the same on any part of its inputs alone."""
    rows, columns = inputs[0].shape[2:]
    if output.ndim != 4 or output.shape[2:] != inputs[0].shape[2:]:
        return False
    # Beside the diagonal, where rows and columns can be told apart, and the last one is no square.
    parts = [
        (slice(0, (rows + 1) // 2), slice(columns // 2, columns)),
        (slice(rows // 2, rows), slice(0, (columns + 1) // 2)),
        (slice(rows // 3, rows // 3 + 1), slice(columns // 2, columns)),
    ]
    # Without one edge, every other place has another number, from the start or from the end.
    every = slice(None)
    if rows > 1:
        parts += [(slice(1, None), every), (slice(0, -1), every)]
    if columns > 1:
        parts += [(every, slice(1, None)), (every, slice(0, -1))]
    for y, x in parts:
        try:
            part = function(*(it[:, :, y, x].clone() for it in inputs))
        except (RuntimeError, TypeError, ValueError, LookupError, AssertionError):
            return False
        if part.shape != output[:, :, y, x].shape or not _close(part, output[:, :, y, x]):
            return False
    return True


def _slides(proposal: Sliding, values: Tensor, output: Tensor) -> bool:
    (top, bottom), (left, right) = (
        (slide.padding, (outputs - 1) * slide.stride + slide.reach - slide.padding - inputs)
        for slide, outputs, inputs in zip(
            (proposal.rows, proposal.columns), output.shape[2:], values.shape[2:], strict=True
        )
    )
    # A negative pad cuts off what no window reads.
    found = proposal.function(F.pad(values, (left, right, top, bottom), value=proposal.fill))
    return found.shape == output.shape and _close(found, output)


def _proposals(module: nn.Module | None, call: Any, values: Tensor, output: Tensor) -> list[Sliding]:
    if output.ndim != 4:
        return []
    if isinstance(module, nn.Conv2d):
        return _convolutions(module, values, output)
    if isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
        kind = "max" if isinstance(module, nn.MaxPool2d) else "avg"
        dilation = getattr(module, "dilation", 1)
        return [_pooling(kind, module.kernel_size, module.stride, module.padding, dilation)]
    function, args, kwargs = call
    kind = {"max_pool2d": "max", "boolean_dispatch.<locals>.fn": "max", "avg_pool2d": "avg"}.get(
        getattr(function, "__qualname__", ""), ""
    )
    if not kind:
        return []
    names = ("kernel_size", "stride", "padding") + (("dilation",) if kind == "max" else ())
    given = {**dict(zip(names, args[1:], strict=False)), **kwargs}
    return [
        _pooling(
            kind, given["kernel_size"], given.get("stride"), given.get("padding", 0), given.get("dilation", 1)
        )
    ]


def _convolutions(conv: nn.Conv2d, values: Tensor, output: Tensor) -> list[Sliding]:
    paddings = []
    if not isinstance(conv.padding, str):
        paddings.append(tuple(conv.padding))
    # TensorFlow's "same": as many outputs as ceil(inputs / stride), the odd place behind.
    wanted = [
        max((outputs - 1) * stride + dilation * (kernel - 1) + 1 - inputs, 0) // 2
        for outputs, stride, dilation, kernel, inputs in zip(
            output.shape[2:], conv.stride, conv.dilation, conv.kernel_size, values.shape[2:], strict=True
        )
    ]
    paddings.append((wanted[0], wanted[1]))

    def function(maps: Tensor) -> Tensor:
        return F.conv2d(maps, conv.weight, conv.bias, conv.stride, 0, conv.dilation, conv.groups)

    return [
        Sliding(*_slides_of(conv.kernel_size, conv.stride, padding, conv.dilation), 0.0, function)
        for padding in paddings
    ]


def _pooling(kind: str, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Sliding:
    kernels, paddings, dilations = _pair(kernel), _pair(padding), _pair(dilation)
    strides = kernels if stride is None or stride == [] else _pair(stride)
    slides = _slides_of(kernels, strides, paddings, dilations)

    def maximum(maps: Tensor) -> Tensor:
        return F.max_pool2d(maps, kernels, strides, 0, dilations)

    def average(maps: Tensor) -> Tensor:
        return F.avg_pool2d(maps, kernels, strides)

    return Sliding(*slides, -torch.inf, maximum) if kind == "max" else Sliding(*slides, 0.0, average)


def _slides_of(*sizes: Sequence[int]) -> tuple[Slide, Slide]:
    """Kernel, stride, padding and dilation of both axes, for each of them."""
    rows, columns = zip(*sizes, strict=True)
    return Slide(*rows), Slide(*columns)


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[-1]))


def _close(found: Tensor, expected: Tensor) -> bool:
    same_kind = found.shape == expected.shape and found.dtype == expected.dtype
    return same_kind and max_relative_error(found, expected) <= _TOLERANCE
