"""Taps: places in a forward pass where feature maps are read or replaced.

Most feature maps are the output of a module. Others come from functions that a forward method applies to it,
such as ``F.leaky_relu(self.features(images))``, which hooks of modules cannot see.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import count
from threading import get_ident
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from vulneuron.network.tracing import tensors_in

#: Receives the functions so far and the latest one's result, which it may replace.
Visitor = Callable[[tuple[str, ...], Tensor], Tensor | None]

#: Functions that rearrange or copy values, and poolings to the same size, as in torchvision's VGG: omitted in
#: the description of a tap.
_REARRANGING = {
    "permute",
    "transpose",
    "movedim",
    "contiguous",
    "clone",
    "to",
    "float",
    "detach",
    "dropout",
} | {
    "adaptive_avg_pool2d",
    "adaptive_max_pool2d",
}


@dataclass(frozen=True)
class Tap:
    """A place in the forward pass: the output of a module, or that of a function that is applied to it.

    Attributes
    ----------
    layer
        Dotted name of the module.
    call
        Index of the call of this module in a forward pass, if it runs several times.
    functions
        Functions that depend on the module's output, from there to the tap, in the order of their calls;
        empty for the module's output itself.
    channels_last
        Whether values at the tap are ``(n, row, column, neuron)``; a tap always presents them as
        ``(n, neuron, row, column)``.
    """

    layer: str
    call: int = 0
    functions: tuple[str, ...] = ()
    channels_last: bool = False

    @property
    def activation(self) -> str:
        """The functions between the module's output and the tap, in words; "identity" if there are none."""
        return ", ".join(name for name in self.functions if name not in _REARRANGING) or "identity"

    def present(self, values: Tensor) -> Tensor:
        """Values at the tap as ``(n, neuron, row, column)``."""
        return values.permute(0, 3, 1, 2) if self.channels_last else values

    def restore(self, features: Tensor) -> Tensor:
        """The inverse of `present`."""
        return features.permute(0, 2, 3, 1) if self.channels_last else features

    @contextmanager
    def open(self, net: nn.Module, function: Callable[[Tensor], Tensor | None]) -> Iterator[None]:
        """Call a function with the feature maps in this thread's forward pass, and use its result, if any.

        Parameters
        ----------
        net
            The network.
        function
            Receives feature maps ``(n, neuron, row, column)``; returns feature maps that replace them, or
            None.
        """

        def apply(values: Tensor) -> Tensor | None:
            features = function(self.present(values))
            return None if features is None else self.restore(features)

        def visit(functions: tuple[str, ...], values: Tensor) -> Tensor | None:
            if len(functions) < len(self.functions):
                return None
            downstream.stop()
            return apply(values)

        downstream = _Downstream(visit)
        start = downstream.start if self.functions else apply
        with _output_hook(net, self.layer, self.call, start), downstream if self.functions else nullcontext():
            yield


def taps_after(
    net: nn.Module, tap: Tap, run: Callable[[], object], idle: Collection[str]
) -> list[tuple[tuple[str, ...], Tensor]]:
    """Functions applied to a module's output before the next module runs, with copies of their results.

    Parameters
    ----------
    net
        The network.
    tap
        The module's output.
    run
        Runs the network.
    idle
        Names of modules that only pass values on.

    Returns
    -------
    list of tuple
        For the module's output and each function: the functions up to there, and the result.
    """
    results: list[tuple[tuple[str, ...], Tensor]] = []

    def visit(functions: tuple[str, ...], values: Tensor) -> None:
        results.append((functions, values.detach().clone()))

    def start(values: Tensor) -> None:
        visit((), values)
        downstream.start(values)

    downstream = _Downstream(visit)
    with ExitStack() as stack:
        for name, module in net.named_modules():
            if name and name not in idle:
                handle = module.register_forward_pre_hook(lambda _module, _args: downstream.stop())
                stack.callback(handle.remove)
        stack.enter_context(_output_hook(net, tap.layer, tap.call, start))
        stack.enter_context(downstream)
        with torch.no_grad():
            run()
    return results


@contextmanager
def _output_hook(
    net: nn.Module, layer: str, call: int, function: Callable[[Tensor], Tensor | None]
) -> Iterator[None]:
    """Call a function with the output of one call of a module; its result, if any, replaces the output."""
    calls, thread = count(), get_ident()

    def hook(_module: nn.Module, _args: object, output: Tensor) -> Tensor | None:
        # Other threads may run or trace the same module.
        if get_ident() != thread:
            return None
        return function(output) if next(calls) == call else None

    handle = net.get_submodule(layer).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


class _Downstream(TorchFunctionMode):
    """Follows a tensor through the functions that depend on it, in this thread."""

    def __init__(self, visit: Visitor) -> None:
        super().__init__()
        self._visit = visit
        self._functions: tuple[str, ...] = ()
        # Tensors stay referenced, so that their identities remain unique.
        self._dependent: dict[int, Tensor] = {}

    def start(self, values: Tensor) -> None:
        """Follow a tensor from now on."""
        self._functions = ()
        self._add(values)

    def stop(self) -> None:
        """Follow no tensor any longer."""
        self._dependent.clear()

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Call the function; visit its result if it depends on the tensor."""
        result = func(*args, **(kwargs or {}))
        if not self._dependent or not any(
            id(value) in self._dependent for value in tensors_in((args, kwargs))
        ):
            return result
        # An assignment to items changes its first argument, and returns nothing.
        outputs = list(tensors_in(args[0] if result is None else result))
        for output in outputs:
            self._add(output)
        if len(outputs) != 1:
            return result
        (output,) = outputs
        self._functions = (*self._functions, func.__name__.strip("_"))
        replaced = self._visit(self._functions, output)
        if replaced is None:
            return result
        if any(output is value for value in tensors_in(args)):
            # The function works in place: the caller may use its argument.
            output.copy_(replaced)
            return result
        return replaced

    def _add(self, values: Tensor) -> None:
        self._dependent[id(values)] = values
