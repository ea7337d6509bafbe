"""What each module of a network reads and gives in one forward pass."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn


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

    Values are cloned: an in-place operation that follows must not change them.
    """
    open_calls: list[Call] = []
    done: list[Call] = []
    ended: Counter[str] = Counter()
    tick = 0

    def before(name: str) -> Callable[[nn.Module, tuple[object, ...]], None]:
        def hook(module: nn.Module, args: tuple[object, ...]) -> None:
            nonlocal tick
            tick += 1
            read = args[0].detach().clone() if args and isinstance(args[0], Tensor) else _nothing()
            open_calls.append(Call(name, module, tick, read))

        return hook

    def after(_module: nn.Module, _args: object, output: object) -> None:
        nonlocal tick
        tick += 1
        call = open_calls.pop()
        call.end, call.index = tick, ended[call.name]
        ended[call.name] += 1
        if isinstance(output, Tensor):
            call.out = output.detach().clone()
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
