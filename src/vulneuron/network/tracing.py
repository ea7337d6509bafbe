"""Inputs and outputs of all modules of a network in one forward pass."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from weakref import ReferenceType, ref

import torch
from torch import Tensor, nn


class _Copies:
    """Copies of tensors, shared until a tensor changes, because most inputs are outputs of other modules."""

    def __init__(self) -> None:
        self._latest: dict[int, tuple[ReferenceType[Tensor], int, Tensor]] = {}

    def copy(self, value: Tensor) -> Tensor:
        """A copy of the tensor; the same one until the tensor is modified in place."""
        if value.is_inference():
            # Inference tensors have no version counter.
            return value.detach().clone()
        source, version, copy = self._latest.get(id(value), (None, -1, value))
        if source is None or source() is not value or version != value._version:
            copy = value.detach().clone()
            self._latest[id(value)] = (ref(value), value._version, copy)
        return copy


def _empty() -> Tensor:
    return torch.empty(0)


@dataclass(eq=False)
class Call:
    """One call of a module.

    Attributes
    ----------
    name, module
        The module, with its dotted name.
    start, end
        Positions in the order of all starts and ends of calls.
    read, out
        First argument and output; empty if they are not tensors.
    index
        Number of calls of the same module that ended before this one.
    """

    name: str
    module: nn.Module
    start: int
    read: Tensor
    end: int = -1
    out: Tensor = field(default_factory=_empty)
    index: int = 0


def trace_calls(net: nn.Module, run: Callable[[], object]) -> list[Call]:
    """Save the input and output of each module of a network in one run, in the order in which calls end.

    Values are copied, because a later operation may change them in place. Calls may share a copy.

    Parameters
    ----------
    net
        The network.
    run
        Runs the network, which may be part of another module.
    """
    copies = _Copies()
    open_calls: list[Call] = []
    done: list[Call] = []
    ended: Counter[str] = Counter()
    tick = 0

    def before(name: str) -> Callable[[nn.Module, tuple[object, ...]], None]:
        def hook(module: nn.Module, args: tuple[object, ...]) -> None:
            nonlocal tick
            tick += 1
            read = copies.copy(args[0]) if args and isinstance(args[0], Tensor) else _empty()
            open_calls.append(Call(name, module, tick, read))

        return hook

    def after(_module: nn.Module, _args: object, output: object) -> None:
        nonlocal tick
        tick += 1
        call = open_calls.pop()
        call.end, call.index = tick, ended[call.name]
        ended[call.name] += 1
        if isinstance(output, Tensor):
            call.out = copies.copy(output)
        done.append(call)

    handles = []
    for name, module in net.named_modules():
        if name:
            handles.append(module.register_forward_pre_hook(before(name)))
            handles.append(module.register_forward_hook(after))
    try:
        with torch.no_grad():
            run()
    finally:
        for handle in handles:
            handle.remove()
    return done


def tensors_in(value: object) -> Iterator[Tensor]:
    """Tensors in nested tuples, lists and dictionaries."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        yield from tensors_in(tuple(value.values()))


def least_precise_type(calls: list[Call]) -> torch.dtype:
    """The least precise of the floating-point types of all outputs, such as bfloat16 under autocast."""
    types = {call.out.dtype for call in calls if call.out.is_floating_point()} or {torch.float32}
    return max(types, key=lambda dtype: torch.finfo(dtype).eps)


def is_idle(call: Call) -> bool:
    """Whether the module only passes values on or reshapes them, such as a dropout in eval mode.

    Large values of other signs tell it from a ReLU whose input happens to be positive.
    """
    if has_weights(call) or not _are_same(call.out, call.read):
        return False
    # Random values would take longer than the pass itself.
    values = (call.read * -1000 - 1).to(call.read.dtype)
    with torch.no_grad():
        output = call.module(values.clone())
    return isinstance(output, Tensor) and _are_same(output, values)


def _are_same(output: Tensor, values: Tensor) -> bool:
    if output.shape == values.shape:
        return torch.equal(output, values)
    is_reshape = len(output) == len(values) and output.numel() == values.numel()
    return is_reshape and torch.equal(output.flatten(1), values.flatten(1))


def has_weights(call: Call) -> bool:
    """Whether the module, or one inside it, has parameters."""
    return next(call.module.parameters(), None) is not None


def weighted_calls(calls: list[Call]) -> list[Call]:
    """Innermost calls of modules with parameters, in the order in which they end."""
    innermost: list[Call] = []
    latest = -1
    for call in calls:
        if has_weights(call):
            # A call that ended earlier but started later is inside this one.
            if call.start > latest:
                innermost.append(call)
            latest = max(latest, call.start)
    return innermost
