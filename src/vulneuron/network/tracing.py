"""What each module of a network reads and gives in one forward pass."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import ReferenceType, ref

import torch
from torch import Tensor, nn


class _Copies:
    """Copies of tensors, one for each content: most of what a module reads is what another one has given."""

    def __init__(self) -> None:
        self._latest: dict[int, tuple[ReferenceType[Tensor], int, Tensor]] = {}

    def of(self, value: Tensor) -> Tensor:
        """A copy, the same one again as long as the tensor has not been changed in place."""
        if value.is_inference():
            # Nothing counts its changes.
            return value.detach().clone()
        source, version, copy = self._latest.get(id(value), (None, -1, value))
        if source is None or source() is not value or version != value._version:
            copy = value.detach().clone()
            self._latest[id(value)] = (ref(value), value._version, copy)
        return copy


def _nothing() -> Tensor:
    return torch.empty(0)


@dataclass
class Call:
    """One call of a module.

    Attributes
    ----------
    name, module
        The module, with its dotted name.
    start, end
        Positions in the order of all starts and ends of calls.
    read, out
        First argument and output, empty where they are no tensors.
    index
        How many calls of the same module ended before this one.
    """

    name: str
    module: nn.Module
    start: int
    read: Tensor
    end: int = -1
    out: Tensor = field(default_factory=_nothing)
    index: int = 0


def trace_calls(net: nn.Module, images: Tensor) -> list[Call]:
    """Run the network and keep what each module read and gave, in the order in which calls end.

    Values are copied: an in-place operation that follows must not change them. Calls may share a copy.
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
            read = copies.of(args[0]) if args and isinstance(args[0], Tensor) else _nothing()
            open_calls.append(Call(name, module, tick, read))

        return hook

    def after(_module: nn.Module, _args: object, output: object) -> None:
        nonlocal tick
        tick += 1
        call = open_calls.pop()
        call.end, call.index = tick, ended[call.name]
        ended[call.name] += 1
        if isinstance(output, Tensor):
            call.out = copies.of(output)
        done.append(call)

    handles = []
    for name, module in net.named_modules():
        if name:
            handles.append(module.register_forward_pre_hook(before(name)))
            handles.append(module.register_forward_hook(after))
    try:
        with torch.no_grad():
            net(images)
    finally:
        for handle in handles:
            handle.remove()
    return done


def has_weights(call: Call) -> bool:
    """Whether the module, or one inside it, has parameters."""
    return next(call.module.parameters(), None) is not None


def weighted_calls(calls: list[Call]) -> list[Call]:
    """Innermost calls of modules with parameters, in the order in which they end."""
    found: list[Call] = []
    latest = -1
    for call in calls:
        if has_weights(call):
            # A call that ended before, but began later, is inside of this one.
            if call.start > latest:
                found.append(call)
            latest = max(latest, call.start)
    return found
