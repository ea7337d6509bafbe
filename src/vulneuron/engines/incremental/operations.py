"""The effect of each step on a changed region, tested on values rather than inferred from names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vulneuron.engines.incremental.regions import Slide, Spread
from vulneuron.network.probes import max_relative_error

#: A step as a function of its inputs.
Function = Callable[..., Any]
_TOLERANCE = 1e-5
_SCALES = (2.0, 100.0)
#: Largest mean fraction of an axis that one cell may affect; beyond that, regions grow to whole feature maps.
_MOST_AFFECTED = 0.5
#: Number of feature maps in one call of a test.
_BATCH = 16


@dataclass(frozen=True)
class Local:
    """Each output cell depends on the same cell of the inputs: activations, sums, concatenation."""


@dataclass(frozen=True)
class Sliding:
    """Each output cell depends on a window of one input: convolutions, pooling, space to depth.

    Attributes
    ----------
    rows, columns
        Movement of the window.
    fill
        Value of the padding: 0, or -inf for maximum pooling.
    function
        The operation on feature maps that are already padded.
    """

    rows: Slide
    columns: Slide
    fill: float
    function: Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Affine:
    """Each output cell is a different affine function of a few cells of one input, as in resizing.

    The whole output is computed, and the region is cut out of it.

    Attributes
    ----------
    rows, columns
        Outputs that each row and column of the input affects.
    """

    rows: Spread
    columns: Spread


@dataclass(frozen=True)
class Mean:
    """The output is the mean over all cells, one number per channel: ``(n, channel, ...)``."""


@dataclass(frozen=True)
class Opaque:
    """Anything else: needs whole inputs, and all steps after it are on whole feature maps."""


Operation = Local | Sliding | Affine | Mean | Opaque


def classify_operation(
    function: Function, module: nn.Module | None, call: Any, inputs: Sequence[Tensor]
) -> Operation:
    """The effect of a step on a changed region; `Opaque` if no test succeeds.

    Parameters
    ----------
    function
        The step, as a function of `inputs` alone.
    module
        The module that it calls, if any.
    call
        The called function and its arguments, for pooling that is not a module.
    inputs
        The inputs that depend on the image, ``(1, channel, y, x)`` each; tests replace them with noise.
    """
    sizes = {tuple(values.shape[2:]) for values in inputs if _is_feature_map(values)}
    if len(sizes) != 1 or not all(_is_feature_map(values) for values in inputs):
        return Opaque()
    generator = torch.Generator().manual_seed(0)
    noise = [
        torch.randn(values.shape, generator=generator, dtype=torch.float32)
        .to(values)
        .contiguous(memory_format=torch.channels_last)
        for values in inputs
    ]
    try:
        # A step that clips or rounds acts differently on large and on small values.
        operations = [
            _prove(function, module, call, [scale * values for values in noise]) for scale in _SCALES
        ]
        same = all(_equal(operations[0], operation) for operation in operations)
        return operations[0] if same else Opaque()
    # The modules of a network may not accept feature maps of this size.
    except (RuntimeError, TypeError, ValueError, LookupError, AssertionError):
        return Opaque()


def _is_feature_map(values: Tensor) -> bool:
    return values.ndim == 4 and values.is_floating_point()


def _prove(function: Function, module: nn.Module | None, call: Any, noise: list[Tensor]) -> Operation:
    output = function(*(values.clone() for values in noise))
    if not isinstance(output, Tensor):
        return Opaque()
    if _is_local(function, noise, output):
        return Local()
    return _prove_single(function, module, call, noise[0], output) if len(noise) == 1 else Opaque()


def _prove_single(
    function: Function, module: nn.Module | None, call: Any, noise: Tensor, output: Tensor
) -> Operation:
    """The operation of a step with one input that is not local."""
    if output.ndim in (2, 4) and _close(output.flatten(1), noise.mean((2, 3))):
        return Mean()
    if (block := _block_side(function, noise, output)) is not None:
        slide = Slide(block, block, 0, 1)
        return Sliding(slide, slide, 0.0, function)
    for proposal in _proposals(module, call, noise, output):
        if _reproduces(proposal, noise, output):
            return proposal
    return _affine(function, noise, output) or Opaque()


def _equal(one: Operation, other: Operation) -> bool:
    if isinstance(one, Sliding) and isinstance(other, Sliding):
        return (one.rows, one.columns, one.fill) == (other.rows, other.columns, other.fill)
    if isinstance(one, Affine) and isinstance(other, Affine):
        return one.rows.equals(other.rows) and one.columns.equals(other.columns)
    return one == other


def _is_local(function: Function, inputs: Sequence[Tensor], output: Tensor) -> bool:
    """Whether every crop of the inputs results in the same crop of the output."""
    rows, columns = inputs[0].shape[2:]
    if output.ndim != 4 or output.shape[2:] != inputs[0].shape[2:]:
        return False
    for y, x in _crops(rows, columns):
        try:
            cropped = function(*(values[:, :, y, x].clone() for values in inputs))
        except (RuntimeError, TypeError, ValueError, LookupError, AssertionError):
            return False
        if cropped.shape != output[:, :, y, x].shape or not _close(cropped, output[:, :, y, x]):
            return False
    return True


def _block_side(function: Function, values: Tensor, output: Tensor) -> int | None:
    """Side of the blocks of which each gives one cell of the output: space to depth, slices with a step.

    None unless every crop along blocks results in the same crop of the output.
    """
    if output.ndim != 4 or min(output.shape[2:]) < 2:
        return None
    sides = {inputs / outputs for inputs, outputs in zip(values.shape[2:], output.shape[2:], strict=True)}
    side = sides.pop()
    if sides or side < 2 or side % 1:
        return None
    block = int(side)
    rows, columns = output.shape[2:]
    for y, x in _crops(rows, columns):
        first, second = (slice(part.start * block, part.stop * block) for part in (y, x))
        try:
            cropped = function(values[:, :, first, second].clone())
        except (RuntimeError, TypeError, ValueError, LookupError, AssertionError):
            return None
        if not _close(cropped, output[:, :, y, x]):
            return None
    return block


def _crops(rows: int, columns: int) -> list[tuple[slice, slice]]:
    """Crops of a feature map, off the diagonal, where rows and columns differ; one is not square."""
    crops = [
        (slice(0, (rows + 1) // 2), slice(columns // 2, columns)),
        (slice(rows // 2, rows), slice(0, (columns + 1) // 2)),
        (slice(rows // 3, rows // 3 + 1), slice(columns // 2, columns)),
    ]
    # Cutting off one edge shifts every other cell's index, counted from the start or from the end.
    if rows > 1:
        crops += [(slice(1, rows), slice(0, columns)), (slice(0, rows - 1), slice(0, columns))]
    if columns > 1:
        crops += [(slice(0, rows), slice(1, columns)), (slice(0, rows), slice(0, columns - 1))]
    return crops


def _reproduces(proposal: Sliding, values: Tensor, output: Tensor) -> bool:
    (top, bottom), (left, right) = (
        (slide.padding, (outputs - 1) * slide.stride + slide.reach - slide.padding - inputs)
        for slide, outputs, inputs in zip(
            (proposal.rows, proposal.columns), output.shape[2:], values.shape[2:], strict=True
        )
    )
    # Negative padding cuts off inputs that no window reads.
    proposed = proposal.function(F.pad(values, (left, right, top, bottom), value=proposal.fill))
    return proposed.shape == output.shape and _close(proposed, output)


def _affine(function: Function, values: Tensor, output: Tensor) -> Affine | None:
    """The step as an affine operation; None if it is not affine, or a cell affects too many outputs.

    Affected outputs are found with random inputs, which have no effect only where all weights are zero.
    """
    if output.ndim != 4:
        return None
    zero = torch.zeros_like(values)
    constant, flipped = function(zero.clone()), values.flip(2, 3)
    if not _close(function(values + flipped) + constant, output + function(flipped.clone())):
        return None
    rows, columns = (_spread(function, values, constant, axis) for axis in (2, 3))
    shares = rows.typical_share, columns.typical_share
    return Affine(rows, columns) if max(shares) <= _MOST_AFFECTED else None


def _spread(function: Function, values: Tensor, constant: Tensor, axis: int) -> Spread:
    """Outputs along an axis that change if only one row or column of the input is not zero."""
    other = 5 - axis
    affected = []
    for indices in torch.arange(values.shape[axis], device=values.device).split(_BATCH):
        alone = torch.zeros_like(values).repeat(len(indices), 1, 1, 1)
        for row, index in enumerate(indices):
            alone.select(axis, index)[row] = values.select(axis, index)[0]
        affected.append((function(alone) != constant).any(1).any(other - 1))
    return Spread.of_inputs(torch.cat(affected).cpu().numpy())


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
    options = {**dict(zip(names, args[1:], strict=False)), **kwargs}
    return [
        _pooling(
            kind,
            options["kernel_size"],
            options.get("stride"),
            options.get("padding", 0),
            options.get("dilation", 1),
        )
    ]


def _convolutions(conv: nn.Conv2d, values: Tensor, output: Tensor) -> list[Sliding]:
    paddings = []
    if not isinstance(conv.padding, str):
        paddings.append(tuple(conv.padding))
    # TensorFlow's "same": ceil(inputs / stride) outputs, with the odd cell of padding at the end.
    same = [
        max((outputs - 1) * stride + dilation * (kernel - 1) + 1 - inputs, 0) // 2
        for outputs, stride, dilation, kernel, inputs in zip(
            output.shape[2:], conv.stride, conv.dilation, conv.kernel_size, values.shape[2:], strict=True
        )
    ]
    paddings.append((same[0], same[1]))

    def function(padded: Tensor) -> Tensor:
        return F.conv2d(padded, conv.weight, conv.bias, conv.stride, 0, conv.dilation, conv.groups)

    return [
        Sliding(*_slides(conv.kernel_size, conv.stride, padding, conv.dilation), 0.0, function)
        for padding in paddings
    ]


def _pooling(kind: str, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Sliding:
    kernels, paddings, dilations = _pair(kernel), _pair(padding), _pair(dilation)
    strides = kernels if stride is None or stride == [] else _pair(stride)
    slides = _slides(kernels, strides, paddings, dilations)

    def maximum(padded: Tensor) -> Tensor:
        return F.max_pool2d(padded, kernels, strides, 0, dilations)

    def average(padded: Tensor) -> Tensor:
        return F.avg_pool2d(padded, kernels, strides)

    return Sliding(*slides, -torch.inf, maximum) if kind == "max" else Sliding(*slides, 0.0, average)


def _slides(*sizes: Sequence[int]) -> tuple[Slide, Slide]:
    """Both axes, from (rows, columns) pairs of kernel, stride, padding and dilation."""
    rows, columns = zip(*sizes, strict=True)
    return Slide(*rows), Slide(*columns)


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[-1]))


def _close(values: Tensor, expected: Tensor) -> bool:
    same_kind = values.shape == expected.shape and values.dtype == expected.dtype
    return same_kind and max_relative_error(values, expected) <= _TOLERANCE
